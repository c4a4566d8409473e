"""`presign agent`: what SDKs get on loopback, and who gets nothing."""

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from botocore.utils import ContainerMetadataFetcher

from presign_client import PresignError
from presign_client.agent.cache import CredentialCache
from presign_client.agent.server import Agent, may_listen_on
from presign_client.results import Credentials
from tests.client.fake import TOKEN
from tests.client.fake_protocols import SECRET_KEY, SESSION_TOKEN, credentials
from tests.docs.documents import commands
from tests.support import http_servers

SECRET = "secret-of-the-agent"


def in_half_an_hour() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=30)


def fetch() -> Credentials:
    return Credentials(
        access_key_id="ASIA",
        secret_access_key=SECRET_KEY,
        session_token=SESSION_TOKEN,
        expires_at=in_half_an_hour(),
    )


def refuse() -> Credentials:
    raise PresignError("forbidden", "No grant.", status=403)


def lose() -> Credentials:
    raise PresignError("unreachable", "presign cannot be reached.")


def miss_the_token() -> Credentials:
    raise FileNotFoundError(2, "No such file", "/token")


@contextmanager
def running(source: Any = fetch, host: str = "127.0.0.1") -> Iterator[Agent]:
    with Agent(host, 0, CredentialCache(source, lambda _: None, wait=30), SECRET) as agent:
        thread = Thread(target=agent.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield agent
        finally:
            agent.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def agent() -> Iterator[Agent]:
    with running() as agent:
        yield agent


def ask(agent: Agent, path: str = "/", **headers: str) -> tuple[int, Any]:
    """Return status and JSON of a GET, as an SDK sends it unless `headers` replace that."""
    host, port = agent.server_address[:2]
    with closing(HTTPConnection(str(host), int(port), timeout=30)) as connection:
        connection.request("GET", path, headers={"Authorization": SECRET, **headers})
        answer = connection.getresponse()
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        return answer.status, json.loads(answer.read())


def test_the_fetcher_of_botocore_reads_the_answer(agent: Agent) -> None:
    found = ContainerMetadataFetcher().retrieve_full_uri(agent.url, {"Authorization": SECRET})

    assert found.keys() == {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
    assert (found["SecretAccessKey"], found["Token"]) == (SECRET_KEY, SESSION_TOKEN)
    assert datetime.fromisoformat(found["Expiration"]) <= in_half_an_hour()


def test_an_ipv6_address_is_listened_on() -> None:
    with running(host="::1") as agent:
        assert agent.url == f"http://[::1]:{agent.server_address[1]}/"
        assert ask(agent)[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "another"}, 401),
        ({"Authorization": ""}, 401),
        ({"Authorization": "gr\xfc\xdfe"}, 401),
        ({"Authorization": f"Bearer {SECRET}"}, 401),
        ({"Origin": "http://127.0.0.1:9911"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "rebound.test"}, 403),
        ({"Host": "127.0.0.1.rebound.test:9911"}, 403),
        ({"Host": "[::1"}, 403),
        ({"Host": ""}, 403),
        ({"Host": "10.0.0.1"}, 403),
    ],
)
def test_others_get_no_credentials(agent: Agent, headers: dict[str, str], status: int) -> None:
    found, answer = ask(agent, **headers)

    assert found == status
    assert answer.keys() == {"code", "message"}


@pytest.mark.parametrize("host", ["localhost", "localhost:9911", "[::1]:9911", "169.254.170.23"])
def test_names_of_this_host_are_accepted(agent: Agent, host: str) -> None:
    assert ask(agent, Host=host)[0] == 200


@pytest.mark.parametrize("path", ["/credentials", "/?a=b"])
def test_other_paths_have_no_credentials(agent: Agent, path: str) -> None:
    assert ask(agent, path)[0] == 404


@pytest.mark.parametrize(
    ("source", "status", "code"),
    [
        (refuse, 403, "forbidden"),
        (lose, 503, "unreachable"),
        (miss_the_token, 503, "invalid_token"),
    ],
)
def test_a_failure_is_json(source: Any, status: int, code: str) -> None:
    with running(source) as agent:
        found, answer = ask(agent)

    assert (found, answer["code"]) == (status, code)


def test_another_method_is_refused(agent: Agent) -> None:
    host, port = agent.server_address[:2]
    with closing(HTTPConnection(str(host), int(port), timeout=30)) as connection:
        connection.request("POST", "/", headers={"Authorization": SECRET})
        assert connection.getresponse().status == 501


@pytest.mark.parametrize("host", ["127.0.0.2", "::1", "169.254.170.2", "fd00:ec2::23"])
def test_it_may_listen_where_sdks_accept_plain_http(host: str) -> None:
    assert may_listen_on(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "169.254.169.254", "localhost", ""])
def test_it_may_listen_nowhere_else(host: str) -> None:
    assert not may_listen_on(host)


class Service(http_servers.Handler):
    """The part of presign that hands out credentials."""

    def do_GET(self) -> None:  # noqa: N802 - its name there
        assert self.path == "/v1/credentials/reports?permission=READ"
        is_known = self.headers["authorization"] == f"Bearer {TOKEN}"
        body = credentials(f"{in_half_an_hour():%Y-%m-%dT%H:%M:%SZ}")
        refused = {"code": "unauthenticated", "message": "Who are you?"}
        content = json.dumps(body if is_known else refused).encode()
        self.answer(200 if is_known else 401, content, {"content-type": "application/json"})


@contextmanager
def started(
    url: str, directory: Path, *words: str, listen: str = "127.0.0.1:0"
) -> Iterator[tuple[dict[str, str], Any]]:
    """Run the command of docs/credentials.md. Yield what it exports, and the process."""
    [block] = [
        each for each in commands("docs/credentials.md") if each.text.startswith("presign agent")
    ]
    options = ("--url", url, "--token-file", "token", "--listen", listen, *words)
    command = [*shlex.split(block.text)[1:], *options]
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "presign_client", *command],
        cwd=directory,
        env={"XDG_STATE_HOME": str(directory)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline() for _ in range(1 if words else 2)]
            exports = [line.removeprefix("export ").strip() for line in lines if line]
            yield dict(each.split("=") for each in exports), process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_it_is_stopped(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "token").write_text(TOKEN)
    with http_servers.serving(Service) as url, started(url, tmp_path) as (exported, process):
        secret = Path(exported["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]).read_text()
        where = exported["AWS_CONTAINER_CREDENTIALS_FULL_URI"], {"Authorization": secret}
        found = ContainerMetadataFetcher().retrieve_full_uri(*where)
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)

    assert found["Token"] == SESSION_TOKEN
    assert (process.returncode, output, errors) == (0, "", "")


def test_each_start_has_another_secret_in_the_same_file(tmp_path: Path) -> None:
    """Another user may have caught it while no agent listened."""
    (tmp_path / "token").write_text(TOKEN)
    with http_servers.serving(Service) as url:
        with started(url, tmp_path) as (exported, process):
            file = Path(exported["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"])
            caught, where = file.read_text(), exported["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
            process.terminate()
            process.communicate(timeout=60)
        address = where.removeprefix("http://").rstrip("/")
        with started(url, tmp_path, listen=address) as (again, _):
            assert again == exported
            assert status_of(where, caught) == 401
            assert status_of(where, file.read_text()) == 200


def test_an_agent_that_cannot_listen_leaves_the_others_secret(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    with (
        http_servers.serving(Service) as url,
        started(url, tmp_path) as (exported, _),
    ):
        where = exported["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
        address = where.removeprefix("http://").rstrip("/")
        with started(url, tmp_path, listen=address) as (nothing, second):
            _, errors = second.communicate(timeout=60)
        secret = Path(exported["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]).read_text()
        assert status_of(where, secret) == 200

    assert (nothing, second.returncode) == ({}, 1)
    assert "in use" in errors


def status_of(url: str, secret: str) -> int:
    answer = httpx.get(url, headers={"Authorization": secret}, trust_env=False, timeout=30)
    return answer.status_code


def test_the_command_ends_if_presign_refuses(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("wrong")
    with http_servers.serving(Service) as url, started(url, tmp_path) as (_, process):
        output, errors = process.communicate(timeout=60)

    assert (process.returncode, output) == (1, "")
    assert errors == (
        "presign: unauthenticated: Who are you? "
        "Check the token in PRESIGN_TOKEN, PRESIGN_TOKEN_FILE or --token-file.\n"
    )


def test_the_command_starts_before_presign_does(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    with started("http://127.0.0.1:1", tmp_path) as (exported, process):
        process.terminate()
        process.communicate(timeout=60)

    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" in exported


def test_the_command_needs_no_secret_if_it_is_asked_to(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    with (
        http_servers.serving(Service) as url,
        started(url, tmp_path, "--no-authorization") as (exported, process),
    ):
        [where] = exported.values()
        found = ContainerMetadataFetcher().retrieve_full_uri(where)
        process.terminate()
        output, errors = process.communicate(timeout=60)

    assert found["Token"] == SESSION_TOKEN
    assert (process.returncode, output, errors) == (0, "", "")
    assert not (tmp_path / "presign").exists()
