"""Watches the configuration files. A change takes effect as a whole or not at all.

The files are read every two seconds and compared by content. That notices a ConfigMap's swapped
symbolic links, an editor's new file and a network file system alike, and needs no inotify watch, of
which a node has few.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Final

from service.app import protocols
from service.app.services import Services
from service.concurrency.event_loop import without_garbage_collection
from service.config.reading import Sources, fingerprint
from service.config.settings import (
    Settings,
    configuration_sources,
    load_settings,
    watched_files,
)
from service.errors import ConfigurationError

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 2.0
FIRST_RETRY_SECONDS: Final = 10.0  # after a change that failed; doubled each time
LAST_RETRY_SECONDS: Final = 300.0
# Ten seconds of checks: files that change all the time are read after that.
_MAX_SETTLE_CHECKS: Final = 50
RESTART_REQUIRED: Final = (
    "cors_origins",
    "max_in_flight",
    "drain_seconds",
    "rate_limit_url",
    "errors_url",
    "log_level",
)


async def keep_reloading(
    path: Path,
    settings: Settings,
    services: Services,
    on_result: Callable[[str], None],
    *,
    poll_seconds: float = POLL_SECONDS,
    retry_seconds: float = FIRST_RETRY_SECONDS,
) -> None:
    """Apply changes of the files until cancelled. `settings` are the ones now in use.

    `on_result` gets `ok` or `failed` for each attempt. A failed change is retried even if no file
    changes, because its cause may lie elsewhere, such as a Secret that is mounted later.
    """
    files, retries = _Files(path), _Retries(retry_seconds)
    files.others = watched_files(settings)
    await asyncio.sleep(poll_seconds)
    await asyncio.to_thread(files.have_changed)
    # The settings were read some time ago, at the start. Notice a change made in between.
    with without_garbage_collection():
        changed = await asyncio.to_thread(_differs, path, settings)
    while True:
        if changed or retries.is_due():
            with without_garbage_collection():
                new = await _reload(path, settings, services)
            on_result("failed" if new is None else "ok")
            if new is None:
                retries.postpone(again=not changed)
            else:
                settings = new
                files.others = watched_files(new)
                retries.end()
        await asyncio.sleep(poll_seconds)
        changed = await _have_changed(files, settle_seconds=poll_seconds / 10)


class _Retries:
    """When to retry a change that failed."""

    def __init__(self, first_seconds: float) -> None:
        self._first = self._pause = first_seconds
        self._due_at = math.inf

    def is_due(self) -> bool:
        return asyncio.get_running_loop().time() >= self._due_at

    def postpone(self, *, again: bool) -> None:
        self._pause = min(2 * self._pause, LAST_RETRY_SECONDS) if again else self._first
        self._due_at = asyncio.get_running_loop().time() + self._pause

    def end(self) -> None:
        self._due_at = math.inf


async def _have_changed(files: "_Files", settle_seconds: float) -> bool:
    """Wait until writing has stopped: half a file may be valid but lack callers."""
    for checks in range(_MAX_SETTLE_CHECKS):
        if not await asyncio.to_thread(files.have_changed):
            return checks > 0
        await asyncio.sleep(settle_seconds)
    return True


class _Files:
    """The file at `path`, what else it is read from, and `others`."""

    def __init__(self, path: Path) -> None:
        self.others: tuple[Path, ...] = ()
        self._path = path
        self._sources = Sources()
        self._seen = ""

    def have_changed(self) -> bool:
        """Whether they have changed since the last call."""
        if self._fingerprint() == self._seen:
            return False
        try:
            with without_garbage_collection():
                self._sources = configuration_sources(self._path)
        except Exception:  # noqa: BLE001 - of any kind, from the YAML reader; `_reload` logs it
            self._sources = Sources()
        self._seen = self._fingerprint()
        return True

    def _fingerprint(self) -> str:
        return fingerprint(self._path, self._sources, self.others)


def _differs(path: Path, settings: Settings) -> bool:
    try:
        return load_settings(path) != settings
    except Exception:  # noqa: BLE001 - of any kind; `_reload` logs it
        return True


async def _reload(path: Path, old: Settings, services: Services) -> Settings | None:
    """Returns the new settings, or None if the old ones stay in use."""
    try:
        new = await asyncio.to_thread(load_settings, path)
        await services.reconfigure(new)
        # The old settings are freed in an iteration of their own, after the old parts.
        await asyncio.sleep(0)
    except ConfigurationError as error:
        for problem in error.problems:
            # Without a traceback, which would only show where the file was read.
            message = "the configuration is invalid, the old one stays in use: %s"
            log.error(message, problem)  # noqa: TRY400
        return None
    except Exception:
        log.exception("the configuration cannot be used, the old one stays in use")
        return None
    log.info("the new configuration is in use")
    _warn_if_restart_required(old, new)
    return new


def _warn_if_restart_required(old: Settings, new: Settings) -> None:
    names = [
        f"server.{name}"
        for name in RESTART_REQUIRED
        if getattr(old.server, name) != getattr(new.server, name)
    ]
    names += protocols.restart_required(old, new)
    if names:
        log.warning("changed, but will take effect only after a restart: %s", ", ".join(names))
