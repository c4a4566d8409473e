"""`cp`, `mv`, `get -r` and `rm -r`: what they do and print."""

import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.client.fake import Answer, Fake, problem, s3_error
from tests.client.running import run


@pytest.fixture(name="fake")
def _fake() -> Fake:
    fake = Fake(page_size=1)
    for key in ("in/a.csv", "in/b/c.csv", "other.csv"):
        fake.put(key, key.encode())
    return fake


def about(part: str, answer: httpx.Response) -> Answer:
    """Answer the store's requests about one key."""

    def answered(request: httpx.Request) -> httpx.Response | None:
        of_store = request.url.host == "store.test"
        return answer if of_store and part in request.url.path else None

    return answered


@pytest.mark.parametrize(
    ("command", "verb", "stays"), [("cp", "copied", True), ("mv", "moved", False)]
)
def test_one_object_gets_another_name(fake: Fake, command: str, verb: str, *, stays: bool) -> None:
    done = run(fake, command, "reports/in/a.csv", "reports/2026/final.csv")

    assert (done.exit_code, done.output) == (0, f"{verb} in/a.csv to reports/2026/final.csv\n")
    assert fake.objects["2026/final.csv"] == b"in/a.csv"
    assert ("in/a.csv" in fake.objects) is stays


def test_several_objects_keep_their_names_below_a_prefix(fake: Fake) -> None:
    run(fake, "mv", "reports/in/a.csv", "reports/other.csv", "reports/2026/")

    assert {*fake.objects} == {"2026/a.csv", "2026/other.csv", "in/b/c.csv"}


def test_all_below_a_prefix_is_moved_with_its_listed_etag(fake: Fake) -> None:
    done = run(fake, "mv", "-r", "reports/in/", "reports/out/")

    assert done.exit_code == 0, done.output
    assert fake.objects == {
        "out/a.csv": b"in/a.csv",
        "out/b/c.csv": b"in/b/c.csv",
        "other.csv": b"other.csv",
    }
    assert "POST head-urls" not in fake.paths()


def test_a_prefix_is_moved_below_itself_once(fake: Fake) -> None:
    run(fake, "mv", "-r", "reports/in/", "reports/in/b/")

    assert {*fake.objects} == {"in/b/a.csv", "in/b/b/c.csv", "other.csv"}


@pytest.mark.parametrize(
    "words",
    [
        ("reports/in/a.csv", "reports/a.csv", "reports/out/"),
        ("-r", "reports/in/", "reports/in/b/"),
        ("reports/in/a.csv", "reports/in/a.csv"),
    ],
)
def test_no_object_replaces_another_one_of_the_same_move(
    fake: Fake, words: tuple[str, ...]
) -> None:
    """Each would be deleted once it is copied, so the one that was replaced would be lost."""
    for key in ("a.csv", "in/b/a.csv"):
        fake.put(key, key.encode())
    before = dict(fake.objects)

    done = run(fake, "mv", "--overwrite", *words)

    assert done.exit_code == 2
    assert "Nothing was done." in done.stderr
    assert fake.objects == before


def test_one_that_fails_stays_and_ends_no_other(fake: Fake) -> None:
    fake.before = about("out/a.csv", s3_error(403, "AccessDenied"))

    done = run(fake, "mv", "-r", "reports/in/", "reports/out/")

    assert done.exit_code == 1
    assert done.stdout == "moved in/b/c.csv to reports/out/b/c.csv\n"
    assert "presign: in/a.csv: storage_refused" in done.stderr
    assert {*fake.objects} == {"in/a.csv", "out/b/c.csv", "other.csv"}


def test_one_that_changed_since_the_list_stays_and_is_named(fake: Fake) -> None:
    def change(request: httpx.Request) -> None:
        if "x-amz-copy-source" in request.headers and "a.csv" in request.url.path:
            fake.put("in/a.csv", b"newer")

    fake.before = change

    done = run(fake, "mv", "-r", "reports/in/", "reports/out/")

    line = "source_changed: The object has changed, and was not copied. Run the command again."
    assert (done.exit_code, done.stderr) == (1, f"presign: in/a.csv: {line}\n")
    assert fake.objects["in/a.csv"] == b"newer"
    assert "out/a.csv" not in fake.objects


def test_json_has_what_was_done_and_what_failed(fake: Fake) -> None:
    fake.before = about("out/a.csv", s3_error(403, "AccessDenied"))

    done = run(fake, "cp", "-r", "--json", "reports/in/", "reports/out/")

    answer = json.loads(done.stdout)
    assert [each["key"] for each in answer["done"]] == ["out/b/c.csv"]
    assert [each["key"] for each in answer["failed"]] == ["in/a.csv"]


def test_an_object_that_is_there_is_replaced_on_request(fake: Fake) -> None:
    refused = run(fake, "cp", "reports/in/a.csv", "reports/other.csv")
    assert "Use --overwrite to replace it." in refused.stderr

    run(fake, "cp", "--overwrite", "reports/in/a.csv", "reports/other.csv")
    assert fake.objects["other.csv"] == b"in/a.csv"


def test_a_version_is_copied_over_its_own_object(fake: Fake) -> None:
    words = ("cp", "--overwrite", "--version", "v1", "reports/in/a.csv", "reports/in/a.csv")
    done = run(fake, *words)

    assert (done.exit_code, done.output) == (0, "copied in/a.csv to reports/in/a.csv\n")
    asked = json.loads(fake.requests[0].content)
    assert asked["source"] == {"key": "in/a.csv", "bucket": "reports", "version_id": "v1"}
    assert asked["overwrite"] is True


def test_over_5_gib_a_copy_says_what_to_do(fake: Fake) -> None:
    message = "<Message>The specified copy source is larger than the maximum allowable size"
    content = f"<Error><Code>InvalidRequest</Code>{message}</Message></Error>"
    fake.before = about("final.csv", httpx.Response(400, content=content))

    done = run(fake, "mv", "reports/in/a.csv", "reports/final.csv")

    assert done.exit_code == 1
    assert "up to 5 GiB. Download and upload it instead." in done.stderr
    assert "in/a.csv" in fake.objects


def test_without_authentication_nothing_more_is_tried(fake: Fake) -> None:
    def refuse(request: httpx.Request) -> httpx.Response | None:
        asks = request.url.path.endswith("copy-urls")
        return problem(401, "unauthenticated") if asks else None

    fake.before = refuse

    done = run(fake, "mv", "-r", "--parallel", "1", "reports/in/", "reports/out/")

    assert done.exit_code == 1
    assert "Check the token" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("cp", "reports/in/", "reports/out/"),
        ("cp", "-r", "reports/in/a.csv", "reports/out/"),
        ("cp", "-r", "reports/in/", "reports/out"),
        ("mv", "reports/in/a.csv", "reports/other.csv", "reports/out"),
        ("rm", "reports/in/"),
        ("rm", "reports"),
        ("rm", "reports/other.csv", "reports/in/"),
        ("rm", "-r", "reports/in/a.csv"),
        ("rm", "-r", "--version", "1", "reports/in/"),
        ("cp", "-r", "--version", "1", "reports/in/", "reports/out/"),
        ("cp", "--version", "1", "reports/in/a.csv", "reports/other.csv", "reports/out/"),
        ("get", "reports/in/"),
        ("get", "-r", "reports/in/a.csv"),
        ("get", "-r", "reports/in/", "-"),
    ],
)
def test_an_object_and_a_prefix_are_told_apart(fake: Fake, words: tuple[str, ...]) -> None:
    assert run(fake, *words).exit_code == 2
    assert fake.requests == []


def test_all_below_a_prefix_is_deleted(fake: Fake) -> None:
    done = run(fake, "rm", "-r", "reports/in/")

    assert done.output == "deleted reports/in/a.csv\ndeleted reports/in/b/c.csv\n"
    assert {*fake.objects} == {"other.csv"}


def test_a_deletion_that_fails_ends_no_other(fake: Fake) -> None:
    fake.before = about("in/a.csv", s3_error(403, "AccessDenied"))

    done = run(fake, "rm", "-r", "--json", "reports/in/")

    assert done.exit_code == 1
    answer: Any = json.loads(done.stdout)
    assert answer["deleted"] == [{"bucket": "reports", "key": "in/b/c.csv"}]
    assert {*fake.objects} == {"in/a.csv", "other.csv"}


def test_all_below_a_prefix_is_downloaded_once(fake: Fake, tmp_path: Path) -> None:
    first = run(fake, "get", "-r", "reports/in/", tmp_path / "new")

    assert first.exit_code == 0, first.output
    assert (tmp_path / "new/a.csv").read_bytes() == b"in/a.csv"
    assert (tmp_path / "new/b/c.csv").read_bytes() == b"in/b/c.csv"

    (tmp_path / "new/a.csv").write_bytes(b"in/A.csv")
    second = run(fake, "get", "-r", "reports/in/", tmp_path / "new")
    assert second.stdout == "downloaded in/a.csv, 8 bytes\nskipped in/b/c.csv\n"
    assert (tmp_path / "new/a.csv").read_bytes() == b"in/a.csv"


@pytest.mark.parametrize("key", ["../a", "b/../../a", "/etc/a", "b//a", "./a", "..\\a", "C:\\a"])
def test_a_key_leads_to_no_other_directory(fake: Fake, tmp_path: Path, key: str) -> None:
    fake.put(f"in/{key}", b"planted")

    done = run(fake, "get", "-r", "reports/in/", tmp_path / "new")

    assert done.exit_code == 1
    assert "This key is no path of a file." in done.stderr
    written = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert {each.relative_to(tmp_path).as_posix() for each in written} == {
        "new/a.csv",
        "new/b/c.csv",
    }


@pytest.mark.parametrize("key", [".presign-15d442008fc30bee", ".PRESIGN-a", ".presign-a/b.csv"])
def test_a_key_with_the_name_of_an_unfinished_download_fails(
    fake: Fake, tmp_path: Path, key: str
) -> None:
    fake.put(f"in/{key}", b"planted")

    done = run(fake, "get", "-r", "reports/in/", tmp_path / "new")

    assert done.exit_code == 1
    assert f"presign: in/{key}: invalid_request: This key has the name" in done.stderr
    assert (tmp_path / "new/a.csv").exists()
    assert not (tmp_path / "new" / key).exists()


# A link makes two names one directory, as a file system without case does.
@pytest.mark.parametrize(("first", "second"), [("A", "a"), ("e\u0301", "\u00e9"), ("\u1e9e", "ss")])
def test_of_two_names_that_are_one_file_the_second_fails(
    fake: Fake, tmp_path: Path, first: str, second: str
) -> None:
    (tmp_path / "new" / first).mkdir(parents=True)
    (tmp_path / "new" / second).symlink_to(first)
    for name in (f"{first}/x", f"{second}/x", f"{second}/y"):
        fake.put(f"names/{name}", name.encode())
    kept, lost = sorted([f"names/{first}/x", f"names/{second}/x"])

    done = run(fake, "get", "-r", "reports/names/", tmp_path / "new")

    assert done.exit_code == 1
    assert (
        f"presign: {lost}: invalid_request: On this file system it is the same file as {kept}."
        in done.stderr
    )
    assert (tmp_path / "new" / first / "x").read_bytes() == kept.removeprefix("names/").encode()
    assert (tmp_path / "new" / first / "y").exists()


def test_names_that_differ_in_case_can_be_two_files(fake: Fake, tmp_path: Path) -> None:
    names = ["A/X", "A/x", "a/x", "e\u0301", "\u00e9"]
    for name in names:
        fake.put(f"names/{name}", name.encode())

    assert run(fake, "get", "-r", "reports/names/", tmp_path).exit_code == 0
    assert {name: (tmp_path / name).read_text() for name in names} == {name: name for name in names}
    again = run(fake, "get", "-r", "reports/names/", tmp_path)
    assert again.stdout.count("skipped ") == len(names)


def test_a_link_in_the_directory_is_not_followed(fake: Fake, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "new/b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "new/link.csv").symlink_to(tmp_path / "kept")
    fake.put("in/link.csv", b"replaced")
    fake.put("in/b/deeper/c.csv", b"c")

    done = run(fake, "get", "-r", "reports/in/", tmp_path / "new")

    assert done.exit_code == 1
    assert [*(tmp_path / "elsewhere").iterdir()] == []
    assert (tmp_path / "kept").read_text() == "kept"
    assert (tmp_path / "new/a.csv").exists()


@pytest.mark.parametrize(
    ("path", "denied"),
    [
        ("/v1/object-checks", {"download-urls/batch"}),
        ("/v1/download-urls", {"download-urls/batch"}),
        ("/reports/in/b/c.csv", {"download-urls/batch"}),
        ("/reports/in/b/c.csv", set()),
    ],
)
def test_a_directory_that_becomes_a_link_meanwhile_is_not_followed(
    fake: Fake, tmp_path: Path, path: str, denied: set[str]
) -> None:
    """Others may write to the directory: first the object's path is looked at."""
    fake.denied = denied
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/c.csv").write_text("kept")

    def before(request: httpx.Request) -> None:
        is_about_it = b"in/b/c.csv" in request.content + request.url.raw_path
        if request.url.path == path and is_about_it and (tmp_path / "new/b").is_dir():
            (tmp_path / "new/b").rename(tmp_path / "new/moved")
            (tmp_path / "new/b").symlink_to(tmp_path / "elsewhere")

    fake.before = before
    done = run(fake, "get", "-r", "reports/in/", tmp_path / "new")

    assert done.exit_code == 1
    assert (tmp_path / "elsewhere/c.csv").read_text() == "kept"
    assert (tmp_path / "new/a.csv").exists()


def test_a_pipe_in_the_directory_is_not_written(fake: Fake, tmp_path: Path) -> None:
    """It would wait for a reader, who would get the object."""
    os.mkfifo(tmp_path / "a.csv")
    reader = os.open(tmp_path / "a.csv", os.O_RDONLY | os.O_NONBLOCK)

    done = run(fake, "get", "-r", "reports/in/", tmp_path)

    assert done.exit_code == 1
    assert done.stderr.startswith("presign: in/a.csv: ")
    assert "no regular file" in done.stderr
    assert os.read(reader, 1) == b""
    os.close(reader)
    assert (tmp_path / "b/c.csv").exists()


def test_a_folder_marker_is_no_file(fake: Fake, tmp_path: Path) -> None:
    fake.put("in/b/", b"")

    assert run(fake, "get", "-r", "reports/in/", tmp_path).exit_code == 0
