"""`presign://` for fsspec."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path

import httpx
import pytest

from presign_client.filesystem import PresignFileSystem
from tests.client.fake import Fake, problem


def test_the_protocol_is_an_entry_point() -> None:
    [found] = entry_points(group="fsspec.specs", name="presign")

    assert found.load() is PresignFileSystem


def test_a_file_is_read_by_ranges(fake: Fake, files: PresignFileSystem) -> None:
    fake.put("2026/a.csv", bytes(range(100)))

    with files.open("presign://reports/2026/a.csv", block_size=10, cache_type="none") as file:
        file.seek(90)
        assert file.read(5) == bytes(range(90, 95))

    assert fake.requests[-1].headers["range"] == "bytes=90-94"


def test_a_file_is_read_whole(fake: Fake, files: PresignFileSystem) -> None:
    fake.put("a.csv", b"one\ntwo\n")

    with files.open("reports/a.csv", "rt") as file:
        assert file.readlines() == ["one\n", "two\n"]
    assert files.cat("reports/a.csv") == b"one\ntwo\n"
    assert "POST head-urls" not in fake.paths()


def test_an_empty_file_is_read(fake: Fake, files: PresignFileSystem) -> None:
    fake.put("a.csv", b"")

    assert files.cat("reports/a.csv") == b""


def ranges(fake: Fake) -> list[str]:
    """Return the ranges that were read, without those that find out the size."""
    found = [each.headers["range"] for each in fake.sent_to_the_store("GET")]
    return [each for each in found if each != "bytes=0-0"]


@pytest.mark.parametrize(
    ("start", "end", "sent"),
    [
        (10, 20, ["bytes=10-19"]),
        (90, 200, ["bytes=90-99"]),
        (-8, None, ["bytes=92-99"]),
        (None, -95, ["bytes=0-4"]),
        (None, None, ["bytes=0-99"]),
        (200, 300, []),
        (20, 10, []),
    ],
)
def test_cat_file_reads_its_range_alone(
    fake: Fake, files: PresignFileSystem, start: int | None, end: int | None, sent: list[str]
) -> None:
    fake.put("a.csv", bytes(range(100)))

    assert files.cat_file("reports/a.csv", start, end) == bytes(range(100))[start:end]
    assert ranges(fake) == sent


def test_head_reads_the_first_bytes_alone(fake: Fake, files: PresignFileSystem) -> None:
    fake.put("a.csv", bytes(range(100)))

    assert files.head("presign://reports/a.csv", 5) == bytes(range(5))
    assert ranges(fake) == ["bytes=0-4"]


def test_cat_ranges_reads_its_ranges_alone(fake: Fake, files: PresignFileSystem) -> None:
    fake.put("a.csv", bytes(range(100)))
    fake.put("b.csv", bytes(range(100, 200)))
    paths = ["presign://reports/a.csv", "reports/b.csv", "presign://reports/a.csv"]

    found = files.cat_ranges(paths, [1, 2, 50], [4, 3, None])

    assert found == [bytes((1, 2, 3)), bytes((102,)), bytes(range(50, 100))]
    assert sorted(ranges(fake)) == ["bytes=1-3", "bytes=2-2", "bytes=50-99"]
    assert fake.paths() == ["POST download-urls"] * 2


def test_cat_ranges_returns_or_raises_errors(fake: Fake, files: PresignFileSystem) -> None:
    fake.put("a.csv", b"12345")
    paths = ["reports/a.csv", "reports/missing.csv"]

    [found, error] = files.cat_ranges(paths, 0, 2)

    assert found == b"12"
    assert isinstance(error, FileNotFoundError)
    with pytest.raises(FileNotFoundError):
        files.cat_ranges(paths, 0, 2, on_error="raise")
    with pytest.raises(ValueError, match="shorter"):
        files.cat_ranges(paths, [0], [2, 3])


def test_a_missing_file_is_file_not_found(files: PresignFileSystem) -> None:
    with pytest.raises(FileNotFoundError):
        files.open("reports/a.csv")
    assert not files.exists("reports/a.csv")


def test_what_is_not_granted_is_a_permission_error(fake: Fake, files: PresignFileSystem) -> None:
    fake.denied = {"download-urls"}

    with pytest.raises(PermissionError):
        files.open("reports/a.csv")


def test_a_file_that_is_written_is_an_object(fake: Fake, files: PresignFileSystem) -> None:
    with files.open("reports/a.csv", "wb", block_size=4) as file:
        for _ in range(3):
            file.write(b"12345")

    assert fake.objects == {"a.csv": b"12345" * 3}


def test_appending_is_refused_and_replaces_nothing(fake: Fake, files: PresignFileSystem) -> None:
    fake.put("a.csv", b"old\n")
    files.overwrite = True

    with pytest.raises(NotImplementedError), files.open("reports/a.csv", "ab") as file:
        file.write(b"new\n")

    assert fake.objects == {"a.csv": b"old\n"}


def test_an_empty_file_is_written(fake: Fake, files: PresignFileSystem) -> None:
    files.touch("reports/a.csv")

    assert fake.objects == {"a.csv": b""}


def test_an_object_is_replaced_only_on_request(fake: Fake, files: PresignFileSystem) -> None:
    fake.put("a.csv", b"before")

    with pytest.raises(FileExistsError):
        files.pipe("reports/a.csv", b"after")
    files.overwrite = True
    files.pipe("reports/a.csv", b"after")

    assert fake.objects == {"a.csv": b"after"}


def test_a_listing_has_files_and_directories(fake: Fake, files: PresignFileSystem) -> None:
    fake.put("a.csv", b"12345")
    fake.put("2026/b.csv", b"")
    fake.put("2026/q3/c.csv", b"")

    assert files.ls("reports", detail=False) == ["reports/2026", "reports/a.csv"]
    assert files.ls("presign://reports/2026/", detail=False) == [
        "reports/2026/b.csv",
        "reports/2026/q3",
    ]
    assert files.find("reports") == ["reports/2026/b.csv", "reports/2026/q3/c.csv", "reports/a.csv"]
    assert files.glob("reports/*.csv") == ["reports/a.csv"]


@pytest.mark.parametrize("key", ["2026/../b.csv", "2026/./b.csv", "2026/..", "2026/."])
def test_a_name_with_a_dot_segment_is_left_out(
    fake: Fake, files: PresignFileSystem, tmp_path: Path, key: str
) -> None:
    def refuse(request: httpx.Request) -> httpx.Response | None:
        segments = {".", ".."} & set(
            json.loads(request.content or b"{}").get("prefix", "").split("/")
        )
        return problem(422, "invalid_request") if segments else None

    fake.before = refuse
    fake.put(key, b"")
    fake.put("2026/a.csv", b"12345")
    fake.put("2026/...", b"")

    assert files.find("reports") == ["reports/2026/...", "reports/2026/a.csv"]
    assert files.glob("reports/**/*.csv") == ["reports/2026/a.csv"]
    files.get("reports/2026", str(tmp_path / "copy"), recursive=True)
    assert {path.name for path in tmp_path.rglob("*.*")} == {"a.csv", "..."}


def test_a_directory_with_hidden_names_alone_is_empty(fake: Fake, files: PresignFileSystem) -> None:
    fake.put("2026/../b.csv", b"")

    assert files.ls("reports/2026") == []


def test_a_directory_does_not_list_itself(fake: Fake, files: PresignFileSystem) -> None:
    for key in ("2026/", "2026//a.csv", "2026/b.csv"):
        fake.put(key, b"")

    assert files.ls("reports/2026", detail=False) == ["reports/2026/b.csv"]


def test_info_tells_files_from_directories(fake: Fake, files: PresignFileSystem) -> None:
    fake.put("2026/b.csv", b"12345")

    assert files.info("reports/2026/b.csv")["size"] == 5
    assert files.isdir("reports/2026")
    assert files.isdir("reports")
    assert not files.exists("reports/2027")
    assert files.modified("reports/2026/b.csv") == datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_info_needs_no_grant_but_download(fake: Fake, files: PresignFileSystem) -> None:
    fake.denied = {"head-urls", "objects"}
    fake.put("b.csv", b"12345")

    found = files.info("reports/b.csv")

    assert (found["size"], found["last_modified"]) == (5, datetime(2026, 3, 1, 12, tzinfo=UTC))
    assert files.exists("reports/b.csv")
    assert not files.exists("reports/c.csv")


def test_rm_deletes_the_object(fake: Fake, files: PresignFileSystem) -> None:
    fake.put("2026/b.csv", b"")

    files.rm("reports/2026/b.csv")

    assert fake.objects == {}


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="3.14 ends no thread")
@pytest.mark.parametrize(("module", "waited"), [("pyarrow", "0.05\n"), ("other", "")])
def test_a_process_waits_for_the_threads_of_arrow(module: str, waited: str) -> None:
    program = (
        "import sys, time, types, presign_client.filesystem; time.sleep = print; "
        f"sys.modules[{module!r}] = types.ModuleType({module!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == waited
