"""`presign link`."""

import sys
from typing import TYPE_CHECKING

import click

from presign_client.commands.options import as_json, calling, duration, target_name
from presign_client.commands.output import print_json
from presign_client.commands.progress import waiting

if TYPE_CHECKING:
    from presign_client.calls import Calls
    from presign_client.links import Link


@click.command(
    "link",
    epilog="""\b
Examples:
  presign link reports/2026/q3.pdf --expires-in 30d
  presign link inbox/ --upload --expires-in 7d --label "Ann Smith, Acme"
  presign link revoke lnk_asT7b1mQ0yWkXg3vS2hEJc1u
""",
)
@click.argument("target", type=target_name, metavar="BUCKET/KEY")
@click.option("--expires-in", type=duration, help="Lifetime, such as 30d. Default: a week.")
@click.option("--max-uses", type=click.IntRange(1, 1000), help="How many times it may be used.")
@click.option("--filename", metavar="NAME", help="The name that a browser saves it under.")
@click.option("--label", metavar="TEXT", help="Who shares or asks. The link's page shows it.")
@click.option("--message", metavar="TEXT", help="What the link is for. The page shows it.")
@click.option("--upload", is_flag=True, help="Let others upload to a prefix.")
@as_json
@calling
def command(
    presign: "Calls",
    *,
    target: tuple[str, str],
    expires_in: int | None,
    max_uses: int | None,
    filename: str | None,
    label: str | None,
    message: str | None,
    upload: bool,
    is_json: bool,
) -> None:
    """Print a share link to an object, or to all below a prefix.

    A name that ends in / is a prefix, and a bucket alone is all of it.
    Anyone who has the link can use it until it expires or your grants end. `presign link revoke ID`
    ends it earlier, and `presign links` lists the ids of yours.
    """
    bucket, name = target
    is_prefix = not name or name.endswith("/")
    with waiting():
        made = presign.link(
            bucket,
            None if is_prefix else name,
            prefix=name if is_prefix else None,
            upload=upload,
            expires_in=expires_in,
            max_uses=max_uses,
            filename=filename,
            label=label,
            message=message,
        )
    if is_json:
        print_json(made)
    else:
        click.echo(made.url)
        if made.limited_by or not made.listed or sys.stderr.isatty():
            _remark(made)


def _remark(made: "Link") -> None:
    """Say what the address does not show: the end, the id, and that no list has the id."""
    why = f", limited by the {made.limited_by}" if made.limited_by else ""
    end = f"{made.expires_at:%Y-%m-%d %H:%M:%S} UTC"
    click.echo(f"presign: {made.id} works until {end}{why}.", err=True)
    if not made.listed:
        click.echo("presign: It is not in your list of links. Keep its id, to revoke it.", err=True)
