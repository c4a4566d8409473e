"""Uploads of streams, whose length is not known."""

import os
import tracemalloc
from io import BytesIO
from itertools import count
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from presign_client.transfers.job import Job
from presign_client.transfers.plan import MIB, UploadOptions
from presign_client.transfers.stream import PARALLEL, upload_stream
from tests.client.fake import Fake
from tests.client.transferring import CONTENT, upload
from tests.support.socket_server import wait_until


class Trickle(BytesIO):
    """A pipe, which returns a few bytes at a time."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(3, size or 3))


@pytest.mark.parametrize("size", [0, 1, 4, 5, 6, 10, 11, 23])
def test_a_stream_of_any_length_arrives(fake: Fake, size: int) -> None:
    done = upload(fake, Trickle(CONTENT[:size]))

    assert fake.objects == {"a.csv": CONTENT[:size]}
    assert done.size == size
    assert len(fake.sent_to_the_store("PUT")) == max(1, -(-size // 5))


def test_a_pipe_with_a_name_is_a_stream(fake: Fake, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_bytes, args=[CONTENT])
    writer.start()

    upload(fake, pipe)

    writer.join()
    assert fake.objects == {"a.csv": CONTENT}


@pytest.mark.parametrize("buffering", [0, -1])
@pytest.mark.parametrize("first", [b"", b"123", b"1234567", bytes(12)])
def test_a_stream_that_has_no_bytes_yet_has_not_ended(
    fake: Fake, first: bytes, buffering: int
) -> None:
    """What came so far would be stored as all of it."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.write(writer, first)
    with os.fdopen(reader, "rb", buffering) as stream, pytest.raises(BlockingIOError):
        upload(fake, stream)
    os.close(writer)

    assert (fake.objects, fake.uploads) == ({}, {})


def test_a_stream_that_fails_is_aborted(fake: Fake) -> None:
    class Broken(Trickle):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 15:
                raise OSError("broken")
            return super().read(size)

    with pytest.raises(OSError, match="broken"):
        upload(fake, Broken(CONTENT))

    assert fake.uploads == {}
    assert fake.objects == {}


class Interrupted(Trickle):
    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > 15:
            raise KeyboardInterrupt
        return super().read(size)


def test_an_abort_that_fails_does_not_hide_the_first_error(fake: Fake) -> None:
    """Such as where the program's own function of the token fails."""

    def before(request: httpx.Request) -> None:
        if request.method == "DELETE":
            raise LookupError("no token")

    fake.before = before
    with pytest.raises(KeyboardInterrupt):
        upload(fake, Interrupted(CONTENT))

    assert "DELETE multipart-uploads/upload-1" in fake.paths()


class Zeros(BytesIO):
    """A stream of `parts` times a MiB, which gives `piece` bytes at a time."""

    def __init__(self, parts: int, piece: int) -> None:
        super().__init__()
        self.left, self._piece = parts * MIB, piece

    def read(self, size: int | None = -1) -> bytes:
        given = bytes(min(self.left, self._piece, size or 0))
        self.left -= len(given)
        return given


@pytest.mark.parametrize(("piece", "most"), [(MIB, 5), (MIB // 16, 6)])
def test_few_parts_of_a_stream_are_in_memory(piece: int, most: int) -> None:
    parts, numbers = 12, count(1)
    stream = Zeros(parts, piece)

    def send(*_: object) -> Any:
        """Take a part, and answer once the stream is so far ahead as it can be."""
        ahead = min(next(numbers) + PARALLEL, parts)
        wait_until(lambda: stream.left <= (parts - ahead) * MIB)
        return SimpleNamespace(headers={"etag": "e"})

    api: Any = SimpleNamespace(post=lambda *_, **__: "made", check=lambda *_, **__: None)
    store: Any = SimpleNamespace(send=send, slow_downs=0)
    options = UploadOptions(overwrite=True, part_size=MIB, parallel=16, checksum="SHA256")
    job = Job(api=api, store=store, bucket="reports", key="a.csv", options=options)
    tracemalloc.start()
    done = upload_stream(job, stream)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert done.size == parts * MIB
    assert peak / MIB < most + 0.5
