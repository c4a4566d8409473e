"""`presign links`."""

from typing import TYPE_CHECKING

import click

from presign_client.commands.options import as_json, calling
from presign_client.commands.output import print_json, shown
from presign_client.commands.progress import waiting

if TYPE_CHECKING:
    from presign_client.calls import Calls
    from presign_client.links import ListedLink


@click.command(
    "links",
    epilog="""\b
Examples:
  presign links
  presign link revoke lnk_asT7b1mQ0yWkXg3vS2hEJc1u
""",
)
@as_json
@calling
def command(presign: "Calls", *, is_json: bool) -> None:
    """List your share links that have not expired.

    A line has the id, the end in UTC, the uses, and what the link is for. --json has the addresses,
    too: anyone who has one can use the link.
    """
    with waiting():
        found = list(presign.links())
    if is_json:
        print_json({"links": found})
        return
    for link in found:
        click.echo(_line(link))


def _line(link: "ListedLink") -> str:
    what = "upload to " if "upload" in link.operations else ""
    name = f"{shown(link.bucket)}/{shown(link.key or link.prefix or '')}"
    label = f"  ({shown(link.label)})" if link.label else ""
    return f"{link.id}  {link.expires_at:%Y-%m-%d %H:%M}  {_state(link):>9}  {what}{name}{label}"


def _state(link: "ListedLink") -> str:
    if link.revoked:
        return "revoked"
    return "" if link.max_uses is None else f"{link.uses}/{link.max_uses}"
