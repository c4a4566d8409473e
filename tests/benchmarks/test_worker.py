"""A server of our own, run without its socket."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.sides import Refused, Side, Worker
from benchmarks.targets import free_port

BUSY_MS = 30
SERVER = f"""
import asyncio, sys, threading, time
import uvicorn

def work():
    until = time.thread_time() + {BUSY_MS / 1000}
    while time.thread_time() < until:
        pass

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    status = int(scope["path"].rpartition("/")[2])
    if scope["path"].startswith("/loop"):
        work()
    if scope["path"].startswith("/thread"):
        await asyncio.to_thread(work)
    headers = [(b"content-length", b"2" if status == 200 else b"0")]
    await send({{"type": "http.response.start", "status": status, "headers": headers}})
    await send({{"type": "http.response.body", "body": b"ok" if status == 200 else b""}})

uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
"""


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    tree = tmp_path_factory.mktemp("tree")
    (tree / "busy.py").write_text(SERVER)
    with Worker(Side("busy", tree), tree / "run", ["busy", str(free_port())]) as started:
        yield started


def asked(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


def test_a_request_is_answered_without_its_socket(worker: Worker) -> None:
    spent = worker.ask([asked("/200")] * 40)
    assert spent.body == "ok"
    assert spent.us > 0


@pytest.mark.parametrize("status", [307, 204])
def test_an_answer_may_have_no_body(worker: Worker, status: int) -> None:
    assert worker.ask([asked(f"/{status}")] * 3).last.startswith(f"HTTP/1.1 {status} ")


def test_a_refusal_among_the_answers_is_told(worker: Worker) -> None:
    with pytest.raises(Refused, match="503"):
        worker.ask([asked("/200"), asked("/503"), asked("/200")])


def test_what_holds_the_loop_is_measured(worker: Worker) -> None:
    held = worker.ask([asked("/loop/200")], 1, is_watched=True)
    assert held.held_ms >= BUSY_MS
    assert held.us >= BUSY_MS * 1000


def test_what_a_thread_does_holds_no_loop(worker: Worker) -> None:
    held = worker.ask([asked("/thread/200")], 1, is_watched=True)
    assert held.us >= BUSY_MS * 1000
    assert held.held_ms < BUSY_MS


def test_a_process_that_ends_is_told_with_its_last_line(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise SystemExit('sign: unknown setting')")
    with (
        Worker(Side("broken", tmp_path), tmp_path / "run", ["broken", "1"]) as ended,
        pytest.raises(Refused, match="sign: unknown setting"),
    ):
        ended.ask([asked("/200")])
