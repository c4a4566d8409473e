"""Turborepo and Nx as they are, in front of both stores that verify signatures."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.build_caches.caches import CacheService, Program, Workspace, serve
from tests.support.stores import Store

MakeWorkspace = Callable[..., Workspace]


@pytest.fixture(scope="session", name="running")
def _running(
    verifying_store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CacheService]:
    with serve(verifying_store, tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(name="caches")
def _caches(running: CacheService) -> CacheService:
    """Empty caches."""
    running.empty()
    return running


@pytest.fixture(params=Program, name="program")
def _program(request: pytest.FixtureRequest) -> Program:
    program: Program = request.param
    return program


@pytest.fixture
def workspace(caches: CacheService, tmp_path: Path) -> MakeWorkspace:
    """Each call is a checkout on another machine."""
    made = list[Workspace]()

    def make(**more: Any) -> Workspace:
        directory = tmp_path / f"machine-{len(made)}"
        made.append(Workspace(directory=directory, caches=caches, **more))
        return made[-1]

    return make
