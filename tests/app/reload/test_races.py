"""Files that change while they are read, and before they are watched."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.app.reload import WatchedFiles
from service.app.settings import Settings, load_again
from service.config.process import configuration_sources
from service.config.reading import Sources
from tests.app.reload.harness import (
    WIDER,
    log_messages,
    put,
    settled,
    team,
    watching,
    with_callers_dir,
)
from tests.app.services.harness import BUCKET, configuration
from tests.support.waiting import until


class LoadsDuringChange:
    """Loads. Once armed, `before` and `after` are called before and after the next time."""

    def __init__(self, before: Callable[[], object], after: Callable[[], object]) -> None:
        self.is_armed = False
        self._before, self._after = before, after

    def __call__(self, path: Path, old: Settings) -> Settings:
        if not self.is_armed:
            return load_again(path, old)
        self.is_armed = False
        self._before()
        try:
            return load_again(path, old)
        finally:
            self._after()


async def test_half_a_change_is_not_used(path: Path) -> None:
    """The first half is valid, but lacks callers."""
    load = LoadsDuringChange(lambda: None, lambda: put(path, WIDER))
    async with watching(path, load=load) as service:
        load.is_armed = True
        assert await service.changed_to(configuration(callers=[])) == "ok"
        assert await service.serves_wider()
        assert service.results == ["ok"]


async def test_a_teams_file_that_vanishes_and_returns_is_no_failure(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "service.app.reload")
    put(path, with_callers_dir())
    file = path.parent / "callers.d" / "sales.yaml"
    put(file, team("sales"))

    def vanish() -> None:
        """It is still listed, but cannot be read."""
        file.unlink()
        file.symlink_to("nowhere")

    load = LoadsDuringChange(vanish, lambda: put(file, team("sales")))
    async with watching(path, load=load) as service:
        load.is_armed = True
        assert await service.changed_to(team("audit"), "callers.d/audit.yaml") == "ok"
        assert service.results == ["ok"]
        assert service.harness.identify("sales") is not None
        assert log_messages(caplog) == ["the new configuration is in use"]


async def test_two_changes_between_two_checks_are_one(path: Path) -> None:
    async with watching(path) as service:

        def change_twice() -> None:
            service.write(configuration(callers=[]))
            service.write(WIDER)

        assert await service.outcome(change_twice) == "ok"
        assert await service.serves_wider()


def test_a_file_named_during_the_reading_of_sources_is_watched(path: Path) -> None:
    secret = path.with_name("lifetime")
    secret.write_text("60")
    naming = configuration(server={"default_expires_in": f"${{file:{secret}}}"})
    is_first = True

    def read_sources(path: Path) -> Sources:
        nonlocal is_first
        sources = configuration_sources(path)
        if is_first:
            put(path, naming)
        is_first = False
        return sources

    files = WatchedFiles(path, read_sources)
    assert files.have_changed()
    assert files.have_changed()  # the second content
    assert not files.have_changed()
    secret.write_text("70")
    assert files.have_changed()


def test_a_change_before_others_are_watched_is_noticed(path: Path) -> None:
    secret = path.with_name("secret")
    secret.write_text("first")
    files = WatchedFiles(path)
    assert files.have_changed()
    put(path, WIDER)
    files.watch((secret,))
    assert files.have_changed()
    assert not files.have_changed()


async def test_files_that_are_as_they_were_are_not_read_again(path: Path) -> None:
    loads: list[Path] = []

    def load(path: Path, old: Settings) -> Settings:
        loads.append(path)
        return load_again(path, old)

    async with watching(path, load=load) as service:
        assert loads == []
        assert await service.changed_to(WIDER) == "ok"
        assert loads


async def test_keys_that_change_before_the_watch_are_used(path: Path) -> None:
    names = ("access_key_id_file", "secret_access_key_file")
    files = {name: path.with_name(name) for name in names}
    for file in files.values():
        file.write_text("first")
    keys = {name: str(file) for name, file in files.items()}
    bucket: dict[str, Any] = {"region": "eu-west-1", "credentials": "static", **keys}
    put(path, configuration(buckets={"reports": bucket, "photos": BUCKET}))

    def rotate() -> None:
        files[names[1]].write_text("second")

    async with watching(path, before=rotate) as service:
        await until(service.results.copy)
        await settled(service)
        assert service.results == ["ok"]


async def test_requests_take_the_interpreter_soon_during_a_reload(path: Path) -> None:
    before = sys.getswitchinterval()
    intervals: list[float] = []

    def load(path: Path, old: Settings) -> Settings:
        intervals.append(sys.getswitchinterval())
        return load_again(path, old)

    async with watching(path, load=load) as service:
        assert await service.changed_to(WIDER) == "ok"
        assert intervals
        assert max(intervals) < 0.001 < before
        assert sys.getswitchinterval() == before
