"""Uploads of streams whose length is not known."""

import errno
import os
from collections.abc import Iterator
from io import RawIOBase
from typing import BinaryIO

from presign_client.errors import PresignError
from presign_client.results import Uploaded
from presign_client.transfers.job import Job
from presign_client.transfers.parts import PartsUpload, SentPart, aborted_if_it_fails, create
from presign_client.transfers.plan import MIB, PARTS, Part
from presign_client.transfers.source import BytesSource
from presign_client.transfers.upload import upload_single
from presign_client.transfers.workers import workers

PART_SIZE = 16 * MIB  # 156 GiB in 10,000 parts
PARALLEL = 4  # parts, which are in memory as the next one is, and its pieces: 96 MiB


def upload_stream(job: Job, stream: BinaryIO) -> Uploaded:
    """Upload all that can be read, in parts if it is more than one. This cannot be resumed."""
    part_size = job.options.part_size or PART_SIZE
    begun = [_read(stream, part_size)]
    if len(begun[0]) == part_size:
        begun.append(_read(stream, part_size))
    if len(begun) == 1 or not begun[1]:
        return upload_single(job, BytesSource(begun[0]))
    upload_id = create(job, sum(map(len, begun)), part_size)  # there are at least so many
    upload = PartsUpload(job, upload_id, part_size, None)
    with aborted_if_it_fails(upload):
        return upload.complete(_send(job, upload, _buffers(stream, part_size, begun)))


def _send(job: Job, upload: PartsUpload, buffers: Iterator[tuple[int, bytes]]) -> list[SentPart]:
    def work(numbered: tuple[int, bytes]) -> SentPart:
        number, buffer = numbered
        part = Part(number, (number - 1) * upload.part_size, len(buffer))
        return upload.send(BytesSource(buffer), part, running, offset=0)

    parallel = min(job.options.parallel, PARALLEL)
    with workers(parallel, job.store, None, job.report) as running:
        return list(running.each(work, buffers))


def _buffers(stream: BinaryIO, part_size: int, begun: list[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the parts by number: those that are read already, which leave the list, and the others.

    `enumerate` would keep a part that is sent, and so would a list of the first ones.
    """
    for number in range(1, PARTS + 1):
        buffer = begun.pop(0) if begun else _read(stream, part_size)
        if buffer:
            yield number, buffer
        if len(buffer) < part_size:
            return
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
