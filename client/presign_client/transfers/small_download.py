"""Downloads of small objects that were listed: in memory until they are verified.

A note for each file, as a large one has it, takes longer than the file. Here a run has one note.
"""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from presign_client.checksums import digest_of
from presign_client.errors import SOURCE_CHANGED, PresignError
from presign_client.notes import Note
from presign_client.results import Downloaded, Entry
from presign_client.transfers.download import DownloadJob
from presign_client.transfers.expected import ExpectedObject, expected
from presign_client.transfers.links import look
from presign_client.transfers.partial_file import PartialFile

RUNS = 16  # that were killed, and whose files are still looked for


class Run:
    """One run of a folder's download. It names the files that it fills.

    The names are as random as the run's own, and a later run can still find them: it removes what a
    killed one has left.
    """

    def __init__(self, earlier: tuple[str, ...]) -> None:
        self._own, self._earlier = secrets.token_hex(16), earlier[-RUNS:]

    @property
    def noted(self) -> tuple[str, ...]:
        return (*self._earlier, self._own)

    def clean(self, target: Path) -> None:
        """Remove what earlier runs have left of a target."""
        for run in self._earlier:
            PartialFile(target, _token(run, target)).discard()

    def file(self, target: Path) -> PartialFile:
        """Return a file that is to become `target`."""
        return PartialFile(target, _token(self._own, target), is_kept=False)


@contextmanager
def new_run(state: Path, root: Path) -> Iterator[Run | None]:
    """Yield a run that downloads to `root`, or None while another one does."""
    try:
        note = Note(state, "download to", str(root))
    except PresignError:
        yield None
        return
    with note:
        noted = note.read()[0].get("runs")
        run = Run(tuple(map(str, noted)) if isinstance(noted, list) else ())
        note.write({"runs": run.noted})
        yield run
        note.forget()


def download_small(job: DownloadJob, listed: Entry, path: Path, run: Run) -> Downloaded:
    """Download an object to a path below `job.below`.

    Raises:
        PresignError: also `source_changed`, if it is no longer the one that was listed.

    """
    known = {"content_length": listed.size, "etag": listed.etag}
    wanted, chunks = expected(known, None), list[bytes]()
    job.ranges().read(0, wanted.size, wanted.etag, chunks.append)
    verified = _is_verified(job, wanted, chunks)
    assert job.below is not None
    target, _ = look(job.below, path)
    with run.file(target) as partial:
        rights, position = partial.create(wanted.size), 0
        for chunk in chunks:
            partial.write(position, chunk)
            position += len(chunk)
        partial.check_in_place()
        partial.rename(rights)
    return job.done(wanted, verified=verified)


def _is_verified(job: DownloadJob, listed: ExpectedObject, chunks: list[bytes]) -> bool:
    # Of an object in one part the ETag is usually the MD5. That saves a call for each file.
    if digest_of(chunks, "MD5").hex() == listed.etag.strip('"'):
        return True
    found = job.api.check(job.bucket, job.key)
    if found is None:  # no grant allows to ask
        return False
    if (found.get("etag"), found.get("content_length")) != (listed.etag, listed.size):
        raise PresignError(SOURCE_CHANGED, "The object was replaced while it was read.")
    wanted = expected(found, None)
    algorithm = wanted.checksum.algorithm if wanted.checksum else ""
    return wanted.is_verified([], lambda: digest_of(chunks, algorithm))


def _token(run: str, target: Path) -> str:
    return hashlib.sha256(f"{run}\0{target}".encode(errors="surrogateescape")).hexdigest()[:32]
