"""The commands: what they print, and what they say when they fail."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner, Result

from presign_client.commands.failures import line_of
from presign_client.commands.main import OWN, main
from presign_client.commands.options import duration, size
from presign_client.commands.output import shown
from tests.client.failing import fails
from tests.client.fake import SECRET, TOKEN, Fake, problem


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.csv"
    path.write_bytes(b"12345")
    return path


def run(fake: Fake, *words: Any, **options: Any) -> Result:
    """Run a command in this process, and check that it shows no secret."""
    done = CliRunner().invoke(main, [*map(str, words)], obj=fake.client, **options)
    assert TOKEN not in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done


def failed(fake: Fake, *words: Any, **options: Any) -> str:
    """Run a command that fails, and return its only line."""
    done = run(fake, *words, **options)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert SECRET not in done.stderr
    [line] = done.stderr.splitlines()
    return line


def test_put_uploads_a_file(fake: Fake, file: Path) -> None:
    done = run(fake, "put", file, "reports/b.csv")

    assert (done.exit_code, done.output) == (0, "uploaded reports/b.csv\n")
    assert fake.objects == {"b.csv": b"12345"}


def test_put_to_a_prefix_keeps_the_names(fake: Fake, file: Path) -> None:
    other = file.with_name("b.csv")
    other.write_bytes(b"6")

    run(fake, "put", file, other, "reports/2026/")

    assert fake.objects == {"2026/a.csv": b"12345", "2026/b.csv": b"6"}


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

    assert done.output == "https://presign.test/l/secret\n"
    asked = {"bucket": "reports", "expires_in": 2592000, **place}
    assert json.loads(fake.requests[0].content) == asked


def test_whoami_prints_the_grants(fake: Fake) -> None:
    assert run(fake, "whoami").output == "tests\n  reports/: list\n"


JSON: dict[str, tuple[str, ...]] = {
    "put": ("{file}", "reports/new.csv"),
    "get": ("reports/a.csv", "{file}"),
    "url": ("reports/a.csv",),
    "ls": ("reports",),
    "rm": ("reports/a.csv",),
    "link": ("reports/a.csv",),
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


@pytest.mark.parametrize("command", OWN)
def test_each_help_has_an_example(command: str) -> None:
    for option in ("-h", "--help"):
        done = CliRunner().invoke(main, [command, option])
        assert done.exit_code == 0
        assert f"presign {command}" in done.output.partition("Example")[2]


@pytest.mark.parametrize("command", OWN)
def test_no_option_takes_a_token(command: str) -> None:
    found = main.get_command(click.Context(main), command)
    assert found is not None
    options = [name for each in found.params for name in each.opts]
    assert [name for name in options if "token" in name] == ["--token-file"]


@pytest.mark.parametrize(
    "words",
    [
        ("put", "a"),
        ("put", "a", "b", "reports/one"),
        ("put", "-", "reports/"),
        ("put", "-r", "a", "reports/one"),
        ("put", "a", "reports/b", "--part-size", "many"),
        ("get", "reports"),
        ("get", "reports/"),
        ("get", "/a"),
        ("get", "reports/a", "-", "--json"),
        ("url", "reports/a", "--expires-in", "soon"),
        ("url", "reports/a", "--method", "put"),
        ("url", "reports/a", "--content-length", "5"),
        ("link", "reports/a", "--max-uses", "0"),
        ("credentials", "reports/a"),
        ("credentials", "reports", "--permission", "ALL"),
        ("agent", "reports", "--listen", "9911"),
        ("agent", "reports", "--listen", "0.0.0.0:9911"),
        ("agent", "reports", "--listen", "localhost:9911"),
        ("agent", "reports", "--listen", "127.0.0.1:65536"),
        ("agent", "reports", "--no-authorization", "--authorization-file", "a"),
        ("nothing",),
    ],
)
def test_a_wrong_command_line_is_exit_code_2(fake: Fake, words: tuple[str, ...]) -> None:
    assert run(fake, *words).exit_code == 2
    assert fake.requests == []


def test_a_wrong_token_is_one_line(fake: Fake) -> None:
    fails(9, problem(401, "unauthenticated"), fake)

    assert failed(fake, "whoami") == (
        "presign: unauthenticated: The detail of unauthenticated. "
        "Check the token in PRESIGN_TOKEN, PRESIGN_TOKEN_FILE or --token-file."
    )


def test_no_network_is_one_line(fake: Fake) -> None:
    fails(9, httpx.ConnectError("[Errno -2] Name or service not known"), fake)

    assert failed(fake, "whoami") == (
        "presign: unreachable: presign cannot be reached. "
        "Check the network, and the URL in PRESIGN_URL or --url. Run the command again."
    )


def test_a_store_that_is_down_is_one_line(fake: Fake, file: Path) -> None:
    fails(99, httpx.ConnectError("refused"), fake, "store.test")

    line = failed(fake, "put", file, "reports/b.csv")

    assert line.startswith("presign: unreachable: The store cannot be reached.")


def test_a_full_disk_is_one_line(fake: Fake) -> None:
    fake.put("a.csv", b"12345")

    line = failed(fake, "get", "reports/a.csv", "/dev/full")

    assert line == "presign: No space left on device. Free some space and run the command again."


def test_a_missing_file_is_one_line(fake: Fake) -> None:
    line = failed(fake, "put", "missing", "reports/b.csv")

    assert line == "presign: 'missing': No such file or directory."


def test_a_directory_is_one_line(fake: Fake, tmp_path: Path) -> None:
    line = failed(fake, "put", tmp_path, "reports/b")

    assert line == f"presign: '{tmp_path}': Is a directory. With -r what is in it is uploaded."


def test_a_name_that_is_no_key_is_one_line(fake: Fake) -> None:
    fields = [{"pointer": "#/key", "detail": "A segment `.` or `..` is not allowed."}]
    fails(1, problem(422, "invalid_request", errors=fields), fake)

    line = failed(fake, "url", "reports/../a")

    assert line == "presign: invalid_request: #/key: A segment `.` or `..` is not allowed."


def test_a_detail_cannot_control_the_terminal(fake: Fake) -> None:
    fails(1, problem(403, "forbidden", detail="a\x1b[2Jb\nc"), fake)

    assert "forbidden: a\\x1b[2Jb c " in failed(fake, "whoami")


def test_a_missing_setting_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PRESIGN_URL", raising=False)

    done = CliRunner().invoke(main, ["whoami"])

    assert done.exit_code == 1
    assert done.stderr.startswith("presign: Where is presign? Set PRESIGN_URL")


def test_a_servers_error_names_the_request(fake: Fake) -> None:
    fails(99, problem(500, "internal_error"), fake)

    assert "Quote the request request-1" in failed(fake, "whoami")


def test_a_name_with_control_characters_is_escaped() -> None:
    assert shown("a\x1b[2J\n\udcff ü") == "a\\x1b[2J\\n\\udcff ü"


def test_an_unknown_error_is_its_text() -> None:
    assert line_of(ValueError("What is wrong.")) == "What is wrong."


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("12h", 43200), ("30d", 2592000)]
)
def test_durations_have_units(text: str, seconds: int) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "count"), [("5", 5), ("8MiB", 2**23), ("8m", 2**23), ("1GB", 2**30), ("1k", 1024)]
)
def test_sizes_have_units(text: str, count: int) -> None:
    assert size(text) == count


def test_a_command_that_is_misspelt_is_suggested(fake: Fake) -> None:
    assert "No such command 'pu'. Did you mean 'put'?" in run(fake, "pu").output


def test_version_and_help_import_no_http_client() -> None:
    check = "assert not {'httpx', 'rich', 'asyncio'} & set(sys.modules)"
    for words in (["--version"], ["put", "--help"], ["get", "--help"]):
        run = f"main({words}, standalone_mode=False)"
        script = f"import sys; from presign_client.commands.main import main; {run}; {check}"
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={"PATH": os.defpath},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
