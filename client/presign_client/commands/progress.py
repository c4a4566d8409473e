"""What a terminal shows while a command works: a bar, or that it waits for an answer."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

    from presign_client.transfers.workers import OnProgress

PATIENCE_SECONDS = 2.0


@contextmanager
def progress(name: str, *, quiet: bool) -> "Iterator[OnProgress | None]":
    """Yield what shows progress; None unless standard error is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - only terminals need it
    from rich.markup import escape  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(escape(name), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def waiting() -> Iterator[None]:
    """Show on a terminal that the block waits for an answer, once it has taken two seconds."""
    if not sys.stderr.isatty():
        yield
        return
    with ExitStack() as shown:
        timer = Timer(PATIENCE_SECONDS, lambda: shown.enter_context(_spinner()))
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


def _spinner() -> "Progress":
    from rich.console import Console  # noqa: PLC0415 - only terminals need it
    from rich.progress import (  # noqa: PLC0415
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    spinner = Progress(*columns, console=Console(stderr=True), transient=True)
    spinner.add_task("waiting for an answer", total=None)
    return spinner
