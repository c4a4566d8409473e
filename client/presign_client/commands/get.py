"""`presign get`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from presign_client.commands.options import as_json, connected, parallel, quietly, size, target_name
from presign_client.commands.output import print_json, shown
from presign_client.commands.progress import progress, waiting
from presign_client.commands.transferring import failure
from presign_client.commands.transferring import report as report_failures

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
  presign get -r reports/2026/ ./2026
""",
)
@click.argument("name", type=target_name, metavar="BUCKET/KEY")
@click.argument("file", required=False, type=click.Path(allow_dash=True))
@click.option("-r", "--recursive", is_flag=True, help="Download all below a prefix.")
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
    recursive: bool,
    quiet: bool,
    is_json: bool,
    **options: Any,
) -> None:
    """Download an object to FILE, by default under its own name. `-` is standard output.

    If the download is interrupted, run the same command again: it resumes. The bytes are compared
    with the checksum of the store, if it has one and a grant allows to ask for it; those of a
    `--version` are not.

    With -r, all objects below a prefix that ends in / become files below a directory. Files that
    are there already with the same size and content are skipped. Of several objects, those that
    fail are reported at the end.
    """
    bucket, key = name
    if recursive:
        _folder(presign, bucket, key, file, quiet=quiet, is_json=is_json, options=options)
        return
    if not key or key.endswith("/"):
        raise click.UsageError("Write BUCKET/KEY of an object. A prefix needs -r.")
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


def _folder(
    presign: "Presign",
    bucket: str,
    prefix: str,
    directory: str | None,
    *,
    quiet: bool,
    is_json: bool,
    options: dict[str, Any],
) -> None:
    if prefix and not prefix.endswith("/"):
        raise click.UsageError("With -r write a prefix that ends in /.")
    if options["version_id"] or options["part_size"] or directory == STANDARD_OUTPUT:
        raise click.UsageError("--version, --part-size and - are for one object.")
    with waiting():
        done = presign.download_folder(
            bucket, prefix, directory or ".", parallel=options["parallel"]
        )
    if is_json:
        failed = [*map(failure, done.failed)]
        print_json({"downloaded": done.downloaded, "skipped": done.skipped, "failed": failed})
    elif not quiet:
        for each in done.downloaded:
            click.echo(f"downloaded {shown(each.key)}, {each.size:,} bytes")
        for key in done.skipped:
            click.echo(f"skipped {shown(key)}")
    report_failures(done.failed)
