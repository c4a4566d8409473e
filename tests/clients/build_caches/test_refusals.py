"""What each refusal looks like in each program: no build fails for its cache, if its key is valid."""

from pathlib import Path
from typing import Final

import pytest

from tests.clients.build_caches.caches import (
    MAIN,
    READER,
    SECTION,
    STRANGER,
    TRUSTED,
    CacheService,
    Program,
    Workspace,
    caller,
    serve,
    writing,
)
from tests.clients.build_caches.conftest import MakeWorkspace
from tests.support.processes import free_ports
from tests.support.stores import Store

NO_UPLOADS: Final = (
    "Remote cache rejected an upload with 403 and write access could not be restored; skipping "
    "uploads for this run (remote cache reads remain enabled)"
)
NO_CACHE: Final = (
    "Remote cache returned 403 for a read and access could not be restored; disabling remote cache "
    "reads and uploads for this run"
)
DISABLED: Final = "Remote caching unavailable (Disabled for this team)"
UNKNOWN: Final = "Authentication failed"
SLOW: Final = "the-key-with-a-rate"
SMALL: Final = "the-key-with-a-limit"


@pytest.mark.parametrize(
    ("key", "cache", "words"),
    [
        (READER, "web", [NO_UPLOADS]),
        (STRANGER, "web", [DISABLED, NO_CACHE]),
        (MAIN, "unknown", [DISABLED, NO_CACHE]),
        ("an-unknown-key", "web", [UNKNOWN]),
    ],
    ids=["reader", "stranger", "unknown cache", "unknown key"],
)
def test_turborepo_warns_and_builds(
    caches: CacheService, workspace: MakeWorkspace, key: str, cache: str, words: list[str]
) -> None:
    done = workspace().turbo(key, cache=cache)
    assert (done.code, done.hits) == (0, 0)
    for each in words:
        assert done.output.count(each) == 1
    assert caches.keys() == []


def test_turborepo_without_preflights_only_reads(
    caches: CacheService, workspace: MakeWorkspace
) -> None:
    workspace().turbo(MAIN)
    assert workspace().turbo(MAIN, TURBO_PREFLIGHT="false").hits == 2
    done = workspace(content="2").turbo(MAIN, TURBO_PREFLIGHT="false")
    assert (done.code, done.output.count(NO_UPLOADS)) == (0, 1)
    assert len(caches.keys()) == 2


@pytest.mark.parametrize(("key", "cache"), [(READER, "web"), (STRANGER, "web"), (MAIN, "unknown")])
def test_nx_builds_in_silence(
    caches: CacheService, workspace: MakeWorkspace, key: str, cache: str
) -> None:
    done = workspace().nx(key, cache=cache)
    assert (done.code, done.hits) == (0, 0)
    assert caches.keys() == []


def test_nx_ends_the_build_for_an_unknown_key(
    caches: CacheService, workspace: MakeWorkspace
) -> None:
    done = workspace().nx("an-unknown-key")
    assert done.code == 1
    assert "Unauthorized" in done.output
    assert "valid API key or token" in done.output
    assert caches.keys() == []


def test_a_rate_and_a_limit_fail_no_build(
    verifying_store: Store, tmp_path: Path, program: Program
) -> None:
    directory = tmp_path / "service"
    directory.mkdir()
    callers = (
        caller("slow", SLOW, writing(TRUSTED), rate_limit="1/hour"),
        caller("small", SMALL, writing(TRUSTED, max_content_length=10)),
    )
    with serve(verifying_store, directory, *callers) as caches:
        caches.empty()
        for key in (SLOW, SMALL):
            done = Workspace(directory=tmp_path / key, caches=caches).build(program, key)
            assert (done.code, done.hits) == (0, 0), done.output
        assert caches.keys() == []


def test_a_store_that_is_away_fails_no_build(
    verifying_store: Store, tmp_path: Path, program: Program
) -> None:
    """Sessions are there, but the bucket's address answers nobody."""
    directory = tmp_path / "service"
    directory.mkdir()
    [port] = free_ports(1)
    away = {"endpoint_url": f"http://127.0.0.1:{port}"}
    with serve(verifying_store, directory, top={"build_caches": SECTION}, **away) as caches:
        machine = Workspace(directory=tmp_path / "machine", caches=caches, packages=1)
        done = machine.build(program, MAIN)
    assert (done.code, done.hits) == (0, 0), done.output
    assert machine.built() == "built package-0 1\n"
