"""docs/git-lfs.md: its commands, with git-lfs and Hugging Face's agent."""

import hashlib
import random
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from tests.clients.git_lfs.server import Clone, Server, new_clone
from tests.clients.toolchains import GENERATORS

COUNT: Final = 300
MIB: Final = 1024**2


@pytest.fixture(scope="session")
def pushed(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A repository with 300 objects, pushed as the page says."""
    clone = new_clone(server, tmp_path_factory.mktemp("pushed"))
    new = uuid4().hex  # a worker may come here twice, and git-lfs sends nothing that is there
    for number in range(COUNT):
        (clone.directory / f"{number}.psd").write_text(f"{new} {number}")
    clone.page("git push")
    return clone


def oid_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def contents(directory: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in directory.glob("*.psd")}


def test_a_push_stores_each_object_under_its_oid(pushed: Clone, server: Server) -> None:
    stored = server.objects()
    expected = {oid_of(each): len(each) for each in contents(pushed.directory).values()}
    assert len(expected) == COUNT
    assert expected.items() <= stored.items()


def test_a_clone_gets_every_object(pushed: Clone) -> None:
    pushed.at("").page("git clone", REMOTE=str(pushed.directory.parent / "remote.git"))
    assert contents(pushed.at("copy").directory) == contents(pushed.directory)


def test_fetch_and_pull_get_what_a_clone_left_out(pushed: Clone) -> None:
    remote = str(pushed.directory.parent / "remote.git")
    pushed.at("").run(f"git clone -q {remote} later", GIT_LFS_SKIP_SMUDGE="1")
    later = pushed.at("later")
    assert all(each.startswith(b"version") for each in contents(later.directory).values())
    later.page("git lfs pull")
    assert contents(later.directory) == contents(pushed.directory)


def test_a_second_push_sends_nothing(pushed: Clone, server: Server) -> None:
    before = len(server.recorded.requests)
    pushed.run("git lfs push --all origin")
    assert server.sent("PUT", since=before) == 0


def test_the_store_never_gets_the_token(pushed: Clone, server: Server) -> None:
    assert server.sent("PUT") >= COUNT
    for each in server.recorded.requests:
        assert "authorization" not in each.headers
        assert pushed.token not in f"{each.path} {each.headers}"


def test_the_store_refuses_a_corrupted_object(server: Server, tmp_path: Path) -> None:
    clone, content = new_clone(server, tmp_path), b"the original"
    (clone.directory / "a.psd").write_bytes(content)
    clone.run("git add . && git commit -qm corrupted")
    [local] = (clone.directory / ".git/lfs/objects").rglob(oid_of(content))
    local.chmod(0o644)
    local.write_bytes(b"the attacker")
    before = len(server.recorded.requests)
    printed = clone.run("git -c lfs.transfer.maxretries=1 push origin main", fails=True)
    assert oid_of(content) in printed
    assert server.sent("PUT", since=before) > 0
    assert oid_of(content) not in server.objects()


def test_another_teams_repository_is_refused(pushed: Clone, server: Server, tmp_path: Path) -> None:
    clone = new_clone(server, tmp_path, team="video")
    (clone.directory / "b.psd").write_bytes(b"of another team")
    printed = clone.page("git push", fails=True)
    assert "There is no such repository, or you have no grant" in printed
    assert oid_of(b"of another team") not in server.objects()
    pulled = clone.run(f"git clone {pushed.directory.parent / 'remote.git'} ../stolen", fails=True)
    assert "you have no grant" in pulled


@pytest.mark.parametrize("command", ["lock 0.psd", "locks", "unlock 0.psd", "unlock --id=1"])
def test_a_lock_is_refused_in_words_of_its_own(pushed: Clone, command: str) -> None:
    """Not as an object that is missing, or one without rights, as git-lfs says by itself."""
    printed = pushed.run(f"git lfs {command}", fails=True)
    assert "This server has no locks." in printed
    assert "access" not in printed


def test_a_large_object_is_sent_in_parts(server: Server, tmp_path: Path) -> None:
    assert (GENERATORS / "hf").exists(), "hf is missing: `make clients` installs it"
    clone = new_clone(server, tmp_path)
    content = random.Random(server.store.name).randbytes(60 * MIB)
    (clone.directory / "large.psd").write_bytes(content)
    clone.page("hf lfs-enable-largefiles")
    clone.page("locksverify")
    before = len(server.recorded.requests)
    clone.page("git push")
    assert server.sent("PUT", since=before) == 4
    assert server.objects()[oid_of(content)] == len(content)
    clone.at("").page("git clone", REMOTE="remote.git")
    assert contents(clone.at("copy").directory)["large.psd"] == content
