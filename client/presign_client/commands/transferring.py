"""What `presign cp` and `presign mv` share, and how commands report many objects."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from presign_client.commands.failures import line_of, print_failure
from presign_client.commands.options import as_json, connected, parallel, quietly, target_name
from presign_client.commands.output import print_json, shown
from presign_client.commands.progress import waiting

if TYPE_CHECKING:
    from presign_client.client import Presign
    from presign_client.folder_results import Failed
    from presign_client.results import Copied

Name = tuple[str, str]
_Pair = tuple[Name, Name, "str | None"]  # source, target, and the source's ETag


def copying(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the arguments and options of a copy."""
    for option in (
        connected,
        as_json,
        quietly,
        parallel,
        click.option("--overwrite", is_flag=True, help="Replace objects that are there."),
        click.option("-r", "--recursive", is_flag=True, help="Take all below a prefix."),
        click.argument("target", type=target_name, metavar="TARGET"),
        click.argument("sources", type=target_name, nargs=-1, required=True, metavar="SOURCE..."),
    ):
        command = option(command)
    return command


def copy_all(
    presign: "Presign",
    verb: str,
    copy: Callable[..., "Copied"],
    *,
    sources: tuple[Name, ...],
    target: Name,
    recursive: bool,
    quiet: bool,
    is_json: bool,
    parallel: int,
    **options: Any,
) -> None:
    """Copy with `copy`, and print what was done as `verb`. Exits with 1 if something failed."""
    from presign_client.transfers.batch import each_of  # noqa: PLC0415 - as in `connected`

    with waiting():
        pairs = [*_pairs(presign, sources, target, recursive=recursive)]
    if options.get("version_id") is None:  # an older version may replace its own object
        _refuse_collisions(pairs)

    def work(pair: _Pair) -> "Copied":
        (bucket, key), (to_bucket, to_key), etag = pair
        return copy(bucket, key, to_key, target_bucket=to_bucket, etag=etag, **options)

    with waiting():
        done, failed = each_of(((pair[0][1], pair) for pair in pairs), work, parallel)
    if len(pairs) == 1 and not recursive and failed:
        raise failed[0].error
    if is_json:
        print_json({"done": [copied for _, copied in done], "failed": [*map(failure, failed)]})
    elif not quiet:
        for key, copied in done:
            click.echo(f"{verb} {shown(key)} to {shown(copied.bucket)}/{shown(copied.key)}")
    report(failed)


def report(failed: "tuple[Failed, ...]") -> None:
    """Print a line for each, and exit with 1 if there is one."""
    for each in failed:
        print_failure(f"{shown(each.key)}: {line_of(each.error)}")
    if failed:
        click.get_current_context().exit(1)


def failure(failed: "Failed") -> dict[str, str]:
    return {"key": failed.key, "error": line_of(failed.error)}


def _refuse_collisions(pairs: list[_Pair]) -> None:
    """Refuse two objects with one target, or one that replaces another before that is copied.

    With --overwrite the first would be lost.
    """
    taken = {source for source, _, _ in pairs}
    for _, target, _ in pairs:
        if target in taken:
            bucket, key = target
            text = (
                f"{shown(bucket)}/{shown(key)} is the target of two objects, or one of the sources."
            )
            raise click.UsageError(f"{text} Nothing was done.")
        taken.add(target)


def _pairs(
    presign: "Presign", sources: tuple[Name, ...], target: Name, *, recursive: bool
) -> Iterator[_Pair]:
    """Yield each source with its copy, and its ETag if it was listed."""
    to_bucket, to_key = target
    is_prefix = not to_key or to_key.endswith("/")
    if (recursive or len(sources) > 1) and not is_prefix:
        raise click.UsageError("With -r or several sources write a target that ends in /.")
    for bucket, key in sources:
        names_prefix = not key or key.endswith("/")
        if recursive is not names_prefix:
            raise click.UsageError(
                "With -r write a prefix that ends in /."
                if recursive
                else "A source is BUCKET/KEY of an object. A prefix needs -r."
            )
        if not recursive:
            name = key.rpartition("/")[2]
            yield (bucket, key), (to_bucket, to_key + name if is_prefix else to_key), None
            continue
        for entry in presign.list(bucket, key, recursive=True):
            to = to_key + entry.key.removeprefix(key)
            yield (bucket, entry.key), (to_bucket, to), entry.etag
