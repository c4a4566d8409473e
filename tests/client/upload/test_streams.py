"""Uploads of streams, whose length is not known."""

import os
from io import BytesIO
from pathlib import Path
from threading import Thread

import pytest

from tests.client.fake import Fake
from tests.client.transferring import CONTENT, upload


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
