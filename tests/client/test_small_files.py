"""100,000 small files: calls in batches as files are needed, and memory for the results alone."""

import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from presign_client.results import Entry
from presign_client.retries import Retries
from presign_client.signed import SignedRequest
from presign_client.store import Store
from presign_client.transfers.batch import BATCH
from presign_client.transfers.download import DownloadJob
from presign_client.transfers.folder_download import download_folder

FILES = 100_000
PARALLEL = 16
CONTENT = bytes(100)
ETAG = f'"{md5(CONTENT).hexdigest()}"'
BYTES_OF_A_FILE = 2048  # in memory, for its result and its name


class Signing:
    """presign, which counts the items of its calls."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def post(self, path: str, read: Callable[[Any], Any], *, items: list[dict[str, str]]) -> Any:
        assert path == "download-urls/batch"
        self.sizes.append(len(items))
        request = {"method": "GET", "url": "https://store.test/?" + "s" * 1000, "headers": {}}
        return read({"results": [{"key": each["key"], "request": request} for each in items]})


class SameObject:
    """The answer to each GET."""

    headers: Mapping[str, str] = {"content-length": str(len(CONTENT)), "etag": ETAG}

    def chunks(self) -> Iterator[bytes]:
        yield CONTENT


class Folder(Store):
    """A store, and its listing: how many entries were taken before their objects were sent."""

    def __init__(self, number: int) -> None:
        super().__init__(Retries())
        self.number, self.taken, self.most_ahead = number, 0, 0
        self.sent: list[str] = []

    def entries(self) -> Iterator[Entry]:
        for number in range(self.number):
            self.taken += 1
            self.most_ahead = max(self.most_ahead, self.taken - len(self.sent))
            yield Entry(key=f"logs/{number:06}", size=len(CONTENT), etag=ETAG)

    @contextmanager
    def answer(self, signed: SignedRequest, *_: object, **__: object) -> Iterator[Any]:
        yield SameObject()
        self.sent.append(signed.method)


def downloaded(number: int, directory: Path) -> tuple[Folder, Signing]:
    folder, signing = Folder(number), Signing()
    api: Any = signing
    job = DownloadJob(api=api, store=folder, bucket="reports", key="logs/", parallel=PARALLEL)
    state = directory / "state"
    done = download_folder(job, directory / "logs", folder.entries(), state, "https://presign.test")
    assert len(done.downloaded) == number
    assert not done.failed
    return folder, signing


@pytest.mark.parametrize("number", [1000, pytest.param(FILES, marks=pytest.mark.slow)])
def test_many_files_are_signed_in_batches_as_they_are_needed(number: int, tmp_path: Path) -> None:
    folder, signing = downloaded(number, tmp_path)

    assert signing.sizes == [BATCH] * (number // BATCH)
    assert folder.most_ahead <= 2 * BATCH + PARALLEL  # also of a listing that never ends


@pytest.mark.slow
def test_many_files_take_memory_for_their_results_alone(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        downloaded(FILES, tmp_path)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most <= FILES * BYTES_OF_A_FILE
