"""Which bodies are read and dropped before the response."""

from typing import Any, Final

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Scope

from service.api.discarding import MAX_DISCARDED_BYTES, discard_body
from service.api.limits import shared_limits
from service.api.parts import Parts
from service.api.problems import Problems
from service.api.request_state import start_request
from service.api.shutdown import Drain
from service.telemetry.metrics import Metrics
from tests.support.virtual_time import FakeClock

CLOSE: Final = {"connection": "close"}
OWNER: Final = (None, "tester")


class Upload:
    """A request with the pieces of its body, one message each."""

    def __init__(self, *pieces: bytes, **headers: str) -> None:
        self.read, self._pieces = 0, list(pieces)
        self.metrics, self.limits = Metrics(), shared_limits(8, FakeClock().boot)
        named = {"content_length": str(sum(map(len, pieces))), **headers}
        scope: Scope = {
            "type": "http",
            "headers": [(n.replace("_", "-").encode(), text.encode()) for n, text in named.items()],
            "app": self,
        }
        start_request(scope).caller_id = OWNER
        self.request = Request(scope, self._receive)

    @property
    def parts(self) -> Parts:
        metrics, limits = self.metrics, self.limits
        return Parts(drain=Drain(), metrics=metrics, problems=Problems(), limits=limits)

    @property
    def counted(self) -> float | None:
        return self.metrics.registry.get_sample_value("presign_discarded_body_bytes_total")

    async def _receive(self) -> dict[str, Any]:
        if self.read == len(self._pieces):
            return {"type": "http.disconnect"}
        self.read += 1
        more = self.read < len(self._pieces)
        return {"type": "http.request", "body": self._pieces[self.read - 1], "more_body": more}


async def test_a_short_body_is_read_and_counted() -> None:
    upload = Upload(b"hello", b"", b"!")
    assert await discard_body(upload.request) == {}
    assert (upload.read, upload.counted) == (3, 6)


@pytest.mark.parametrize(("length", "dropped"), [(0, 0), (10, 10), (11, 0)])
async def test_the_limit_is_exact(length: int, dropped: int) -> None:
    upload = Upload(b"x" * length)
    assert await discard_body(upload.request, 10) == (CLOSE if length > 10 else {})
    assert upload.counted == dropped


@pytest.mark.parametrize(
    "headers",
    [
        {"expect": "100-continue"},
        {"expect": "100-CONTINUE"},
        {"content_length": str(MAX_DISCARDED_BYTES + 1)},
        {"content_length": f"{MAX_DISCARDED_BYTES + 1} \t"},
        {"content_length": "0", "transfer_encoding": "chunked"},
    ],
)
async def test_another_body_is_not_read_and_ends_the_connection(headers: dict[str, str]) -> None:
    upload = Upload(b"hello", **headers)
    assert await discard_body(upload.request) == CLOSE
    assert (upload.read, upload.counted) == (0, 0)


async def test_a_body_is_not_read_while_too_many_are() -> None:
    upload = Upload(b"hello")
    for number in range(4):  # half of the requests that may be in progress
        upload.limits.bodies.acquire((None, f"{number}"))
    assert await discard_body(upload.request) == {}
    assert upload.read == 0


async def test_a_client_that_disconnects_frees_its_place() -> None:
    upload = Upload(content_length="5")
    with pytest.raises(ClientDisconnect):
        await discard_body(upload.request)
    assert (upload.limits.bodies._free, upload.limits.bodies._held) == (4, {})
