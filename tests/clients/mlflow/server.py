"""presign behind nginx, MLflow's server without a key, and programs that use both."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import httpx

from service.auth.api_keys import digest_of
from tests.auth.mint import make_token
from tests.clients.page import ROOT
from tests.clients.recording import Recording, recording
from tests.clients.running import BASH, behind_nginx, issuing, printed
from tests.docs.documents import block_of
from tests.support.processes import free_ports, run_process
from tests.support.scrapes import read, value
from tests.support.service import run_service
from tests.support.stores import Store

PAGE: Final = "docs/mlflow.md"
PRESIGN: Final = "presign.example.com"  # on the page
BIN: Final = Path(os.environ.get("TESTS_MLFLOW", ROOT / ".venv-mlflow" / "bin"))
CLEANER: Final = "the-key-of-mlflow-gc"
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
ROOTS: Final = {
    name: {"bucket": "objects", "prefix": f"mlflow/{name}/"} for name in ("vision", "search")
}
GRANT: Final = {
    "bucket": "objects",
    "prefix": "mlflow/{claim:/team}/",
    "allow": ["download", "head", "list", "upload", "multipart"],
    "allow_overwrite": True,
    "max_expires_in": 900,
}
CALLERS: Final = [
    {"issuer": "corp", "subject": "system:serviceaccount:*:*", "grants": [GRANT]},
    {
        "api_key": "cleaner",
        "sha256": [digest_of(CLEANER)],
        "grants": [{"bucket": "objects", "prefix": "mlflow/", "allow": ["list", "delete"]}],
    },
]


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """MLflow's own server, in its directory. Its experiments have their artifacts at `port`."""

    url: str
    directory: Path
    port: int


@dataclass(frozen=True, kw_only=True)
class Server:
    """`recorded` is what clients send to the store."""

    tracking: Tracking
    service_url: str
    store: Store
    recorded: Recording

    def sizes(self) -> dict[str, int]:
        """Return the sizes of all stored artifacts by their key."""
        pages = self.store.admin_client().get_paginator("list_objects_v2")
        listed = pages.paginate(Bucket=self.store.bucket, Prefix="mlflow/")
        return {each["Key"]: each["Size"] for page in listed for each in page.get("Contents", [])}

    def discarded(self) -> float:
        """Return how many bytes clients have sent to presign that were meant for the store."""
        scraped = httpx.get(f"{self.service_url}/metrics", trust_env=False, timeout=60).text
        return value(read(scraped), "discarded_body_bytes_total")


@dataclass(frozen=True, kw_only=True)
class Program:
    """A directory to run Python in, as a member of a team, with MLflow's client."""

    server: Server
    directory: Path
    token: str = field(repr=False)

    def run(
        self, text: str, environment: Mapping[str, str] = NOTHING, *, fails: bool = False
    ) -> str:
        """Run Python, and return what it prints."""
        return self._run([BIN / "python", "-c", text], environment, fails=fails)

    def page(self, contains: str, environment: Mapping[str, str] = NOTHING) -> str:
        """Run the block of the page that contains this text."""
        block = block_of(PAGE, contains)
        if block.language == "python":
            return self.run(block.text, environment)
        return self._run([*BASH, block.text], environment, fails=False)

    def _run(self, command: list[Any], environment: Mapping[str, str], *, fails: bool) -> str:
        own = environment_of(self.directory) | {
            "MLFLOW_TRACKING_URI": self.server.tracking.url,
            "MLFLOW_TRACKING_TOKEN": self.token,
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        }
        environment = own | dict(environment)
        return printed(command, self.directory, environment, secret=self.token, fails=fails)


def environment_of(home: Path) -> dict[str, str]:
    """No credentials of AWS are in it, and MLflow reports nothing to its makers."""
    return {
        "PATH": os.pathsep.join([str(BIN), os.defpath]),
        "HOME": str(home),
        "AWS_EC2_METADATA_DISABLED": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    }


def new_program(server: Server, directory: Path, team: str = "vision") -> Program:
    return Program(server=server, directory=directory, token=make_token(team=team))


@contextmanager
def serve(store: Store, directory: Path, tracking: Tracking) -> Iterator[Server]:
    with issuing() as issuers, recording(store.endpoint_url) as recorded:
        top = {**issuers, "mlflow": {"roots": ROOTS}}
        with (
            run_service(
                store, directory, callers=CALLERS, top=top, public_endpoint_url=recorded.url
            ) as service,
            behind_nginx(str(service.client.base_url).rstrip("/"), directory, tracking.port),
        ):
            url = str(service.client.base_url).rstrip("/")
            yield Server(tracking=tracking, service_url=url, store=store, recorded=recorded)


@contextmanager
def tracking_server(
    directory: Path, presign_port: int, contains: str, **environment: str
) -> Iterator[Tracking]:
    """Run the page's command with this text, which starts MLflow's server."""
    assert (BIN / "mlflow").exists(), "MLflow is missing: `make clients` installs it"
    [port] = free_ports(1)
    text = block_of(PAGE, contains).text.replace(f"https://{PRESIGN}", f"http://{PRESIGN}")
    text = text.replace(PRESIGN, f"127.0.0.1:{presign_port}").replace("5000", str(port))
    url = f"http://127.0.0.1:{port}"
    command = ["/bin/bash", "-euo", "pipefail", "-c", f"{text.rstrip()} --workers 1"]
    variables = environment_of(directory) | environment
    with run_process(command, directory, f"{url}/health", **variables):
        yield Tracking(url=url, directory=directory, port=presign_port)
