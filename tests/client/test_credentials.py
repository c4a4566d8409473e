"""Credentials for AWS SDKs: the call, and the command for `credential_process`."""

import json
import subprocess
from datetime import UTC, datetime

import httpx
import pytest
from click.testing import CliRunner

from presign_client import AsyncPresign, PresignError
from presign_client.commands.main import main
from tests.client.failing import fails
from tests.client.fake import TOKEN, Fake
from tests.client.fake_protocols import SECRET_KEY, SESSION_TOKEN, iceberg_error

HOSTILE = {
    "AccessKeyId": "ASIA",
    "SecretAccessKey": "a+b/c'$(false);",
    "Token": 'a b="',
    "Expiration": "2026-03-01T12:30:00Z",
}
VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
)


@pytest.fixture
def fake() -> Fake:
    return Fake()


def refusal(status: int, code: str, message: str) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "message": message})


def test_credentials_are_those_of_the_service(fake: Fake) -> None:
    found = fake.client().credentials("reports")

    assert found.access_key_id == "ASIAKEYOFTHETESTS"
    assert (found.secret_access_key, found.session_token) == (SECRET_KEY, SESSION_TOKEN)
    assert found.expires_at == datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def test_repr_of_credentials_has_no_secret(fake: Fake) -> None:
    shown = repr(fake.client().credentials("reports"))

    assert SECRET_KEY not in shown
    assert SESSION_TOKEN not in shown


async def test_credentials_can_be_awaited(fake: Fake) -> None:
    http = httpx.Client(transport=httpx.MockTransport(fake.answer))
    async with AsyncPresign("https://presign.test", TOKEN, http=http) as client:
        assert (await client.credentials("reports")).access_key_id == "ASIAKEYOFTHETESTS"


def test_a_bucket_cannot_leave_its_path(fake: Fake) -> None:
    fails(1, refusal(403, "forbidden", "No grant."), fake)

    with pytest.raises(PresignError):
        fake.client().credentials("../caller?a=b")

    assert fake.requests[0].url.raw_path == b"/v1/credentials/..%2Fcaller%3Fa%3Db"


def test_a_refusal_in_the_shape_of_sdks_is_read(fake: Fake) -> None:
    fails(1, refusal(403, "forbidden", "No grant."), fake)

    with pytest.raises(PresignError) as raised:
        fake.client().credentials("reports")

    assert (raised.value.code, raised.value.status) == ("forbidden", 403)
    assert raised.value.detail == "No grant."


def test_a_refusal_in_the_shape_of_iceberg_is_read(fake: Fake) -> None:
    fails(1, iceberg_error(419, "unauthenticated", "The token has expired."), fake)

    with pytest.raises(PresignError) as raised:
        fake.client().credentials("reports")

    assert (raised.value.code, raised.value.request_id) == ("unauthenticated", "request-1")
    assert raised.value.detail == "The token has expired."


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(403, json={"message": "Forbidden"}),
        httpx.Response(403, json={"error": "forbidden"}),
        httpx.Response(403, json=["forbidden"]),
        httpx.Response(403, json={"code": 403, "message": "Forbidden"}),
        httpx.Response(403, json={"error": {"message": "No.", "type": "a", "code": 403}}),
        httpx.Response(200, headers={"content-type": "application/json"}, content="{"),
    ],
)
def test_json_of_a_stranger_is_no_refusal(fake: Fake, answer: httpx.Response) -> None:
    fails(1, answer, fake)

    with pytest.raises(PresignError) as raised:
        fake.client().credentials("reports")

    assert raised.value.code == "not_presign"


def test_slow_credentials_are_asked_for_again(fake: Fake) -> None:
    answer = refusal(503, "credentials_unavailable", "STS is slow.")
    answer.headers["retry-after"] = "2"
    fails(1, answer, fake)

    fake.client().credentials("reports")

    assert fake.waits == [2.0]


def test_the_command_prints_what_credential_process_needs(fake: Fake) -> None:
    done = CliRunner().invoke(main, ["credentials", "reports"], obj=fake.client)

    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "Version": 1,
        "AccessKeyId": "ASIAKEYOFTHETESTS",
        "SecretAccessKey": SECRET_KEY,
        "SessionToken": SESSION_TOKEN,
        "Expiration": "2026-03-01T12:30:00Z",
    }


def test_the_command_prints_what_a_shell_evaluates(fake: Fake) -> None:
    words = ["credentials", "reports", "--format", "env"]
    fails(1, httpx.Response(200, json=HOSTILE), fake)

    done = CliRunner().invoke(main, words, obj=fake.client)
    names = " ".join(f'"${name}"' for name in VARIABLES)
    shell = f"{done.stdout}\nprintf '%s\\n' {names}; export -p"
    printed = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True).stdout

    assert (done.exit_code, done.stderr) == (0, "")
    assert printed.splitlines()[:4] == [*list(HOSTILE.values())[:3], "2026-03-01T12:30:00Z"]
    assert all(f"export {name}=" in printed for name in VARIABLES)


def test_the_command_narrows_the_credentials(fake: Fake) -> None:
    words = ["credentials", "reports", "--prefix", "2026/", "--permission", "read"]

    CliRunner().invoke(main, words, obj=fake.client)

    assert dict(fake.requests[0].url.params) == {"prefix": "2026/", "permission": "READ"}


def test_the_command_says_why_there_are_none(fake: Fake) -> None:
    fails(1, refusal(403, "forbidden", "No grant."), fake)

    done = CliRunner().invoke(main, ["credentials", "reports"], obj=fake.client)

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "presign: forbidden: No grant. `presign whoami` shows what you may do.\n"
    )
