"""`presign ls`."""

from typing import TYPE_CHECKING

import click

from presign_client.commands.options import as_json, calling, target_name
from presign_client.commands.output import print_json, shown
from presign_client.commands.progress import waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from presign_client.calls import Calls
    from presign_client.listing import Page
    from presign_client.results import Entry


@click.command(
    "ls",
    epilog="""\b
Examples:
  presign ls reports
  presign ls -r reports/2026/
""",
)
@click.argument("target", type=target_name, metavar="BUCKET/PREFIX")
@click.option("-r", "--recursive", is_flag=True, help="List all levels.")
@as_json
@calling
def command(presign: "Calls", *, target: tuple[str, str], recursive: bool, is_json: bool) -> None:
    """List the objects whose keys begin with a prefix.

    A line has the size in bytes, the time in UTC and the name. A name that ends in / is a prefix.
    """
    bucket, prefix = target
    entries = _entries(presign.pages(bucket, prefix, recursive=recursive))
    if is_json:
        print_json({"entries": list(entries)})
        return
    for entry in entries:
        name = f"{shown(bucket)}/{shown(entry.key)}"
        click.echo(
            f"{_details(entry)}  {click.style(name, fg='blue') if entry.is_prefix else name}"
        )


def _entries(pages: "Iterator[Page]") -> "Iterator[Entry]":
    while True:
        with waiting():
            page = next(pages, None)
        if page is None:
            return
        yield from page.entries


def _details(entry: "Entry") -> str:
    time = f"{entry.last_modified:%Y-%m-%d %H:%M}" if entry.last_modified else ""
    return f"{'' if entry.size is None else entry.size:>14}  {time:16}"
