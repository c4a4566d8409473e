"""`presign put`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from presign_client.commands.failures import line_of, print_failure
from presign_client.commands.options import as_json, connected, parallel, quietly, size, target_name
from presign_client.commands.output import print_json, shown
from presign_client.commands.progress import progress

if TYPE_CHECKING:
    from presign_client.client import Presign
    from presign_client.folder_results import FolderUpload

STANDARD_INPUT = "-"


@click.command(
    "put",
    epilog="""\b
Examples:
  presign put report.pdf reports/2026/q3.pdf
  presign put *.csv reports/2026/
  pg_dump db | presign put - backups/db.sql
  presign put -r ./site reports/site/
""",
)
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(allow_dash=True)
)
@click.argument("target", type=target_name, metavar="BUCKET/KEY")
@click.option("-r", "--recursive", is_flag=True, help="Upload what is in a directory.")
@click.option("--follow", is_flag=True, help="With -r, follow links that lead elsewhere too.")
@click.option("--overwrite", is_flag=True, help="Replace objects that are there.")
@click.option("--content-type", metavar="TYPE", help="Default: by the name's suffix.")
@click.option("--part-size", type=size, help="Size of a part, such as 8MiB.")
@parallel
@click.option(
    "--checksum",
    type=click.Choice(["sha256", "sha1", "crc32", "crc32c"], case_sensitive=False),
    default="sha256",
    show_default=True,
    help="What the store checks each part by.",
)
@quietly
@as_json
@connected
def command(
    presign: "Presign",
    *,
    files: tuple[str, ...],
    target: tuple[str, str],
    recursive: bool,
    follow: bool,
    overwrite: bool,
    quiet: bool,
    is_json: bool,
    checksum: str,
    **options: Any,
) -> None:
    """Upload files. `-` is standard input, of any length.

    A name that ends in / is a prefix: the files get their own names below it. Large files go up in
    parts. If the upload is interrupted, run the same command again: it resumes. With -r, files that
    are stored already with the same size and checksum are skipped. Of several files, those that
    fail are reported at the end, and the others are stored. With -r, links that lead out of the
    directory or to a directory are left out, and so are unfinished downloads.
    """
    options |= {"checksum": checksum.upper(), "overwrite": overwrite}
    if recursive:
        done = _folder(presign, files, target, quiet=quiet, options=options | {"follow": follow})
    elif follow:
        raise click.UsageError("--follow is for -r.")
    else:
        done = _files(presign, files, target, quiet=quiet, options=options)
    if is_json:
        print_json(done)
    elif not quiet:
        for each in done.uploaded:
            verb = "skipped" if each.skipped else "uploaded"
            click.echo(f"{verb} {shown(each.bucket)}/{shown(each.key)}")
        for left in done.left_out:
            click.echo(f"left out {shown(str(left.path))}: {left.reason}")
    for failed in done.failed:
        print_failure(f"{shown(str(failed.path))}: {line_of(failed.error)}")
    if number := len(done.left_out):
        hint = "" if follow else " --follow follows all links."
        click.echo(f"{number} left out.{hint}", err=True)
    if done.failed:
        click.get_current_context().exit(1)


def _files(
    presign: "Presign",
    files: tuple[str, ...],
    target: tuple[str, str],
    *,
    quiet: bool,
    options: dict[str, Any],
) -> "FolderUpload":
    from presign_client.errors import FATAL, PresignError  # noqa: PLC0415 - as in `connected`
    from presign_client.folder_results import Failed, FolderUpload  # noqa: PLC0415

    bucket, key = target
    is_prefix = not key or key.endswith("/")
    if len(files) > 1 and not is_prefix:
        raise click.UsageError("Several files need a target that ends in /.")
    if STANDARD_INPUT in files and is_prefix:
        raise click.UsageError("Standard input has no name: write BUCKET/KEY.")
    uploaded, failed = [], []
    for file in files:
        name = Path(file).resolve().name
        source = sys.stdin.buffer if file == STANDARD_INPUT else file
        to = key + name if is_prefix else key
        try:
            with progress(name, quiet=quiet) as report:
                done = presign.upload(source, bucket, to, on_progress=report, **options)
        except (PresignError, OSError) as error:
            is_fatal = isinstance(error, PresignError) and error.code in FATAL
            if len(files) == 1 or is_fatal:
                raise
            failed.append(Failed(path=Path(file), key=to, error=error))
        else:
            uploaded.append(done)
    return FolderUpload(uploaded=tuple(uploaded), failed=tuple(failed))


def _folder(
    presign: "Presign",
    files: tuple[str, ...],
    target: tuple[str, str],
    *,
    quiet: bool,
    options: dict[str, Any],
) -> "FolderUpload":
    bucket, prefix = target
    if len(files) > 1 or (prefix and not prefix.endswith("/")):
        raise click.UsageError("With -r write one directory, and a target that ends in /.")
    with progress(files[0], quiet=quiet) as report:
        return presign.upload_folder(files[0], bucket, prefix, on_progress=report, **options)
