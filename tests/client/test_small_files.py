"""100,000 small files, of which none is made: calls in batches, and memory for the results alone."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from presign_client.results import Downloaded, Entry
from presign_client.retries import Retries
from presign_client.store import Store
from presign_client.transfers.batch import BATCH
from presign_client.transfers.download import DownloadJob
from presign_client.transfers.folder_download import download_folder

FILES = 100_000
PARALLEL = 16
BYTES_OF_A_FILE = 2048  # in memory, for its result and its name


class Signing:
    """presign, which counts the items of its calls."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def post(self, path: str, *, items: list[dict[str, str]]) -> Any:
        assert path == "download-urls/batch"
        self.sizes.append(len(items))
        request = {"method": "GET", "url": "https://store.test/?" + "s" * 1000, "headers": {}}
        return {"results": [{"key": each["key"], "request": request} for each in items]}


class Folder:
    """The entries of a listing, and how many of them were taken before they were downloaded."""

    def __init__(self, number: int) -> None:
        self.number, self.taken, self.done, self.most_ahead = number, 0, 0, 0

    def entries(self) -> Iterator[Entry]:
        for number in range(self.number):
            self.taken += 1
            self.most_ahead = max(self.most_ahead, self.taken - self.done)
            yield Entry(key=f"logs/{number:06}", size=100, etag='"a"')

    def download(self, job: DownloadJob, _: Path) -> Downloaded:
        assert job.signed is not None
        self.done += 1
        return Downloaded(bucket=job.bucket, key=job.key, size=100, etag='"a"', verified=True)


def downloaded(number: int, directory: Path) -> tuple[Folder, Signing]:
    folder, signing = Folder(number), Signing()
    api: Any = signing
    job = DownloadJob(
        api=api, store=Store(Retries()), bucket="reports", key="logs/", parallel=PARALLEL
    )
    done = download_folder(job, directory, folder.entries(), folder.download)
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
