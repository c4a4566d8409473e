"""Object checks over HTTP: a HEAD, and a list of one key if that is refused."""

from collections.abc import Callable
from typing import Any, Final

import httpx
import pytest

from tests.api.refusals import problem
from tests.s3.fake_store import Body, query_of
from tests.support.app import SECRET, make_app_settings, make_open_grant, run_app

PATH: Final = "/v1/object-checks"
KEY: Final = "canary/a b.txt"
ASK: Final = {"bucket": "demo", "key": KEY}
CRC: Final = "AAAAAA=="
FOUND: Final = {
    "content-length": "5",
    "content-type": "text/plain",
    "etag": '"e"',
    "x-amz-version-id": "v1",
    "x-amz-checksum-crc32": CRC,
    "x-amz-checksum-sha256": "A" * 43 + "=-2",
    "X-Amz-Meta-Team": "billing",
}
OTHER: Final = {"algorithm": "CRC32", "value": "AAAAAQ=="}
Answer = Callable[[], httpx.Response]


def head(status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return lambda: httpx.Response(status, headers=headers or {}, stream=Body(b""))


def objects(*keys: str, status: int = 200) -> Answer:
    each = "<Contents><Key>{}</Key><ETag>e</ETag><Size>5</Size></Contents>"
    found = "".join(map(each.format, keys))
    root = "ListBucketResult" if status == 200 else "Error"
    return lambda: httpx.Response(status, stream=Body(f"<{root}>{found}</{root}>"))


class Checked:
    """The service in front of a store that gives prepared answers."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.audit_trail: list[bytes] = []

    async def ask(self, *answers: Answer, allow: str = "check", **more: Any) -> httpx.Response:
        """Check an object. The store repeats its last answer."""

        async def handle(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return answers[min(len(self.requests), len(answers)) - 1]()

        settings = make_app_settings(make_open_grant(allow=[allow], prefix="canary/"))
        store, audit = httpx.MockTransport(handle), self.audit_trail.extend
        async with run_app(settings, store_transport=store, audit=audit) as client:
            return await client.post(PATH, json={**ASK, **more})


@pytest.fixture(name="checked")
def _checked() -> Checked:
    return Checked()


async def test_an_existing_object_is_described(checked: Checked) -> None:
    answer = await checked.ask(head(200, FOUND))
    assert answer.status_code == 200
    assert answer.json() == {
        "found": True,
        "content_length": 5,
        "content_type": "text/plain",
        "etag": '"e"',
        "version_id": "v1",
        "checksums": {"CRC32": CRC, "SHA256": "A" * 43 + "=-2"},
        "metadata": {"team": "billing"},
        "mismatches": [],
    }
    [request] = checked.requests
    assert request.method == "HEAD"
    assert request.url.raw_path.startswith(b"/canary/a%20b.txt?")
    assert request.headers["x-amz-checksum-mode"] == "ENABLED"
    assert b'"action":"HeadObject"' in checked.audit_trail[0]
    assert b'"expires_in"' not in checked.audit_trail[0]


async def test_headers_that_the_store_omits_are_absent(checked: Checked) -> None:
    answer = await checked.ask(head(200, {"content-length": "0", "etag": '"e"'}))
    nothing: dict[str, Any] = {"checksums": {}, "metadata": {}, "mismatches": []}
    assert answer.json() == {"found": True, "content_length": 0, "etag": '"e"', **nothing}


@pytest.mark.parametrize(
    ("expected", "mismatches"),
    [
        ({"content_length": 5, "content_type": "text/plain"}, []),
        ({"content_length": 6}, ["content_length"]),
        ({"content_length": 0}, ["content_length"]),
        ({"content_type": "text/html"}, ["content_type"]),
        ({"checksum": {"algorithm": "CRC32", "value": CRC}}, []),
        ({"checksum": OTHER}, ["checksum"]),
        ({"checksum": {"algorithm": "SHA256", "value": "A" * 43 + "=-2"}}, []),
        ({"checksum": {"algorithm": "SHA256", "value": "A" * 43 + "="}}, ["checksum"]),
        ({"checksum": {"algorithm": "SHA1", "value": "A" * 27 + "="}}, ["checksum"]),
        (
            {"content_length": 6, "content_type": "a/b", "checksum": OTHER},
            ["content_length", "content_type", "checksum"],
        ),
    ],
)
async def test_mismatches_are_named(
    checked: Checked, expected: dict[str, Any], mismatches: list[str]
) -> None:
    answer = await checked.ask(head(200, FOUND), **expected)
    assert (answer.status_code, answer.json()["mismatches"]) == (200, mismatches)
    assert answer.json()["found"] is True


@pytest.mark.parametrize(
    "answers",
    [[head(404), objects()], [head(403), objects()], [head(403), objects(f"{KEY}2")]],
    ids=["404 and nothing is listed", "403 and nothing is listed", "403 and another is listed"],
)
async def test_an_object_that_is_not_there_is_not_found(
    checked: Checked, answers: list[Answer]
) -> None:
    answer = await checked.ask(*answers, content_length=5)
    assert (answer.status_code, answer.json()) == (200, {"found": False, "mismatches": []})
    _, listing = checked.requests
    query = query_of(listing)  # only the one key is listed
    assert (query["prefix"], query["max-keys"], query["list-type"]) == (KEY, "1", "2")
    assert listing.url.raw_path.startswith(b"/?")


INCONCLUSIVE: Final[dict[str, list[Answer]]] = {
    "403 of one that is there": [head(403), objects(KEY)],
    "404 of one that is there": [head(404), objects(KEY)],
    "403 and no list": [head(403), objects(status=403)],
    "404 and no bucket": [head(404), objects(status=404)],
    "403 and a proxy's page": [
        head(403),
        lambda: httpx.Response(200, stream=Body("<html>Log in</html>")),
    ],
    "400": [head(400), objects()],
    "a redirect": [head(301, {"location": "https://elsewhere.test/"}), objects()],
    "no length": [head(200)],
    "a length that is none": [head(200, {"content-length": "many"})],
}


@pytest.mark.parametrize("answers", INCONCLUSIVE.values(), ids=INCONCLUSIVE)
async def test_an_inconclusive_answer_is_storage_refused(
    checked: Checked, answers: list[Answer]
) -> None:
    problem(await checked.ask(*answers), 502, "storage_refused")


def unreachable() -> httpx.Response:
    raise httpx.ConnectError(f"{SECRET} {KEY}")


@pytest.mark.parametrize("answers", [[unreachable], [head(503)], [head(403), unreachable]])
async def test_a_store_that_does_not_answer_is_unavailable(
    checked: Checked, answers: list[Answer]
) -> None:
    problem(await checked.ask(*answers), 504, "storage_unavailable")


@pytest.mark.parametrize("allow", ["download", "head", "list", "multipart"])
async def test_a_check_is_an_operation_of_its_own(checked: Checked, allow: str) -> None:
    problem(await checked.ask(head(200, FOUND), allow=allow), 403, "forbidden")
    assert checked.requests == []


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"key": "x/b"}, 403, "forbidden"),
        ({"bucket": "closed"}, 403, "forbidden"),
        ({"key": "canary/../b"}, 422, "invalid_request"),
        ({"checksum": {"algorithm": "CRC32", "value": f"{CRC}-0"}}, 422, "invalid_request"),
        ({"checksum": {"algorithm": "CRC32", "value": f"{CRC}\n"}}, 422, "invalid_request"),
    ],
    ids=str,
)
async def test_an_invalid_or_forbidden_check_makes_no_call(
    checked: Checked, changes: dict[str, Any], status: int, code: str
) -> None:
    problem(await checked.ask(head(200, FOUND), **changes), status, code)
    assert checked.requests == []
