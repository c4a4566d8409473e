"""Builds by Turborepo and Nx: what one machine has built, another one takes from the cache."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from tests.clients.build_caches.caches import (
    MAIN,
    OTHER_PULL,
    OTHERS,
    PULL,
    READER,
    TRUSTED,
    CacheService,
    Program,
)
from tests.clients.build_caches.conftest import MakeWorkspace

MIB: Final = 1024**2


def test_another_machine_gets_what_was_built(
    caches: CacheService, workspace: MakeWorkspace, program: Program
) -> None:
    first, second = workspace(), workspace()
    built = first.build(program, MAIN)
    assert (built.code, built.hits) == (0, 0)
    found = second.build(program, MAIN)
    assert (found.code, found.hits) == (0, 2)
    assert second.built() == first.built() == "built package-0 1\n"
    assert len(caches.keys(f"{TRUSTED}{program.folder}/")) == 2
    assert all("authorization" not in each.headers for each in caches.recorded.requests)


def test_a_pull_request_writes_nothing_that_others_get(
    caches: CacheService, workspace: MakeWorkspace, program: Program
) -> None:
    workspace().build(program, MAIN)
    assert workspace().build(program, PULL).hits == 2  # what main wrote
    assert workspace(content="2").build(program, PULL).hits == 0
    assert len(caches.keys(f"{OTHERS}7/{program.folder}/")) == 2
    assert workspace(content="2").build(program, PULL).hits == 2  # its own
    for key in (READER, OTHER_PULL, MAIN):  # the last one writes
        again = workspace(content="2").build(program, key)
        assert (again.code, again.hits) == (0, 0), key
    assert len(caches.keys(f"{TRUSTED}{program.folder}/")) == 4


def test_two_workspaces_share_a_bucket(
    caches: CacheService, workspace: MakeWorkspace, program: Program
) -> None:
    workspace().build(program, MAIN)
    assert workspace().build(program, MAIN, cache="docs").hits == 0
    assert workspace().build(program, MAIN, cache="docs").hits == 2
    assert len(caches.keys("cache/docs/")) == 2


def test_what_is_there_is_not_uploaded_again(
    caches: CacheService, workspace: MakeWorkspace, program: Program
) -> None:
    workspace().build(program, MAIN)
    caches.recorded.requests.clear()
    force = "--force" if program is Program.TURBO else "--skip-nx-cache"
    done = workspace().build(program, MAIN, force)
    assert done.code == 0
    assert [each.method for each in caches.recorded.requests if each.method == "PUT"] == []


def test_two_builds_may_write_one_hash_at_once(
    caches: CacheService, workspace: MakeWorkspace, program: Program
) -> None:
    machines = [workspace(), workspace()]
    with ThreadPoolExecutor() as pool:
        done = [*pool.map(lambda each: each.build(program, MAIN), machines)]
    assert [each.code for each in done] == [0, 0]
    assert workspace().build(program, MAIN).hits == 2


def test_a_dry_run_says_what_is_in_the_cache(
    caches: CacheService, workspace: MakeWorkspace
) -> None:
    workspace().turbo(MAIN)
    for content, said in (("1", "true"), ("2", "false")):
        done = workspace(content=content).turbo(READER, "--dry")
        assert done.code == 0
        assert done.output.count(f"Cached (Remote)                = {said}") == 2
    assert [each for each in caches.recorded.requests if each.method != "PUT"] == []


def test_fifty_hits_are_as_many_requests_as_the_page_says(
    caches: CacheService, workspace: MakeWorkspace, program: Program
) -> None:
    workspace(packages=50).build(program, MAIN)
    before = caches.requests(), len(caches.recorded.requests)
    assert workspace(packages=50).build(program, MAIN).hits == 50
    assert caches.requests() - before[0] == (53 if program is Program.TURBO else 50)
    assert [each.method for each in caches.recorded.requests[before[1] :]] == ["GET"] * 50


@pytest.mark.parametrize("megabytes", [0.01, 40])
def test_no_artifact_passes_the_service_but_what_the_page_says(
    caches: CacheService, workspace: MakeWorkspace, program: Program, megabytes: float
) -> None:
    """Nx sends a body here before it reads the redirect."""
    before = caches.discarded_bytes()
    size = int(megabytes * MIB)
    make = f"mkdir -p dist && head -c {size} /dev/urandom > dist/out.bin"
    assert workspace(packages=1, command=make).build(program, MAIN).code == 0
    [key] = caches.keys(f"{TRUSTED}{program.folder}/")
    stored = caches.store.head(key)["ContentLength"]
    assert stored >= size
    discarded = caches.discarded_bytes() - before
    if program is Program.TURBO:
        assert discarded == 0
    elif megabytes < 1:
        assert discarded == stored
    else:  # what has left it until it reads the redirect
        assert 0 < discarded <= stored
    second = workspace(packages=1, command=make)
    assert second.build(program, MAIN).hits == 1
    assert (second.directory / "packages/package-0/dist/out.bin").stat().st_size == size
    assert caches.discarded_bytes() - before == discarded
