"""A new protocol is a folder, one field of the settings, and one line in the list of protocols."""

import json
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

import httpx
import pytest
from click.testing import CliRunner, Result
from pydantic import Field

from service.app import settings as configuration
from service.app.protocols import PROTOCOLS, AnyProtocol
from service.app.settings import Settings
from service.auth.api_keys import digest_of
from service.cli.main import main
from service.config.types import Name
from service.errors import Overloaded
from service.presigning.audit import Outcome, WriteLines, audit_lines
from service.protocols.root_settings import RootSettings
from service.sessions.lifetime import Lifetime
from tests.app.reload.harness import log_messages, put, watching
from tests.app.services import harness as services
from tests.protocols.example import PROTOCOL
from tests.protocols.example.answers import LoanRequest, NotLent
from tests.protocols.example.routes import Shelves
from tests.support.app import API_KEY, app_of, run_app
from tests.support.factories import REQUESTER
from tests.support.scrapes import samples, value
from tests.support.virtual_time import CLOCK_START

BUCKET: Final = {"region": "eu-west-1", "role_arn": "arn:aws:iam::111122223333:role/presign"}
SHELF: Final = {"bucket": "demo", "prefix": "shelf/"}
ATTIC: Final = {"bucket": "demo", "prefix": "attic/"}
OFF: Final = "This service does not offer shelves: it is not configured here."


class WithShelves(Settings):
    protocols: ClassVar[tuple[AnyProtocol, ...]] = (*PROTOCOLS, PROTOCOL)  # the one line

    shelves: dict[Name, RootSettings] = Field(default_factory=dict)  # the one field


def told_by(line: bytes) -> dict[str, Any]:
    """Return what the line has besides what each line has."""
    of_each = {"event", "time", "request_id", "subject", "client", "part", "parts"}
    return {name: told for name, told in json.loads(line).items() if name not in of_each}


def caller(name: str, prefix: str) -> dict[str, Any]:
    grant = {"bucket": "demo", "prefix": prefix, "allow": ["download"], "max_expires_in": 900}
    return {"api_key": name, "sha256": [digest_of(API_KEY + name)], "grants": [grant]}


def document(*callers: dict[str, Any], **sections: Any) -> dict[str, Any]:
    own = caller("tester", "shelf/") | {"sha256": [digest_of(API_KEY)]}
    return {"buckets": {"demo": BUCKET}, "callers": [own, *callers], **sections}


@asynccontextmanager
async def running(
    audit: WriteLines | None = None, **sections: Any
) -> AsyncIterator[httpx.AsyncClient]:
    async with run_app(WithShelves.model_validate(document(**sections)), audit=audit) as client:
        yield client


@pytest.fixture
def with_shelves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "Settings", WithShelves)


def check(directory: Path, *callers: dict[str, Any], **sections: Any) -> Result:
    path = directory / "presign.yaml"
    path.write_text(json.dumps(document(*callers, **sections), indent=1))
    return CliRunner().invoke(main, ["check", str(path)])


async def test_its_route_answers() -> None:
    async with running(shelves={"books": SHELF}) as client:
        answer = await client.get("/shelf/books/a.txt")
    assert answer.status_code == 307
    assert httpx.URL(answer.headers["location"]).path == "/shelf/a.txt"


async def test_its_route_is_authenticated_and_decided() -> None:
    async with running(shelves={"books": SHELF, "attic": ATTIC}) as client:
        refused = [await client.get(f"/shelf/{name}/a.txt") for name in ("attic", "unknown")]
        client.headers["Authorization"] = "Bearer wrong"
        stranger = await client.get("/shelf/books/a.txt")
    assert [answer.status_code for answer in refused] == [403, 403]
    assert stranger.status_code == 401


async def test_its_route_says_that_it_is_off() -> None:
    async with running() as client:
        answer = await client.get("/shelf/books/a.txt")
    assert (answer.status_code, OFF in answer.text) == (404, True)


async def test_its_own_kind_of_answer_is_audited() -> None:
    lines = list[bytes]()
    async with running(lines.extend, shelves={"books": SHELF}) as client:
        answer = await client.get("/shelf/books/a.txt/loan")
    assert answer.json() == {"days": 14}
    [line] = lines
    assert told_by(line) == {
        "decision": "allowed",
        "operation": "download",
        "bucket": "demo",
        "s3_bucket": "demo",
        "days": 14,
        "action": "LendFile",
        "shelf": "books",
        "keys": ["shelf/a.txt"],
    }


async def test_its_own_kind_of_refusal_is_audited() -> None:
    lines = list[bytes]()
    async with running(lines.extend, shelves={"books": SHELF}) as client:
        answer = await client.get("/shelf/books/a.ref/loan")
    assert (answer.status_code, answer.json()["code"]) == (403, "limit_exceeded")
    [line] = lines
    assert told_by(line) == {
        "decision": "denied",
        "reason": "limit_exceeded",
        "operation": "download",
        "bucket": "demo",
        "s3_bucket": "demo",
        "action": "LendFile",
        "shelf": "books",
        "keys": ["shelf/a.ref"],
    }


async def test_its_own_kind_of_answer_is_counted() -> None:
    async with running(shelves={"books": SHELF}) as client:
        for file in ("a.txt", "b.txt", "c.ref"):
            await client.get(f"/shelf/books/{file}/loan")
        found = await samples(client)
    assert value(found, "loans_total", shelf="books") == 2
    assert value(found, "signed_total", operation="download", bucket="demo") == 2
    assert value(found, "refused_total", code="limit_exceeded") == 1


async def test_without_its_audit_line_there_is_no_answer() -> None:
    def fail(_: Iterable[bytes]) -> None:
        raise Overloaded("The audit trail cannot be written right now.")

    async with running(fail, shelves={"books": SHELF}) as client:
        answer = await client.get("/shelf/books/a.txt/loan")
        found = await samples(client)
    assert (answer.status_code, "days" in answer.text) == (503, False)
    assert value(found, "loans_total", shelf="books") == 0


def test_its_refusals_are_bounded() -> None:
    refused: list[Outcome] = [
        (LoanRequest("demo", f"{n}.ref", f"shelf {n}", Lifetime()), f"{n}.ref", NotLent())
        for n in range(30)
    ]
    lines = audit_lines(REQUESTER, refused, s3_buckets={}, time=CLOCK_START)
    assert [len(json.loads(line)["keys"]) for line in lines] == [1] * 10 + [10]
    assert json.loads(lines[-1])["keys_count"] == 20


async def test_its_use_case_is_closed_with_the_app() -> None:
    async with running(shelves={"books": SHELF}) as client:
        shelves = app_of(client).parts.use_case(Shelves)
        assert shelves.closed == []
    assert shelves.closed == ["by the app"]


@pytest.mark.usefixtures("with_shelves")
@pytest.mark.parametrize(
    ("change", "found", "late"),
    [
        (({"books": SHELF}, {"books": SHELF, "new": SHELF}), {"books", "new"}, []),
        (({"books": SHELF}, {}), None, []),
        (({}, {"books": SHELF}), {"books"}, ["shelves"]),
        (({"attic": SHELF}, {"attic": ATTIC}), {"attic"}, ["shelves.attic"]),
    ],
)
async def test_a_reload_changes_its_values(
    change: tuple[dict[str, Any], dict[str, Any]],
    found: set[str] | None,
    late: list[str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "service.app.reload")
    path = tmp_path / "presign.yaml"
    before, after = ({"shelves": with_bucket(each)} for each in change)
    put(path, services.configuration(**before))
    async with watching(path) as service:
        assert await service.changed_to(services.configuration(**after)) == "ok"
        values = service.harness.services.protocols[PROTOCOL].values
    assert (None if values is None else set(values.named)) == found
    text = "changed, but will take effect only after a restart: "
    assert log_messages(caplog)[1:] == [text + each for each in late]


def with_bucket(shelves: dict[str, Any]) -> dict[str, Any]:
    """The same shelves in the bucket that the harness of reloads has."""
    return {name: each | {"bucket": "reports"} for name, each in shelves.items()}


@pytest.mark.usefixtures("with_shelves")
def test_check_describes_it(tmp_path: Path) -> None:
    done = check(tmp_path, caller("other", "x/"), shelves={"books": SHELF, "attic": ATTIC})
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert "shelves books: /shelf/books has its files in demo/shelf/" in lines
    assert "API key tester may take files of the shelf books" in lines
    assert done.output.count("take files of") == 1
    nobody = "nobody may use it; a caller needs grants that cover demo/attic/ with `download` to"
    assert any(line.endswith(f": shelves.attic: {nobody} take files") for line in lines)


@pytest.mark.usefixtures("with_shelves")
def test_check_says_nothing_of_it_while_it_is_off(tmp_path: Path) -> None:
    done = check(tmp_path)
    assert (done.exit_code, "shel" in done.output.replace("shelf/…", "")) == (0, False)


@pytest.mark.usefixtures("with_shelves")
@pytest.mark.parametrize(
    ("shelf", "said"),
    [
        (SHELF | {"bucket": "dmo"}, 'shelves.books.bucket: no bucket "dmo" is configured; did you'),
        (SHELF | {"prefix": "shelf"}, "shelves.books.prefix: write a prefix without placeholders"),
        (
            SHELF | {"buckett": "demo"},
            "shelves.books.buckett: unknown setting; did you mean bucket",
        ),
    ],
)
def test_mistakes_in_its_section_are_errors(
    shelf: dict[str, Any], said: str, tmp_path: Path
) -> None:
    done = check(tmp_path, shelves={"books": shelf})
    assert (done.exit_code, said in done.output) == (1, True), done.output


def test_without_the_field_its_section_is_unknown(tmp_path: Path) -> None:
    done = check(tmp_path, shelves={"books": SHELF})
    assert (done.exit_code, "shelves: unknown setting" in done.output) == (1, True), done.output
