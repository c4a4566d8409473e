"""`presign rm`."""

from typing import TYPE_CHECKING

import click

from presign_client.commands.options import as_json, connected, object_name
from presign_client.commands.output import print_json, shown
from presign_client.commands.progress import waiting

if TYPE_CHECKING:
    from presign_client.client import Presign


@click.command(
    "rm",
    epilog="""\b
Examples:
  presign rm reports/2026/q3.pdf
  presign rm inbox/a.csv inbox/b.csv
""",
)
@click.argument("names", type=object_name, nargs=-1, required=True, metavar="BUCKET/KEY...")
@click.option("--version", "version_id", metavar="ID", help="Remove this version for good.")
@as_json
@connected
def command(
    presign: "Presign",
    *,
    names: tuple[tuple[str, str], ...],
    version_id: str | None,
    is_json: bool,
) -> None:
    """Delete objects. It is no error if one does not exist."""
    if version_id is not None and len(names) > 1:
        raise click.UsageError("--version is for one object.")
    for bucket, key in names:
        with waiting():
            presign.delete(bucket, key, version_id=version_id)
        if not is_json:
            click.echo(f"deleted {shown(bucket)}/{shown(key)}")
    if is_json:
        print_json({"deleted": [{"bucket": bucket, "key": key} for bucket, key in names]})
