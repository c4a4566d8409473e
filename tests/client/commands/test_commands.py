"""The commands: what they do and print."""

import json
import os
from pathlib import Path

import httpx
import pytest

from tests.client.failing import fails
from tests.client.fake import Fake, problem
from tests.client.running import run


def test_put_uploads_a_file(fake: Fake, file: Path) -> None:
    done = run(fake, "put", file, "reports/b.csv")

    assert (done.exit_code, done.output) == (0, "uploaded reports/b.csv\n")
    assert fake.objects == {"b.csv": b"12345"}


def test_put_to_a_prefix_keeps_the_names(fake: Fake, file: Path) -> None:
    other = file.with_name("b.csv")
    other.write_bytes(b"6")

    run(fake, "put", file, other, "reports/2026/")

    assert fake.objects == {"2026/a.csv": b"12345", "2026/b.csv": b"6"}


def test_put_stores_the_other_files_when_one_fails(fake: Fake, file: Path) -> None:
    other = file.with_name("z.csv")
    other.write_bytes(b"123")

    done = run(fake, "put", file.with_name("gone.csv"), file, other, "reports/2026/")

    assert done.exit_code == 1
    assert done.stdout == "uploaded reports/2026/a.csv\nuploaded reports/2026/z.csv\n"
    assert "gone.csv: " in done.stderr
    assert "No such file" in done.stderr


def test_put_of_several_files_stops_without_authentication(fake: Fake, file: Path) -> None:
    fails(1, problem(401, "unauthenticated"), fake)

    done = run(fake, "put", file, file, "reports/2026/")

    assert (done.exit_code, fake.objects) == (1, {})


def test_put_reads_standard_input(fake: Fake) -> None:
    run(fake, "put", "-", "reports/b.csv", input=b"from a pipe")

    assert fake.objects == {"b.csv": b"from a pipe"}


def test_put_of_a_folder_skips_what_is_there(fake: Fake, file: Path) -> None:
    run(fake, "put", "-r", file.parent, "reports/site/")

    done = run(fake, "put", "-r", file.parent, "reports/site/")

    assert done.output == "skipped reports/site/a.csv\n"


def test_put_of_a_folder_reports_each_failure(fake: Fake, file: Path) -> None:
    fake.put("site/a.csv", b"other")

    done = run(fake, "put", "-r", file.parent, "reports/site/")

    assert done.exit_code == 1
    assert "object_exists" in done.stderr
    assert "--overwrite" in done.stderr


def test_json_has_what_failed(fake: Fake, file: Path) -> None:
    fake.put("site/a.csv", b"other")
    Path(os.fsdecode(os.fsencode(file.parent) + b"/\xff")).touch()

    done = run(fake, "put", "-r", file.parent, "reports/site/", "--json")

    assert done.exit_code == 1
    failed = json.loads(done.stdout)["failed"]
    assert [each["error"]["code"] for each in failed] == ["object_exists", "invalid_request"]
    assert done.stderr.count("\n") == 2


def test_get_writes_a_file_under_its_own_name(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.put("2026/a.csv", b"12345")
    monkeypatch.chdir(tmp_path)

    done = run(fake, "get", "reports/2026/a.csv")

    assert done.output == "downloaded a.csv, 5 bytes, verified\n"
    assert (tmp_path / "a.csv").read_bytes() == b"12345"


def test_get_into_a_directory_keeps_the_name(fake: Fake, tmp_path: Path) -> None:
    fake.put("2026/a.csv", b"12345")

    run(fake, "get", "reports/2026/a.csv", tmp_path)

    assert (tmp_path / "a.csv").read_bytes() == b"12345"


def test_get_says_what_is_not_verified(fake: Fake, tmp_path: Path) -> None:
    fake.put("a.csv", b"12345")
    fake.checksums.clear()

    assert "not verified" in run(fake, "get", "reports/a.csv", tmp_path / "a").output


def test_get_writes_standard_output(fake: Fake) -> None:
    fake.put("a.csv", b"12345")

    assert run(fake, "get", "reports/a.csv", "-").stdout_bytes == b"12345"


def test_url_prints_a_url(fake: Fake) -> None:
    done = run(fake, "url", "reports/a.csv", "--expires-in", "15m")

    assert done.stdout.startswith("https://store.test/reports/a.csv?")
    assert json.loads(fake.requests[0].content)["expires_in"] == 900


def test_url_prints_a_curl_command(fake: Fake) -> None:
    options = ("--method", "put", "--content-length", "5", "--curl")

    done = run(fake, "url", "reports/a.csv", *options)

    assert done.stdout.startswith("curl -f -T FILE -H 'if-none-match: *' 'https://store.test/")


@pytest.mark.parametrize(("method", "signed"), [("head", "HEAD"), ("delete", "DELETE")])
def test_url_signs_other_methods(fake: Fake, method: str, signed: str) -> None:
    done = run(fake, "url", "reports/a.csv", "--method", method, "--json")

    assert json.loads(done.stdout)["method"] == signed


def test_url_warns_of_headers_and_of_a_shorter_life(fake: Fake) -> None:
    answer = {"method": "PUT", "url": "https://store.test/a", "headers": {"a": "b"}}
    answer |= {"expires_at": "2026-03-01T12:15:00Z", "limited_by": "session"}
    fails(1, httpx.Response(200, json=answer), fake)

    done = run(fake, "url", "reports/a.csv", "--method", "put", "--content-length", "5")

    assert done.stdout == "https://store.test/a\n"
    assert "--curl" in done.stderr
    assert "2026-03-01 12:15:00 UTC, limited by the session" in done.stderr


def test_ls_lists_objects_and_prefixes(fake: Fake) -> None:
    fake.put("a.csv", b"12345")
    fake.put("2026/b.csv", b"")

    level, everything = run(fake, "ls", "reports"), run(fake, "ls", "-r", "reports")

    assert level.output.split() == ["reports/2026/", "5", "2026-03-01", "12:00", "reports/a.csv"]
    assert "reports/2026/b.csv" in everything.output


def test_versions_lists_those_of_one_object(fake: Fake) -> None:
    fake.put("a.csv", b"12345")

    lines = run(fake, "versions", "reports/a.csv").output.splitlines()

    assert [line.split() for line in lines] == [
        ["deleted", "2026-03-01", "12:00", "2"],
        ["5", "2026-03-01", "12:00", "1"],
    ]


def test_get_and_rm_take_a_version(fake: Fake) -> None:
    fake.put("a.csv", b"12345")

    assert run(fake, "get", "reports/a.csv", "-", "--version", "1").output == "12345"
    run(fake, "rm", "reports/a.csv", "--version", "1")

    bodies = [json.loads(each.content) for each in fake.requests if each.url.host != "store.test"]
    assert [body["version_id"] for body in bodies] == ["1", "1"]


def test_rm_removes_one_version_at_a_time(fake: Fake) -> None:
    done = run(fake, "rm", "reports/a.csv", "reports/b.csv", "--version", "1")

    assert done.exit_code == 2
    assert "one object" in done.stderr
    assert fake.requests == []


def test_rm_deletes_objects(fake: Fake) -> None:
    fake.put("a.csv", b"")
    fake.put("b.csv", b"")

    done = run(fake, "rm", "reports/a.csv", "reports/b.csv")

    assert done.output == "deleted reports/a.csv\ndeleted reports/b.csv\n"
    assert fake.objects == {}


@pytest.mark.parametrize(
    ("target", "place"),
    [("reports/a.csv", {"key": "a.csv"}), ("reports/2026/", {"prefix": "2026/"})],
)
def test_link_prints_a_link(fake: Fake, target: str, place: dict[str, str]) -> None:
    done = run(fake, "link", target, "--expires-in", "30d")

    assert done.stdout == "https://presign.test/l/secret\n"
    asked = {"bucket": "reports", "expires_in": 2592000, **place}
    assert json.loads(fake.requests[0].content) == asked


def test_link_tells_its_id_and_its_end(fake: Fake) -> None:
    answer: dict[str, object] = {"id": "lnk_1", "url": "https://presign.test/l/secret"}
    answer |= {"expires_at": "2026-03-08T12:00:00Z", "limited_by": "grant", "listed": True}
    fails(1, httpx.Response(201, json=answer), fake)

    done = run(fake, "link", "reports/a.csv", "--expires-in", "30d")

    assert done.stdout == "https://presign.test/l/secret\n"
    assert done.stderr == (
        "presign: lnk_1 works until 2026-03-08 12:00:00 UTC, limited by the grant.\n"
    )


def test_link_takes_words_for_visitors(fake: Fake) -> None:
    run(fake, "link", "reports/in/", "--upload", "--label", "Ann", "--message", "Two files.")

    asked = json.loads(fake.requests[0].content)
    assert (asked["label"], asked["message"]) == ("Ann", "Two files.")


def test_link_says_the_id_of_a_link_that_no_list_has(fake: Fake) -> None:
    said = run(fake, "link", "reports/a.csv")
    assert said.stdout == "https://presign.test/l/secret\n"
    assert "presign: 7 works until" in said.stderr
    assert "not in your list of links. Keep its id" in said.stderr


def test_links_shows_what_each_link_is_for(fake: Fake) -> None:
    assert run(fake, "links").output == (
        "9  2026-03-08 12:00             upload to reports/in/  (Ann)\n"
        "8  2026-03-08 12:00    revoked  reports/a.csv\n"
    )


def test_links_are_revoked_by_a_command_of_two_words(fake: Fake) -> None:
    revoke = ("link", "revoke")
    assert run(fake, *revoke, "lnk_1", "lnk_2").output == "revoked lnk_1\nrevoked lnk_2\n"
    assert fake.paths() == ["DELETE links/lnk_1", "DELETE links/lnk_2"]
    shown = json.loads(run(fake, *revoke, "lnk_1", "--json").output)
    assert shown == {"revoked": ["lnk_1"]}
    assert "link revoke [OPTIONS] ID..." in run(fake, *revoke, "--help").output


def test_a_bucket_may_be_called_revoke(fake: Fake) -> None:
    assert run(fake, "link", "revoke").stdout == "https://presign.test/l/secret\n"


def test_whoami_prints_the_grants(fake: Fake) -> None:
    assert run(fake, "whoami").output == "tests\n  reports/: list\n"


JSON: dict[str, tuple[str, ...]] = {
    "put": ("{file}", "reports/new.csv"),
    "get": ("reports/a.csv", "{file}"),
    "url": ("reports/a.csv",),
    "ls": ("reports",),
    "rm": ("reports/a.csv",),
    "link": ("reports/a.csv",),
    "links": (),
    "whoami": (),
}


@pytest.mark.parametrize("command", JSON)
def test_json_is_one_document(fake: Fake, file: Path, command: str) -> None:
    fake.put("a.csv", b"12345")
    words = [word.format(file=file) for word in JSON[command]]

    done = run(fake, command, *words, "--json")

    assert done.exit_code == 0
    assert isinstance(json.loads(done.stdout), dict)
    assert done.stderr == ""


def test_quiet_prints_nothing(fake: Fake, file: Path) -> None:
    assert run(fake, "put", "-q", file, "reports/b.csv").output == ""
