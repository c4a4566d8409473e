"""Uploads of streams whose length is not known."""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from contextvars import Context
from io import RawIOBase
from typing import BinaryIO

from presign_client.errors import PresignError
from presign_client.results import Uploaded
from presign_client.transfers.job import Job
from presign_client.transfers.parts import PartsUpload, SentPart, create
from presign_client.transfers.plan import MIB, PARTS, Part
from presign_client.transfers.source import BytesSource
from presign_client.transfers.upload import upload_single
from presign_client.transfers.workers import workers

PART_SIZE = 16 * MIB  # 156 GiB in 10,000 parts
PARALLEL = 4  # parts, which are in memory as the next one is: 96 MiB


def upload_stream(job: Job, stream: BinaryIO) -> Uploaded:
    """Upload all that can be read, in parts if it is more than one. This cannot be resumed."""
    part_size = job.options.part_size or PART_SIZE
    first, second = _read(stream, part_size), b""
    if len(first) == part_size:
        second = _read(stream, part_size)
    if not second:
        return upload_single(job, BytesSource(first))
    upload_id = create(job, len(first) + len(second), part_size)  # there are at least so many
    upload = PartsUpload(job, upload_id, part_size, None)
    try:
        return upload.complete(_send(job, upload, _buffers(stream, part_size, first, second)))
    except BaseException:
        with suppress(PresignError):
            Context().run(upload.abort)  # also of a thread that is to end
        raise


def _send(job: Job, upload: PartsUpload, buffers: Iterator[bytes]) -> list[SentPart]:
    def work(numbered: tuple[int, bytes]) -> SentPart:
        number, buffer = numbered
        part = Part(number, (number - 1) * upload.part_size, len(buffer))
        return upload.send(BytesSource(buffer), part, running, offset=0)

    parallel = min(job.options.parallel, PARALLEL)
    with workers(parallel, job.store, None, job.report) as running:
        return list(running.each(work, enumerate(buffers, 1)))


def _buffers(stream: BinaryIO, part_size: int, *buffers: bytes) -> Iterator[bytes]:
    yield from buffers
    for _ in range(PARTS - len(buffers)):
        if len(buffers[-1]) < part_size or not (buffer := _read(stream, part_size)):
            return
        yield buffer
        buffers = (buffer,)
    if _read(stream, 1):
        raise PresignError(
            "too_many_parts",
            f"The stream is longer than {PARTS:,} parts of {part_size // MIB} MiB. "
            "Choose a larger part size.",
        )


def _read(stream: BinaryIO | RawIOBase, size: int) -> bytes:
    """Return `size` bytes, or fewer at the end: a pipe returns what it has.

    Raises:
        BlockingIOError: if a stream that does not wait has no bytes yet.

    """
    chunks, left = [], size
    while left:
        chunk = stream.read(left)
        if chunk is None:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        if not chunk:
            break
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)
