"""Real files that change under a service that runs."""

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
from service.config.settings import load_settings
from tests.app.services.house import (
    House,
    caller,
    configuration,
    grant,
    house,
    until,
)

POLL_SECONDS = 0.005
WIDER = configuration(callers=[caller("billing", grant(prefix=""))])


@dataclass
class Reloading:
    path: Path
    house: House
    poll_seconds: float
    told: list[str] = field(default_factory=list)
    looks: int = 0  # that have begun, each until nobody writes any more
    quiet: int = 0  # the last of them that saw no change

    def write(self, text: str | dict[str, Any], name: str = "presign.yaml") -> None:
        put(self.path.parent / name, text)

    async def outcome(self, change: Callable[[], object]) -> str:
        """Of this change, and none that is told later."""
        number = len(self.told)
        change()
        await until(lambda: len(self.told) > number)
        await settled(self)
        assert len(self.told) == number + 1, self.told
        return self.told[-1]

    async def changed_to(self, text: str | dict[str, Any], name: str = "presign.yaml") -> str:
        return await self.outcome(lambda: self.write(text, name))

    async def serves_wider(self) -> bool:
        return await self.house.refused(key="z") is None


def put(path: Path, text: str | dict[str, Any]) -> None:
    """As an editor does: nobody ever reads half of it. JSON is YAML."""
    path.parent.mkdir(exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(text if isinstance(text, str) else json.dumps(text, indent=1))
    new.replace(path)


@asynccontextmanager
async def watching(
    path: Path, before: Callable[[], None] | None = None, poll_seconds: float = POLL_SECONDS
) -> AsyncIterator[Reloading]:
    """What the files say is served, and they are watched. `before` that, they may change."""
    settings = load_settings(path)
    async with house(settings) as made:
        if before is not None:
            before()
        service = Reloading(path, made, poll_seconds)
        reloading = reload.keep_reloading(
            path, settings, made.running, service.told.append, poll_seconds=poll_seconds
        )
        with counted_looks(service):
            task = asyncio.create_task(reloading)
            if before is None:
                await settled(service)  # a change before the watch has begun would be none
            yield service
            assert not task.done()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@contextmanager
def counted_looks(service: Reloading) -> Iterator[None]:
    look = reload._have_changed

    async def counted(*args: Any, **more: Any) -> bool:
        service.looks += 1
        number = service.looks
        changed = await look(*args, **more)
        if not changed:
            service.quiet = number
        return changed

    with mock.patch.object(reload, "_have_changed", counted):
        yield


async def settled(service: Reloading) -> None:
    """Once a look that begins after this has seen no change: all before it is told by then.

    No time is waited for instead, since on a busy machine none is long enough.
    """
    begun = service.looks
    await until(lambda: service.quiet > begun)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == "service.app.reload"]


def config_map(directory: Path, name: str, **files: str | dict[str, Any]) -> None:
    """As the kubelet writes a ConfigMap: a new directory, and one link that is renamed over."""
    (directory / name).mkdir(parents=True)
    for file, text in files.items():
        put(directory / name / f"{file}.yaml", text)
        if not (directory / f"{file}.yaml").is_symlink():
            (directory / f"{file}.yaml").symlink_to(Path("..data") / f"{file}.yaml")
    (directory / "..data_tmp").symlink_to(name)
    (directory / "..data_tmp").replace(directory / "..data")


def of_teams(directory: str = "callers.d", **more: Any) -> dict[str, Any]:
    return configuration(callers=[caller("billing", grant())], callers_dir=directory, **more)


def team(name: str, *grants: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"callers": [caller(name, *(grants or [grant(prefix="b/")]))], **more}
