"""`presign versions`."""

from typing import TYPE_CHECKING

import click

from presign_client.commands.options import as_json, calling, object_name
from presign_client.commands.output import print_json, shown
from presign_client.commands.progress import waiting

if TYPE_CHECKING:
    from presign_client.calls import Calls
    from presign_client.objects import Version


@click.command(
    "versions",
    epilog="""\b
Examples:
  presign versions reports/2026/q3.pdf
  presign get reports/2026/q3.pdf old.pdf --version ID
  presign rm reports/2026/q3.pdf --version ID
""",
)
@click.argument("name", type=object_name, metavar="BUCKET/KEY")
@as_json
@calling
def command(presign: "Calls", *, name: tuple[str, str], is_json: bool) -> None:
    """List the versions of an object, the newest first.

    A line has the size in bytes, the time in UTC and the version's id. `deleted` in place of a size
    is a delete marker: the object was deleted then, and is back once you remove the marker.
    """
    bucket, key = name
    with waiting():
        found = list(presign.versions(bucket, key))
    if is_json:
        print_json({"versions": found})
        return
    for version in found:
        click.echo(_line(version))


def _line(version: "Version") -> str:
    size = "deleted" if version.size is None else str(version.size)
    time = f"{version.last_modified:%Y-%m-%d %H:%M}"
    return f"{size:>14}  {time:16}  {shown(version.version_id)}"
