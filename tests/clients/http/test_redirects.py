"""Each client does with a redirect what the table in docs/object-urls.md says."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.clients.http.places import KEY, Place, keyed, make_wheel, new_folder
from tests.clients.http.program import Program
from tests.clients.http.programs import PROGRAMS
from tests.clients.recording import SentRequest
from tests.clients.toolchains import GENERATORS

BEGIN: Final = 1024**2  # aria2 resumes at a multiple of it
BODY: Final = b"a,b\n" + b"1,2\n" * (BEGIN // 4)
SENT: Final = b"a,b\n5,6\n"
NAME: Final = "odd caf\u00e9 + 50%.csv"
WHEEL: Final = "tinypkg-1.0-py3-none-any.whl"
LENGTH: Final = re.compile(rf"^(\s*content-length: )?{len(BODY)}$", re.MULTILINE | re.IGNORECASE)
# urllib's HEAD depends on its Python, and has a test of its own.
CASES: Final = [
    (program, action)
    for program in PROGRAMS
    for action in program.commands
    if (program.name, action) != ("urllib", "HEAD")
]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a client did."""

    succeeded: bool
    written: str
    out: Path
    sent: list[SentRequest]


@pytest.fixture(name="key")
def _key() -> str:
    return new_folder() + NAME


@dataclass(frozen=True, kw_only=True)
class Runner:
    place: Place
    home: Path
    netrc: Path
    directory: Path

    def run(self, program: Program, action: str, key: str) -> Run:
        url, out, file = self.place.address(key), self.directory / "out", self.directory / "file"
        file.write_bytes(SENT)
        if action == "Range" and not out.exists():  # for clients that resume
            out.write_bytes(BODY[:BEGIN])
        command = program.command(
            action,
            url=url,
            keyed=keyed(url),
            folder=self.place.address(key.removesuffix(NAME)),
            name=NAME,
            file=str(file),
            out=str(out),
            netrc=str(self.netrc),
            key=KEY,
        )
        home = self.netrc.parent if program.netrc else self.home
        done, sent = self.place.sent_by(command, home)
        written = done.stdout + done.stderr
        return Run(succeeded=done.returncode == 0, written=written, out=out, sent=sent)


@pytest.fixture(name="runner")
def _runner(place: Place, home: Path, netrc: Path, tmp_path: Path) -> Runner:
    return Runner(place=place, home=home, netrc=netrc, directory=tmp_path)


@pytest.mark.parametrize(("program", "action"), CASES, ids=str)
def test_a_client_does_what_the_table_says(
    program: Program, action: str, runner: Runner, key: str
) -> None:
    key = key.replace(NAME, WHEEL) if program.wheel else key
    if action != "create":
        runner.place.store.put(key, make_wheel() if program.wheel else BODY)
    done = runner.run(program, action, key)
    assert done.succeeded is (action not in program.fails), done.written
    keys = {"sent" if "authorization" in each.headers else "not sent" for each in done.sent}
    assert keys <= {program.key_at_store.strip("*")}
    if done.succeeded:
        assert keys
        EXPECT[action](runner.place, key, done)


def got(place: Place, key: str, done: Run) -> None:
    if key.endswith(WHEEL):
        assert (done.out / "tinypkg.py").exists()
    else:
        assert done.written == BODY.decode() or done.out.read_bytes() == BODY


def got_a_range(place: Place, key: str, done: Run) -> None:
    assert done.written == BODY[2:6].decode() or done.out.read_bytes() == BODY
    assert any("range" in each.headers for each in done.sent)


def got_the_length(place: Place, key: str, done: Run) -> None:
    assert LENGTH.search(done.written)
    assert "HEAD" in {each.method for each in done.sent}


def stored(place: Place, key: str, done: Run) -> None:
    assert place.store.content(key) == SENT
    assert [(each.method, each.length) for each in done.sent] == [("PUT", len(SENT))]


def deleted(place: Place, key: str, done: Run) -> None:
    assert place.store.content(key) is None


EXPECT: Final = {
    "GET": got,
    "Range": got_a_range,
    "HEAD": got_the_length,
    "PUT": stored,
    "create": stored,
    "DELETE": deleted,
}
CREATING: Final = [each for each in PROGRAMS if "create" in each.commands and not each.fails]


@pytest.mark.parametrize("program", CREATING, ids=str)
def test_an_object_that_exists_is_not_replaced(program: Program, runner: Runner, key: str) -> None:
    runner.place.store.put(key, BODY)
    done = runner.run(program, "create", key)
    assert not done.succeeded
    assert runner.place.store.content(key) == BODY
    assert [each.headers.get("if-none-match") for each in done.sent] == ["*"]


@pytest.mark.parametrize("program", [each for each in PROGRAMS if each.name == "urllib"], ids=str)
def test_an_old_urllib_turns_a_redirected_head_into_a_get(
    runner: Runner, program: Program, key: str
) -> None:
    """That fails, since the signature is for HEAD. Python 3.13 sends a HEAD."""
    [library] = GENERATORS.parent.glob("lib/python3.*")
    is_old = int(library.name.removeprefix("python3.")) < 13
    runner.place.store.put(key, BODY)
    done = runner.run(program, "HEAD", key)
    [sent] = done.sent
    assert sent.method == ("GET" if is_old else "HEAD")
    assert ("authorization" in sent.headers) is (program.key_at_store != "not sent")
    assert done.succeeded is not is_old
    assert ("403" in done.written) is is_old
