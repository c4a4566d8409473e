"""Configuration files that change while the services run."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from service.app import reload
from service.app.settings import load_again, load_settings
from service.config.process import configuration_fingerprint
from tests.app.services.harness import Harness, caller, configuration, grant, start_services
from tests.support.waiting import until

WIDER = configuration(callers=[caller("billing", grant(prefix=""))])


@dataclass
class WatchedService:
    path: Path
    harness: Harness
    results: list[str] = field(default_factory=list)
    checks: int = 0  # that have begun; each lasts until writing has stopped
    last_unchanged: int = 0  # the last check that saw no change

    def write(self, text: str | dict[str, Any], name: str = "presign.yaml") -> None:
        put(self.path.parent / name, text)

    async def outcome(self, change: Callable[[], object]) -> str:
        """The one result that this change has."""
        number = len(self.results)
        change()
        await until(lambda: len(self.results) > number)
        await settled(self)
        assert len(self.results) == number + 1, self.results
        return self.results[-1]

    async def changed_to(self, text: str | dict[str, Any], name: str = "presign.yaml") -> str:
        return await self.outcome(lambda: self.write(text, name))

    async def serves_wider(self) -> bool:
        return await self.harness.error_code(key="z") is None


def put(path: Path, text: str | dict[str, Any]) -> None:
    """Write atomically, as editors do. JSON is YAML."""
    path.parent.mkdir(exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(text if isinstance(text, str) else json.dumps(text, indent=1))
    new.replace(path)


@asynccontextmanager
async def watching(
    path: Path,
    before: Callable[[], None] | None = None,
    retry_seconds: float = 10.0,
    load: reload.Load = load_again,
) -> AsyncIterator[WatchedService]:
    """Run and watch the files' configuration. `before` is called before the watch begins.

    `load` reads it again.
    """
    read_as = configuration_fingerprint(path)
    settings = load_settings(path)
    digest = reload.digest_of_others(settings)
    async with start_services(settings) as harness:
        if before is not None:
            before()
        service = WatchedService(path, harness)
        reloading = reload.keep_reloading(
            reload.ReadAtStart(path, settings, read_as, digest),
            harness.services,
            service.results.append,
            load=load,
            poll_seconds=0.005,
            retry_seconds=retry_seconds,
        )
        with counted_checks(service):
            task = asyncio.create_task(reloading)
            if before is None:
                await settled(service)  # the watch has begun
            yield service
            assert not task.done()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@contextmanager
def counted_checks(service: WatchedService) -> Iterator[None]:
    have_changed = reload._have_changed

    async def counted(*args: Any, **more: Any) -> bool:
        service.checks += 1
        number = service.checks
        changed = await have_changed(*args, **more)
        if not changed:
            service.last_unchanged = number
        return changed

    with mock.patch.object(reload, "_have_changed", counted):
        yield


async def settled(service: WatchedService) -> None:
    """Wait for a check that begins now to see no change: earlier changes have their result."""
    begun = service.checks
    await until(lambda: service.last_unchanged > begun)


def log_messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == "service.app.reload"]


def config_map(directory: Path, name: str, **files: str | dict[str, Any]) -> None:
    """As the kubelet writes a ConfigMap: a new directory, and a symbolic link renamed to it."""
    (directory / name).mkdir(parents=True)
    for file, text in files.items():
        put(directory / name / f"{file}.yaml", text)
        if not (directory / f"{file}.yaml").is_symlink():
            (directory / f"{file}.yaml").symlink_to(Path("..data") / f"{file}.yaml")
    (directory / "..data_tmp").symlink_to(name)
    (directory / "..data_tmp").replace(directory / "..data")


def with_callers_dir(directory: str = "callers.d", **more: Any) -> dict[str, Any]:
    return configuration(callers=[caller("billing", grant())], callers_dir=directory, **more)


def team(name: str, *grants: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"callers": [caller(name, *(grants or [grant(prefix="b/")]))], **more}
