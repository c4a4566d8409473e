"""`presign rm`."""

from typing import TYPE_CHECKING

import click

from presign_client.commands.options import as_json, connected, parallel, target_name
from presign_client.commands.output import print_json, shown
from presign_client.commands.progress import waiting
from presign_client.commands.transferring import failure, report

if TYPE_CHECKING:
    from presign_client.client import Presign


@click.command(
    "rm",
    epilog="""\b
Examples:
  presign rm reports/2026/q3.pdf
  presign rm inbox/a.csv inbox/b.csv
  presign rm -r inbox/2025/
""",
)
@click.argument("names", type=target_name, nargs=-1, required=True, metavar="BUCKET/KEY...")
@click.option("-r", "--recursive", is_flag=True, help="Delete all below a prefix.")
@click.option("--version", "version_id", metavar="ID", help="Remove this version for good.")
@parallel
@as_json
@connected
def command(
    presign: "Presign",
    *,
    names: tuple[tuple[str, str], ...],
    recursive: bool,
    version_id: str | None,
    parallel: int,
    is_json: bool,
) -> None:
    """Delete objects. It is no error if one does not exist.

    With -r a name is a prefix, which ends in /: `reports/` is all that is in the bucket. In a
    bucket with versions a deletion only hides an object.
    """
    if version_id is not None and len(names) > 1:
        raise click.UsageError("--version is for one object.")
    if any(recursive is not (not key or key.endswith("/")) for _, key in names):
        raise click.UsageError("Write BUCKET/KEY of objects, or with -r prefixes that end in /.")
    if recursive:
        if version_id is not None:
            raise click.UsageError("--version is for one object.")
        _below(presign, names, parallel=parallel, is_json=is_json)
        return
    for bucket, key in names:
        with waiting():
            presign.delete(bucket, key, version_id=version_id)
        if not is_json:
            click.echo(f"deleted {shown(bucket)}/{shown(key)}")
    if is_json:
        print_json({"deleted": [{"bucket": bucket, "key": key} for bucket, key in names]})


def _below(
    presign: "Presign", names: tuple[tuple[str, str], ...], *, parallel: int, is_json: bool
) -> None:
    from presign_client.transfers.batch import each_of  # noqa: PLC0415 - as in `connected`

    def delete(name: tuple[str, str]) -> tuple[str, str]:
        presign.delete(*name)
        return name

    with waiting():
        found = [
            (entry.key, (bucket, entry.key))
            for bucket, prefix in names
            for entry in presign.list(bucket, prefix, recursive=True)
        ]
        done, failed = each_of(found, delete, parallel)
    if is_json:
        deleted = [{"bucket": bucket, "key": key} for _, (bucket, key) in done]
        print_json({"deleted": deleted, "failed": [*map(failure, failed)]})
    else:
        for _, (bucket, key) in done:
            click.echo(f"deleted {shown(bucket)}/{shown(key)}")
    report(failed)
