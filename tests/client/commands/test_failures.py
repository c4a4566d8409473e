"""A command that fails prints one line, which says what to do and shows no secret."""

import errno
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from presign_client.commands.failures import line_of
from presign_client.commands.main import main
from presign_client.commands.output import shown
from presign_client.transfers.partial_file import PartialFile
from tests.client.failing import fails
from tests.client.fake import Fake, problem
from tests.client.running import failed


def test_a_wrong_token_is_one_line(fake: Fake) -> None:
    fails(9, problem(401, "unauthenticated"), fake)

    assert failed(fake, "whoami") == (
        "presign: unauthenticated: The detail of unauthenticated. "
        "Check the token in PRESIGN_TOKEN, PRESIGN_TOKEN_FILE or --token-file."
    )


def test_no_network_is_one_line(fake: Fake) -> None:
    fails(9, httpx.ConnectError("[Errno -2] Name or service not known"), fake)

    assert failed(fake, "whoami") == (
        "presign: unreachable: Cannot connect to https://presign.test: is PRESIGN_URL right? "
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


def test_a_full_disk_names_the_file_that_is_kept(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(file: PartialFile, start: int, chunk: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(PartialFile, "write", fail)
    fake.put("a.csv", bytes(12345))

    line = failed(fake, "get", "reports/a.csv", tmp_path / "a.csv")

    [kept] = tmp_path.glob(".presign-*")
    assert line == (
        f"presign: '{kept}': No space left on device. 12,345 of 12,345 bytes are missing; "
        "this file keeps the others. Free some space and run the command again."
    )


def test_a_file_that_changes_while_it_is_read_is_one_line(fake: Fake, file: Path) -> None:
    def change(request: httpx.Request) -> None:
        if request.url.host == "store.test":
            file.write_bytes(b"other")

    fake.before = change

    assert failed(fake, "put", file, "reports/b.csv") == (
        "presign: source_changed: The file changed while it was read. Run the command again."
    )


def test_a_token_file_that_is_missing_is_one_line(fake: Fake) -> None:
    line = failed(fake, "whoami", "--token-file", "missing")

    assert line == "presign: 'missing': No such file or directory."


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


def test_a_missing_setting_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PRESIGN_URL", raising=False)

    done = CliRunner().invoke(main, ["whoami"])

    assert done.exit_code == 1
    assert done.stderr.startswith("presign: Where is presign? Set PRESIGN_URL")


def test_a_detail_cannot_control_the_terminal(fake: Fake) -> None:
    fails(1, problem(403, "forbidden", detail="a\x1b[2Jb\nc"), fake)

    assert "forbidden: a\\x1b[2Jb c " in failed(fake, "whoami")


def test_a_servers_error_names_the_request(fake: Fake) -> None:
    fails(99, problem(500, "internal_error"), fake)

    assert "Quote the request request-1" in failed(fake, "whoami")


def test_a_name_with_control_characters_is_escaped() -> None:
    assert shown("a\x1b[2J\n\udcff ü") == "a\\x1b[2J\\n\\udcff ü"


def test_an_unknown_error_is_its_text() -> None:
    assert line_of(ValueError("What is wrong.")) == "What is wrong."
