"""Watches the configuration files. A change takes effect as a whole or not at all.

The files are read every two seconds and compared by content. That notices a ConfigMap's swapped
symbolic links, an editor's new file and a network file system alike, and needs no inotify watch, of
which a node has few.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from service.app import protocol_values
from service.app.services import Services
from service.app.settings import Settings, load_again, watched_files
from service.concurrency.event_loop import without_garbage_collection, yielding_often
from service.config.process import configuration_fingerprint, configuration_sources
from service.config.reading import Sources, content_digest, fingerprint
from service.errors import ConfigurationError

log = logging.getLogger(__name__)

Load = Callable[[Path, Settings], Settings]

POLL_SECONDS: Final = 2.0
FIRST_RETRY_SECONDS: Final = 10.0  # after a change that failed; doubled each time
LAST_RETRY_SECONDS: Final = 300.0
# Ten seconds of checks: files that change all the time are read after that.
_MAX_SETTLE_CHECKS: Final = 50
RESTART_REQUIRED: Final = (
    "cors_origins",
    "trusted_proxies",
    "proxy_header",
    "max_in_flight",
    "drain_seconds",
    "rate_limit_url",
    "log_level",
)


class ReadAtStart(NamedTuple):
    """The settings of the file at `path`, which the service started with.

    `read_as` is the `configuration_fingerprint` from before they were read, and `digest` the
    `digest_of_others` from before the start.
    """

    path: Path
    settings: Settings
    read_as: str
    digest: str


async def keep_reloading(
    start: ReadAtStart,
    services: Services,
    on_result: Callable[[str], None],
    *,
    load: Load = load_again,
    poll_seconds: float = POLL_SECONDS,
    retry_seconds: float = FIRST_RETRY_SECONDS,
) -> None:
    """Apply changes of the files until cancelled.

    `on_result` gets `ok` or `failed` for each attempt. A failed change is retried even if no file
    changes, because its cause may lie elsewhere, such as a Secret that is mounted later.
    """
    files, retries, settings = WatchedFiles(start.path), _Retries(retry_seconds), start.settings
    await asyncio.to_thread(files.watch, watched_files(settings))
    await asyncio.sleep(poll_seconds)
    await asyncio.to_thread(files.have_changed)
    # The settings were read some time ago, at the start. Notice a change made in between.
    with without_garbage_collection(), yielding_often():
        changed = await asyncio.to_thread(_differs, start, load)
    while True:
        if changed or retries.is_due():
            with without_garbage_collection(), yielding_often():
                load_new = partial(load, files.path, settings)
                new = await _reload(files, load_new, services, poll_seconds / 10)
            on_result("failed" if new is None else "ok")
            if new is None:
                retries.postpone(again=not changed)
            else:
                # It walks over all grants, which holds up requests for 20 ms with 4,000 callers.
                await asyncio.to_thread(_warn_if_restart_required, start.settings, settings, new)
                settings = new
                retries.end()
        await asyncio.sleep(poll_seconds)
        changed = await _have_changed(files, settle_seconds=poll_seconds / 10)


def digest_of_others(settings: Settings) -> str:
    """Return a digest of what the service reads at its start besides the configuration's files."""
    return content_digest(watched_files(settings))


class _Retries:
    """Decides when a change that failed is tried again."""

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


async def _have_changed(files: "WatchedFiles", settle_seconds: float) -> bool:
    """Wait until writing has stopped: half a file may be valid but lack callers."""
    for checks in range(_MAX_SETTLE_CHECKS):
        if not await asyncio.to_thread(files.have_changed):
            return checks > 0
        await asyncio.sleep(settle_seconds)
    return True


class WatchedFiles:
    """The file at `path`, what else it is read from, and others."""

    def __init__(
        self, path: Path, read_sources: Callable[[Path], Sources] = configuration_sources
    ) -> None:
        self.path = path
        self._others: tuple[Path, ...] = ()
        self._read_sources = read_sources
        self._sources = Sources()
        self._seen = ""

    def watch(self, others: tuple[Path, ...]) -> None:
        """Watch these others from now on. Call it before they are read: what they hold is seen."""
        if others == self._others:  # 400 files of callers take 32 ms of CPU
            return
        now = fingerprint(self.path, self._sources, others)
        if self._fingerprint(self._sources) == self._seen:  # else a change is still to be noticed
            self._seen = now
        self._others = others

    def have_changed(self) -> bool:
        """Whether they have changed since the last call."""
        if (before := self._fingerprint(self._sources)) == self._seen:
            return False
        try:
            with without_garbage_collection():
                sources = self._read_sources(self.path)
        except Exception:  # noqa: BLE001 - of any kind, from the YAML reader; `_reload` logs it
            sources = Sources()
        seen = self._fingerprint(sources)
        # If they changed while the sources were read, these may lack a file: read them once more.
        after = seen if sources == self._sources else self._fingerprint(self._sources)
        self._seen = seen if after == before else ""
        self._sources = sources
        return True

    def _fingerprint(self, sources: Sources) -> str:
        return fingerprint(self.path, sources, self._others)


def _differs(start: ReadAtStart, load: Load) -> bool:
    """Whether other settings would be read now. 40,000 callers are not read again to know it."""
    try:
        if digest_of_others(start.settings) != start.digest:
            return True
        if configuration_fingerprint(start.path) == start.read_as:
            return False
        return load(start.path, start.settings) != start.settings
    except Exception:  # noqa: BLE001 - of any kind; `_reload` logs it
        return True


async def _reload(
    files: WatchedFiles, load: Callable[[], Settings], services: Services, settle_seconds: float
) -> Settings | None:
    """Return the new settings, or None if the old ones stay in use."""
    try:
        new = await _load(files, load, settle_seconds)
        await asyncio.to_thread(files.watch, watched_files(new))
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
    return new


async def _load(
    files: WatchedFiles, load: Callable[[], Settings], settle_seconds: float
) -> Settings:
    """Load once more if that failed, or if the files changed meanwhile.

    It may have read half of a change, or missed a file that vanished and returned.
    """
    settings = None
    with suppress(Exception):
        settings = await asyncio.to_thread(load)
    if not await _changed_again(files, settle_seconds) and settings is not None:
        return settings
    return await asyncio.to_thread(load)


async def _changed_again(files: WatchedFiles, settle_seconds: float) -> bool:
    if not await asyncio.to_thread(files.have_changed):
        return False
    await asyncio.sleep(settle_seconds)
    await _have_changed(files, settle_seconds)
    return True


def _warn_if_restart_required(at_start: Settings, old: Settings, new: Settings) -> None:
    """Compare with the start, whose settings are in use. A warning is logged once for a change."""
    if not (required := _restart_required(at_start, new)):
        return
    pending, changed = _restart_required(at_start, old), _restart_required(old, new)
    if names := [name for name in required if name not in pending or name in changed]:
        log.warning("changed, but will take effect only after a restart: %s", ", ".join(names))


def _restart_required(old: Settings, new: Settings) -> list[str]:
    return [
        *(
            f"server.{name}"
            for name in RESTART_REQUIRED
            if getattr(old.server, name) != getattr(new.server, name)
        ),
        *protocol_values.restart_required(old, new),
    ]
