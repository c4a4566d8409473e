"""The receiver in docs/arrivals.md accepts what presign sends, once."""

import time
from typing import Any, Final

import httpx
import pytest

from service.protocols.arrivals.messages import webhook_body, webhook_id
from service.protocols.arrivals.signing import signed_headers
from tests.docs.documents import blocks
from tests.protocols.arrivals.factories import KEY, SECRET, make_arrival

RECEIVER: Final = next(each for each in blocks("docs/arrivals.md") if each.language == "python")


@pytest.fixture(name="receiver")
def _receiver(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    names: dict[str, Any] = {}
    exec(compile(RECEIVER.text, "receiver.py", "exec"), names)
    return names


async def test_the_receiver_of_the_page_takes_an_event_once(
    receiver: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    event = make_arrival()
    body = webhook_body(event)
    headers = signed_headers([KEY], webhook_id(event), body, now=int(time.time()))
    transport = httpx.ASGITransport(app=receiver["app"])
    async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as client:
        for _ in range(2):
            assert (await client.post("/uploads", content=body, headers=headers)).status_code == 204
        forged = await client.post("/uploads", content=body + b" ", headers=headers)
    assert forged.status_code == 401
    assert capsys.readouterr().out == "demo in/a.txt None\n"
