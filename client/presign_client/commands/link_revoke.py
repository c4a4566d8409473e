"""`presign link revoke`."""

from typing import TYPE_CHECKING

import click

from presign_client.commands.options import as_json, calling
from presign_client.commands.output import print_json, shown
from presign_client.commands.progress import waiting

if TYPE_CHECKING:
    from presign_client.calls import Calls


@click.command(
    "link revoke",
    epilog="""\b
Example:
  presign link revoke lnk_asT7b1mQ0yWkXg3vS2hEJc1u
""",
)
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@as_json
@calling
def command(presign: "Calls", *, ids: tuple[str, ...], is_json: bool) -> None:
    """End share links that you have made, within two seconds.

    `presign links` lists them with their ids. The object stays.
    """
    for link_id in ids:
        with waiting():
            presign.revoke_link(link_id)
        if not is_json:
            click.echo(f"revoked {shown(link_id)}")
    if is_json:
        print_json({"revoked": list(ids)})
