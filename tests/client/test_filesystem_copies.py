"""`presign://` for fsspec: copies and moves, and that nothing is lost."""

import json

import httpx
import pytest

from presign_client.errors import PresignError
from presign_client.filesystem import PresignFileSystem
from tests.client.failing import fails
from tests.client.fake import Fake, etag, problem, s3_error


def test_a_copy_is_made_by_the_store(fake: Fake, files: PresignFileSystem) -> None:
    fake.put("a.csv", b"12345")

    files.copy("presign://reports/a.csv", "presign://reports/b.csv")

    assert fake.objects == {"a.csv": b"12345", "b.csv": b"12345"}
    [copied] = fake.sent_to_the_store("PUT")
    assert copied.headers["x-amz-copy-source"] == "reports/a.csv"
    assert "POST download-urls" not in fake.paths()


def test_a_copy_may_go_to_another_bucket(fake: Fake, files: PresignFileSystem) -> None:
    fake.put("a.csv", b"12345")

    files.cp_file("reports/a.csv", "archive/b.csv")

    [copied] = fake.sent_to_the_store("PUT")
    assert copied.headers["x-amz-copy-source"] == "reports/a.csv"
    assert copied.url.path == "/archive/b.csv"


def test_a_move_deletes_only_what_it_has_copied(fake: Fake, files: PresignFileSystem) -> None:
    fake.put("a.csv", b"12345")

    files.mv("presign://reports/a.csv", "presign://reports/b.csv")

    assert fake.objects == {"b.csv": b"12345"}
    [deletion] = fake.sent_to_the_store("DELETE")
    assert deletion.headers["if-match"] == etag(b"12345")


@pytest.mark.parametrize(
    ("target", "folder"), [("2027", "2027"), ("kept", "kept/2026"), ("2026/old", "2026/old")]
)
def test_a_folder_is_copied_and_moved(
    fake: Fake, files: PresignFileSystem, target: str, folder: str
) -> None:
    """Below a folder that exists, as fsspec has it. A folder has no object of its own."""
    before = {"2026/a.csv": b"1", "2026/q3/b.csv": b"2", "2026/q3/deep/c.csv": b"3"}
    moved = {key.replace("2026", folder, 1): content for key, content in before.items()}
    for key, content in {**before, "kept/x": b""}.items():
        fake.put(key, content)

    files.copy("reports/2026", f"presign://reports/{target}", recursive=True)
    assert fake.objects == {**before, **moved, "kept/x": b""}

    for key in moved:
        del fake.objects[key]
    files.rename("reports/2026", f"presign://reports/{target}", recursive=True)
    assert fake.objects == {**moved, "kept/x": b""}


def test_a_bucket_is_copied_into_another(fake: Fake, files: PresignFileSystem) -> None:
    """The bucket itself has no key, which the service would refuse."""
    fake.put("a.csv", b"1")

    files.copy("reports", "archive/", recursive=True)

    assert [each.url.path for each in fake.sent_to_the_store("PUT")] == ["/archive/a.csv"]
    assert fake.paths().count("POST copy-urls") == 1


def test_a_folder_is_moved_on_request_alone(fake: Fake, files: PresignFileSystem) -> None:
    fake.put("2026/a.csv", b"1")

    with pytest.raises(IsADirectoryError):
        files.mv("reports/2026", "reports/2027")

    assert fake.objects == {"2026/a.csv": b"1"}


@pytest.mark.parametrize("name", ["copy", "mv"])
def test_a_target_is_replaced_only_on_request(
    fake: Fake, files: PresignFileSystem, name: str
) -> None:
    fake.put("a.csv", b"new")
    fake.put("b.csv", b"old")

    with pytest.raises(FileExistsError, match=r"reports/a\.csv to reports/b\.csv"):
        getattr(files, name)("reports/a.csv", "reports/b.csv")
    assert fake.objects == {"a.csv": b"new", "b.csv": b"old"}

    files.overwrite = True
    getattr(files, name)("reports/a.csv", "reports/b.csv")
    assert fake.objects["b.csv"] == b"new"


@pytest.mark.parametrize("name", ["copy", "mv"])
def test_a_missing_source_is_file_not_found(files: PresignFileSystem, name: str) -> None:
    with pytest.raises(FileNotFoundError):
        getattr(files, name)("reports/a.csv", "reports/b.csv")


@pytest.mark.parametrize(("name", "call"), [("copy", "copy-urls"), ("mv", "delete-urls")])
def test_what_is_not_granted_is_a_permission_error(
    fake: Fake, files: PresignFileSystem, name: str, call: str
) -> None:
    fake.put("a.csv", b"1")
    fake.denied = {call}

    with pytest.raises(PermissionError):
        getattr(files, name)("reports/a.csv", "reports/b.csv")

    assert fake.objects["a.csv"] == b"1"


def test_a_move_that_the_store_refuses_can_be_repeated(
    fake: Fake, files: PresignFileSystem
) -> None:
    """The first object was moved, and the second has stayed."""
    fake.put("2026/a.csv", b"1")
    fake.put("2026/b.csv", b"2")
    fails(2, s3_error(403, "AccessDenied"), fake, "2027/b.csv?")

    with pytest.raises(PresignError, match="storage_refused"):
        files.mv("reports/2026", "reports/2027", recursive=True)
    assert fake.objects == {"2027/a.csv": b"1", "2026/b.csv": b"2"}

    files.mv("reports/2026/", "reports/2027", recursive=True)
    assert fake.objects == {"2027/a.csv": b"1", "2027/b.csv": b"2"}


@pytest.mark.parametrize(
    ("sources", "targets"),
    [
        (["a/1", "b/1"], "reports/c/"),
        (["a/1", "b/1"], ["reports/b/1", "reports/c/1"]),
    ],
)
def test_a_move_replaces_nothing_that_it_moves(
    fake: Fake, files: PresignFileSystem, sources: list[str], targets: str | list[str]
) -> None:
    for key in sources:
        fake.put(key, key.encode())
    files.overwrite = True

    with pytest.raises(FileExistsError):
        files.mv([f"reports/{key}" for key in sources], targets)

    assert {*fake.objects.values()} == {b"a/1", b"b/1"}


def test_a_move_onto_itself_changes_nothing(fake: Fake, files: PresignFileSystem) -> None:
    fake.put("2026/a.csv", b"1")
    files.overwrite = True

    files.mv("presign://reports/2026/a.csv", "reports/2026/a.csv")
    with pytest.raises(FileExistsError):
        files.mv("reports/2026", "reports", recursive=True)

    assert fake.objects == {"2026/a.csv": b"1"}


def only_below_d(request: httpx.Request) -> httpx.Response | None:
    """A grant for `d/`."""
    if request.url.host == "store.test":
        return None
    body = json.loads(request.content) if request.content else {}
    keys = [body.get("key"), body.get("source", {}).get("key"), request.url.params.get("prefix")]
    is_granted = all(key is None or key.startswith("d/") for key in keys)
    return None if is_granted else problem(403, "forbidden")


def test_a_directory_whose_own_name_is_forbidden_is_one(
    fake: Fake, files: PresignFileSystem
) -> None:
    fake.before = only_below_d
    fake.put("d/a.csv", b"12345")

    assert files.info("reports/d")["type"] == "directory"
    assert files.isdir("reports/d")
    for name in ("reports/e", "reports/d.csv"):
        with pytest.raises(PermissionError):
            files.info(name)


def test_a_directory_whose_own_name_is_forbidden_is_copied_moved_and_deleted(
    fake: Fake, files: PresignFileSystem
) -> None:
    fake.before = only_below_d
    fake.put("d/a/1.csv", b"1")

    files.copy("reports/d", "reports/d/b", recursive=True)
    assert set(fake.objects) == {"d/a/1.csv", "d/b/a/1.csv"}
    files.mv("reports/d", "reports/d/c", recursive=True)
    assert set(fake.objects) == {"d/c/a/1.csv", "d/c/b/a/1.csv"}
    files.rm("reports/d", recursive=True)
    assert fake.objects == {}


@pytest.mark.parametrize(
    ("path", "recursive"),
    [("reports", True), ("presign://reports/", True), ("reports/**", False)],
)
def test_all_objects_of_a_bucket_are_deleted(
    fake: Fake, files: PresignFileSystem, path: str, *, recursive: bool
) -> None:
    def no_empty_key(request: httpx.Request) -> httpx.Response | None:
        is_empty = request.method == "POST" and json.loads(request.content).get("key") == ""
        return problem(422, "invalid_request") if is_empty else None

    fake.before = no_empty_key
    for key in ("a.csv", "d/b.csv"):
        fake.put(key, b"1")

    files.rm(path, recursive=recursive)
    assert fake.objects == {}


def test_an_empty_bucket_is_a_directory_with_nothing_to_delete(
    fake: Fake, files: PresignFileSystem
) -> None:
    assert files.isdir("reports")
    assert files.ls("reports") == []
    files.rm("reports", recursive=True)
    assert {request.method for request in fake.requests} == {"GET"}
    fake.before = lambda _: problem(422, "invalid_request")
    with pytest.raises(PresignError):
        files.rm("reports")


def test_an_object_with_the_name_of_a_directory_is_not_left_in_silence(
    fake: Fake, files: PresignFileSystem
) -> None:
    def no_deletion_of_d(request: httpx.Request) -> httpx.Response | None:
        is_deletion = request.url.path.endswith("delete-urls")
        is_d = is_deletion and json.loads(request.content)["key"] == "d"
        return problem(403, "forbidden") if is_d else None

    fake.before = no_deletion_of_d
    for key in ("d", "d/a.csv"):
        fake.put(key, b"1")

    with pytest.raises(PermissionError):
        files.rm(["reports/d", "reports/d/a.csv"])


def test_a_file_that_can_only_be_listed_is_not_left_in_silence(
    fake: Fake, files: PresignFileSystem
) -> None:
    fake.denied = {"delete-urls", "head-urls", "download-urls"}
    fake.put("d/a.csv", b"1")

    with pytest.raises(PermissionError):
        files.rm("reports/d", recursive=True)


def test_a_file_that_is_forbidden_is_no_directory(fake: Fake, files: PresignFileSystem) -> None:
    fake.before = only_below_d
    fake.put("e.csv", b"1")

    with pytest.raises(PermissionError):
        files.rm_file("reports/e.csv")
    with pytest.raises(PermissionError):
        files.cp_file("reports/e.csv", "reports/d/e.csv")
