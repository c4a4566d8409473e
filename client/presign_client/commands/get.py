"""`presign get`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from presign_client.commands.options import as_json, connected, object_name, parallel, quietly, size
from presign_client.commands.output import print_json, shown
from presign_client.commands.progress import progress

if TYPE_CHECKING:
    from presign_client.client import Presign

STANDARD_OUTPUT = "-"


@click.command(
    "get",
    epilog="""\b
Examples:
  presign get reports/2026/q3.pdf
  presign get reports/2026/q3.pdf copy.pdf
  presign get backups/db.sql - | psql db
""",
)
@click.argument("name", type=object_name, metavar="BUCKET/KEY")
@click.argument("file", required=False, type=click.Path(allow_dash=True))
@click.option("--part-size", type=size, help="Size of a range, such as 8MiB.")
@click.option("--version", "version_id", metavar="ID", help="Download this version.")
@parallel
@quietly
@as_json
@connected
def command(
    presign: "Presign",
    *,
    name: tuple[str, str],
    file: str | None,
    quiet: bool,
    is_json: bool,
    **options: Any,
) -> None:
    """Download an object to FILE, by default under its own name. `-` is standard output.

    If the download is interrupted, run the same command again: it resumes. The bytes are compared
    with the checksum of the store, if it has one and a grant allows to ask for it; those of a
    `--version` are not.
    """
    bucket, key = name
    if file == STANDARD_OUTPUT:
        if is_json:
            raise click.UsageError("--json and the object cannot both be on standard output.")
        with progress(key, quiet=quiet) as report:
            presign.download(bucket, key, sys.stdout.buffer, on_progress=report, **options)
        sys.stdout.buffer.flush()
        return
    target = Path(file or ".")
    if target.is_dir():
        target /= key.rpartition("/")[2]
    with progress(key, quiet=quiet) as report:
        done = presign.download(bucket, key, target, on_progress=report, **options)
    if is_json:
        print_json(done)
    elif not quiet:
        state = "verified"
        if not done.verified:
            state = click.style("not verified: no checksum to compare", fg="yellow")
        click.echo(f"downloaded {shown(str(target))}, {done.size:,} bytes, {state}")
