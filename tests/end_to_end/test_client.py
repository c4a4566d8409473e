"""The client of `client/` in front of stores that verify: docs/client.md and the example of client/README.md."""

import os
import pty
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import count
from pathlib import Path

import httpx
import pytest

from tests.docs.documents import commands
from tests.end_to_end.client import Command, command_at, wait_for
from tests.support.stores import Store
from tests.support.terminals import shown_on

MIB = 1024**2
PART = 5 * MIB
PARTS = ("--part-size", "5MiB", "--parallel", "2")
HEAD_BYTES = 4096  # a request's or an answer's, at most
NUMBERS = count()


@pytest.fixture(scope="module")
def putting(verifying_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    with command_at(verifying_store, tmp_path_factory.mktemp("service")) as command:
        yield command


@pytest.fixture(scope="module")
def getting(verifying_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    directory = tmp_path_factory.mktemp("service")
    with command_at(verifying_store, directory, is_of_answers=True) as command:
        yield command


@pytest.fixture
def name() -> str:
    return f"objects/client/a b+ü {next(NUMBERS)}"


def random_file(directory: Path, size: int) -> Path:
    path = directory / "file"
    with path.open("wb") as file:
        for start in range(0, size, MIB):
            file.write(os.urandom(min(MIB, size - start)))
    return path


def digest(path: Path) -> str:
    with path.open("rb") as file:
        hashed = sha256()
        while chunk := file.read(MIB):
            hashed.update(chunk)
    return hashed.hexdigest()


def succeeded(done: subprocess.CompletedProcess[bytes]) -> bytes:
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def assert_round_trip(command: Command, directory: Path, name: str, size: int) -> None:
    file, copy = random_file(directory, size), directory / "copy"

    succeeded(command.run("put", file, name))
    assert b", verified" in succeeded(command.run("get", name, copy))

    assert digest(copy) == digest(file)


@pytest.mark.parametrize("size", [0, 9 * MIB])
def test_a_file_goes_up_and_comes_down(
    putting: Command, tmp_path: Path, name: str, size: int
) -> None:
    assert_round_trip(putting, tmp_path, name, size)


@pytest.mark.slow
@pytest.mark.parametrize("size", [60 * MIB, 300 * MIB])
def test_a_large_file_goes_up_and_comes_down(
    putting: Command, tmp_path: Path, name: str, size: int
) -> None:
    assert_round_trip(putting, tmp_path, name, size)


@pytest.mark.parametrize("size", [PART, PART + 1])
def test_the_size_of_a_part_is_no_special_size(
    putting: Command, tmp_path: Path, name: str, size: int
) -> None:
    file = random_file(tmp_path, size)

    succeeded(putting.run("put", *PARTS, file, name))

    assert succeeded(putting.run("get", *PARTS, name, "-")) == file.read_bytes()


def test_the_example_of_the_readme_runs(putting: Command, tmp_path: Path) -> None:
    [block] = commands("client/README.md")
    key = f"objects/{next(NUMBERS)}"
    text = block.text.replace('"reports"', '"objects"').replace("2026/q3.csv", key)
    (tmp_path / "q3.csv").write_text("name,amount")

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", text],
        cwd=tmp_path,
        env=putting.environment(),
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "copy.csv").read_text() == "name,amount"


def kill_half_way(command: Command, *words: str | Path, is_begun: Callable[[], bool]) -> None:
    command.gate.shut(after=22 * MIB)
    with command.running(*words) as process:
        command.gate.wait_until_held()
        wait_for(is_begun)
        process.send_signal(signal.SIGKILL)
        command.end(process)
        command.gate.cut()  # otherwise the store would get what the system has buffered
        command.gate.open()


@pytest.mark.slow
def test_a_killed_upload_resumes(putting: Command, tmp_path: Path, name: str) -> None:
    file = random_file(tmp_path, 40 * MIB)
    before = putting.gate.passed
    kill_half_way(putting, "put", *PARTS, file, name, is_begun=lambda: any(notes(putting)))

    succeeded(putting.run("put", *PARTS, file, name))

    sent = putting.gate.passed - before
    assert sent <= 40 * MIB + 2 * PART + 20 * HEAD_BYTES  # at most one part a worker twice
    assert putting.store.content(name.partition("/")[2]) == file.read_bytes()
    assert not any(notes(putting))


@pytest.mark.slow
def test_a_killed_download_resumes(getting: Command, tmp_path: Path, name: str) -> None:
    file, copy = random_file(tmp_path, 40 * MIB), tmp_path / "copy"
    succeeded(getting.run("put", *PARTS, file, name))
    before = getting.gate.passed
    kill_half_way(
        getting,
        *("get", *PARTS, name, copy),
        is_begun=lambda: sum(len(note.read_text().splitlines()) for note in notes(getting)) > 2,
    )
    assert not copy.exists()

    assert b", verified" in succeeded(getting.run("get", *PARTS, name, copy))

    received = getting.gate.passed - before
    assert received <= 40 * MIB + 2 * PART + 20 * HEAD_BYTES
    assert digest(copy) == digest(file)
    assert [path.name for path in tmp_path.iterdir() if path != file] == ["copy"]


def notes(command: Command) -> list[Path]:
    return list((command.state / "presign").glob("*"))


@pytest.mark.parametrize("size", [PART, 12 * MIB])
def test_a_byte_that_flips_on_the_way_down_is_found(
    getting: Command, tmp_path: Path, name: str, size: int
) -> None:
    file, copy = random_file(tmp_path, size), tmp_path / "copy"
    succeeded(getting.run("put", *PARTS, file, name))
    getting.gate.flip(at=MIB)

    done = getting.run("get", *PARTS, "--parallel", "1", name, copy)

    assert (done.returncode, done.stdout) == (1, b"")
    assert b"checksum_mismatch" in done.stderr
    assert not copy.exists()
    succeeded(getting.run("get", *PARTS, name, copy))
    assert digest(copy) == digest(file)


def test_a_pipe_of_unknown_length_arrives(putting: Command, tmp_path: Path, name: str) -> None:
    file = random_file(tmp_path, 17 * MIB)

    with subprocess.Popen(["cat", file], stdout=subprocess.PIPE) as cat:
        assert cat.stdout is not None
        done = putting.run("put", *PARTS, "-", name, stdin=cat.stdout.fileno())

    assert succeeded(done) == f"uploaded {name}\n".encode()
    assert putting.store.content(name.partition("/")[2]) == file.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["sha1", "crc32", "crc32c"])
def test_another_checksum_is_kept_and_verified(
    putting: Command, tmp_path: Path, name: str, algorithm: str
) -> None:
    file = random_file(tmp_path, 6 * MIB)

    succeeded(putting.run("put", *PARTS, "--checksum", algorithm, file, name))
    succeeded(putting.run("get", *PARTS, name, tmp_path / "copy"))

    assert digest(tmp_path / "copy") == digest(file)


def test_a_folder_goes_up_once(putting: Command, tmp_path: Path, name: str) -> None:
    for number in range(30):
        path = tmp_path / f"{number % 3}" / f"{number} ü.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(str(number))
    random_file(tmp_path, 6 * MIB)

    first = succeeded(putting.run("put", "-r", *PARTS, tmp_path, f"{name}/"))
    second = succeeded(putting.run("put", "-r", *PARTS, tmp_path, f"{name}/"))

    assert first.count(b"uploaded ") == 31
    assert second.count(b"skipped ") == 31
    listed = succeeded(putting.run("ls", "-r", f"{name}/")).decode().splitlines()
    assert len(listed) == 31
    assert listed[0].endswith(f"{name}/0/0 ü.txt")


def test_an_object_is_listed_read_and_deleted(putting: Command, tmp_path: Path, name: str) -> None:
    succeeded(putting.run("put", random_file(tmp_path, 5), name))

    assert name.encode() in succeeded(putting.run("ls", name))
    assert b"https" not in succeeded(putting.run("url", name))
    assert succeeded(putting.run("rm", name)) == f"deleted {name}\n".encode()
    missing = putting.run("get", name, tmp_path / "copy")

    assert (missing.returncode, missing.stdout) == (1, b"")
    assert b"not_found" in missing.stderr


def test_a_key_that_xml_cannot_have_is_listed(putting: Command, tmp_path: Path, name: str) -> None:
    key = f"{name}/\uffff"
    succeeded(putting.run("put", random_file(tmp_path, 9), key))

    assert key.rpartition("/")[0].encode() in succeeded(putting.run("ls", "-r", f"{name}/"))


def test_a_link_leads_to_the_object(putting: Command, tmp_path: Path, name: str) -> None:
    [block] = [each for each in commands("docs/client.md") if "presign link reports" in each.text]
    file = random_file(tmp_path, 5)
    succeeded(putting.run("put", file, name))
    words = shlex.split(block.text.replace("reports/2026/q3.csv", shlex.quote(name)))

    made = putting.run(*words[1:])

    assert (made.returncode, b"limited by the grant" in made.stderr) == (0, True)
    link = made.stdout.decode().strip()
    here = link.replace("https://files.test", str(putting.service.client.base_url))
    assert httpx.get(here, follow_redirects=True, trust_env=False).content == file.read_bytes()


def test_an_existing_object_is_replaced_only_on_request(
    putting: Command, tmp_path: Path, name: str
) -> None:
    file = random_file(tmp_path, 5)
    succeeded(putting.run("put", file, name))
    random_file(tmp_path, 5)

    refused = putting.run("put", file, name)

    assert refused.returncode == 1
    assert b"object_exists" in refused.stderr
    assert b"--overwrite" in refused.stderr
    succeeded(putting.run("put", "--overwrite", file, name))


def test_a_terminal_shows_a_progress_bar(putting: Command, tmp_path: Path, name: str) -> None:
    file = random_file(tmp_path, 12 * MIB)
    screen, terminal = pty.openpty()

    with putting.running("put", *PARTS, file, name, stderr=terminal) as process:
        os.close(terminal)
        shown = shown_on(screen)
        assert process.wait(60) == 0

    assert "12.0/12.0 MiB" in shown
    assert "X-Amz-" not in shown


@pytest.mark.slow
def test_an_interrupted_upload_says_how_to_resume(
    putting: Command, tmp_path: Path, name: str
) -> None:
    file = random_file(tmp_path, 20 * MIB)
    putting.gate.shut(after=6 * MIB)
    with putting.running("put", *PARTS, file, name) as process:
        putting.gate.wait_until_held()
        process.send_signal(signal.SIGINT)
        stopped = putting.end(process)
    putting.gate.cut()
    putting.gate.open()

    assert stopped.returncode == 1
    assert stopped.stderr == b"presign: stopped. Run the command again to resume.\n"
    succeeded(putting.run("put", *PARTS, file, name))


def test_folders_are_moved_copied_downloaded_and_deleted(
    putting: Command, verifying_store: Store, tmp_path: Path
) -> None:
    """Another store than AWS may ignore the condition of a copy, so each asks to overwrite."""
    prefix, names = f"objects/folder {next(NUMBERS)}", ["a b+ü.csv", "b/c.csv"]
    for name in names:
        verifying_store.put(f"{prefix.removeprefix('objects/')}/in/{name}", name.encode())
    again = ("-r", "--overwrite")
    succeeded(putting.run("mv", *again, f"{prefix}/in/", f"{prefix}/out/"))
    succeeded(putting.run("cp", *again, f"{prefix}/out/", f"{prefix}/copy/"))
    target = tmp_path / "down"
    succeeded(putting.run("get", "-r", f"{prefix}/", target))
    found = {each.relative_to(target).as_posix() for each in target.rglob("*") if each.is_file()}
    assert found == {f"{at}/{name}" for at in ("out", "copy") for name in names}
    assert (target / "copy/b/c.csv").read_bytes() == b"b/c.csv"
    succeeded(putting.run("rm", "-r", f"{prefix}/out/"))
    listed = succeeded(putting.run("ls", "-r", f"{prefix}/")).decode()
    assert listed.count(".csv") == len(names)
    assert "/out/" not in listed
