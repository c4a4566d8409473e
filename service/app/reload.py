"""The configuration files are watched, and what they say is served as one whole or not at all.

They are read every two seconds and compared by content: that sees a ConfigMap's swap of symbolic
links, an editor's new file and a network file system alike, and needs no watch of the kernel's, of
which a node has few.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Final

from service.app.services import Services
from service.concurrency.event_loop import without_garbage_collection
from service.config.file import callers_dir, fingerprint
from service.config.settings import Settings, authority_files, load_settings
from service.errors import ConfigurationError

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 2.0
FIRST_RETRY_SECONDS: Final = 10.0  # after a change that could not be served; doubled each time
LAST_RETRY_SECONDS: Final = 300.0
_LOOKS: Final = 50  # ten seconds of them: whoever never stops writing is not waited for
_AT_START: Final = (
    "cors_origins",
    "max_in_flight",
    "drain_seconds",
    "rate_limit_url",
    "log_level",
)


async def keep_reloading(
    path: Path,
    settings: Settings,
    services: Services,
    told: Callable[[str], None],
    *,
    poll_seconds: float = POLL_SECONDS,
    retry_seconds: float = FIRST_RETRY_SECONDS,
) -> None:
    """Until cancelled. `told` hears the outcome of each attempt to serve a change: `ok` or `failed`.

    `settings` are those that are served. A change that failed is tried again though no file changes: its
    cause may lie elsewhere, such as a Secret that is mounted later.
    """
    files, retries = _Files(path), _Retries(retry_seconds)
    files.beside = authority_files(settings)
    await asyncio.sleep(poll_seconds)
    await asyncio.to_thread(files.have_changed)
    # The settings were read for the start some time ago. Find a change made in between.
    with without_garbage_collection():
        changed = await asyncio.to_thread(_says_other, path, settings)
    while True:
        if changed or retries.is_due():
            with without_garbage_collection():
                new = await _reload(path, settings, services)
            told("failed" if new is None else "ok")
            if new is None:
                retries.postpone(again=not changed)
            else:
                settings = new
                files.beside = authority_files(new)
                retries.end()
        await asyncio.sleep(poll_seconds)
        changed = await _have_changed(files, settle_seconds=poll_seconds / 10)


class _Retries:
    """When a change that failed is tried again."""

    def __init__(self, first_seconds: float) -> None:
        self._first = first_seconds
        self._pause = first_seconds
        self._due_at = math.inf

    def is_due(self) -> bool:
        return asyncio.get_running_loop().time() >= self._due_at

    def postpone(self, *, again: bool) -> None:
        self._pause = min(2 * self._pause, LAST_RETRY_SECONDS) if again else self._first
        self._due_at = asyncio.get_running_loop().time() + self._pause

    def end(self) -> None:
        self._due_at = math.inf


async def _have_changed(files: "_Files", settle_seconds: float) -> bool:
    """Told once nobody writes any more: half of a file may be good, and lack somebody's grants."""
    for looks in range(_LOOKS):
        if not await asyncio.to_thread(files.have_changed):
            return looks > 0
        await asyncio.sleep(settle_seconds)
    return True


class _Files:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.beside: tuple[Path, ...] = ()  # further files
        self._directory: str | None = None
        self._seen = ""

    def have_changed(self) -> bool:
        """Since the last time. The `callers_dir` is the one that the file names now, served or not."""
        if self._fingerprint() == self._seen:
            return False
        self._directory = _callers_dir(self._path)
        self._seen = self._fingerprint()
        return True

    def _fingerprint(self) -> str:
        try:
            return fingerprint(self._path, self._directory, self.beside)
        except ValueError:  # of a directory that no system could have: the file alone is watched
            return fingerprint(self._path, None, self.beside)


def _callers_dir(path: Path) -> str | None:
    """Whatever the reader of YAML comes up with, the watch goes on: `_reload` meets it, and tells of it."""
    try:
        with without_garbage_collection():
            return callers_dir(path)
    except Exception:  # noqa: BLE001 - see above
        return None


def _says_other(path: Path, settings: Settings) -> bool:
    try:
        return load_settings(path) != settings
    except Exception:  # noqa: BLE001 - as of `_callers_dir`
        return True


async def _reload(path: Path, old: Settings, services: Services) -> Settings | None:
    """The settings that are served now, or None where the old ones go on."""
    try:
        new = await asyncio.to_thread(load_settings, path)
        await services.replace(new)
        await asyncio.sleep(
            0
        )  # the old parts were freed just now; the old settings are, in another turn
    except ConfigurationError as error:
        for problem in error.problems:
            # Its words say all; a traceback would say where we read it.
            log.error("the configuration is not served, the old one goes on: %s", problem)  # noqa: TRY400
        return None
    except Exception:
        log.exception("the configuration cannot be served, the old one goes on")
        return None
    log.info("a new configuration is served")
    _warn_of_late(old, new)
    return new


def _warn_of_late(old: Settings, new: Settings) -> None:
    late = [
        f"server.{name}"
        for name in _AT_START
        if getattr(old.server, name) != getattr(new.server, name)
    ]
    if new.uppy is not None and (old.uppy is None or old.uppy.origins != new.uppy.origins):
        late.append("uppy" if old.uppy is None else "uppy.origins")
    if late:
        log.warning("changed, but taking effect only at the next start: %s", ", ".join(late))
