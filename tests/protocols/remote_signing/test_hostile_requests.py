"""What must not be signed is refused in Iceberg's form: nothing is signed, and nothing echoed."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import pytest
import pytest_asyncio

from tests.protocols.remote_signing.harness import Harness, make_body, start_harness
from tests.protocols.remote_signing.hostile import ELSEWHERE, HEADERS, METHODS, PATHS, QUERIES
from tests.protocols.remote_signing.hostile_bodies import COPIES, DELETIONS, PART_COPIES, SCHEMA

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTILE: Final[dict[str, dict[str, Any]]] = {
    **ELSEWHERE,
    **PATHS,
    **QUERIES,
    **METHODS,
    **HEADERS,
    **COPIES,
    **PART_COPIES,
    **DELETIONS,
    **SCHEMA,
}
TYPES: Final = {400: "BadRequestException", 403: "ForbiddenException"}


@pytest_asyncio.fixture(name="harness", scope="module", loop_scope="module")
async def _harness() -> AsyncIterator[Harness]:
    async with start_harness() as harness:
        yield harness


def texts(value: Any) -> Iterator[str]:
    """All texts in a request but names of headers, which a message may have."""
    match value:
        case str():
            yield value
        case list():
            for each in value:
                yield from texts(each)
        case dict():
            for each in value.values():
                yield from texts(each)


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_request_is_refused(harness: Harness, name: str) -> None:
    body = make_body("GET", "wh/a") | HOSTILE[name]
    harness.audit_bytes.clear()
    answer = await harness.ask(**body)
    error = answer.json()["error"]
    assert answer.status_code in TYPES, answer.text
    assert error["code"] == answer.status_code
    assert error["type"] == TYPES[answer.status_code]
    assert error.keys() == {"message", "type", "code", "reason", "request_id"}
    assert error["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"
    assert "Signature" not in answer.text
    assert "sentinel" not in answer.text
    for each in texts(HOSTILE[name]):
        assert len(each) < 6 or each.lower() not in answer.text.lower()
    assert all(line["decision"] == "denied" for line in harness.audit_lines)


async def test_the_request_that_they_change_is_signed(harness: Harness) -> None:
    assert "Authorization" in await harness.sign()
    assert len(HOSTILE) >= 150
