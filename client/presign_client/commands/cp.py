"""`presign cp`."""

from typing import TYPE_CHECKING, Any

import click

from presign_client.commands.transferring import copy_all, copying

if TYPE_CHECKING:
    from presign_client.client import Presign


@click.command(
    "cp",
    epilog="""\b
Examples:
  presign cp reports/2026/q3.pdf reports/2026/final.pdf
  presign cp reports/a.csv reports/b.csv archive/2026/
  presign cp -r reports/2026/ archive/2026/
  presign cp --overwrite --version ID reports/q3.pdf reports/q3.pdf
""",
)
@click.option("--version", "version_id", metavar="ID", help="Copy this version.")
@copying
def command(presign: "Presign", *, version_id: str | None, **options: Any) -> None:
    """Copy objects inside the store.

    A target that ends in / is a prefix: the copies keep their names below it. No byte passes
    through here. A copy replaces nothing without --overwrite, and has the type, the metadata and
    the tags of its source. S3 copies objects of up to 5 GiB: download and upload larger ones. Of
    several objects, those that fail are reported at the end, and the others are copied. A --version
    that is copied onto its own object becomes the newest one.
    """
    if version_id is not None and (options["recursive"] or len(options["sources"]) > 1):
        raise click.UsageError("--version is for one object.")
    copy_all(presign, "copied", presign.copy, version_id=version_id, **options)
