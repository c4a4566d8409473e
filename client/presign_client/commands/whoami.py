"""`presign whoami`."""

from typing import TYPE_CHECKING

import click

from presign_client.commands.options import as_json, calling
from presign_client.commands.output import print_json, shown
from presign_client.commands.progress import waiting

if TYPE_CHECKING:
    from presign_client.calls import Calls


@click.command(
    "whoami",
    epilog="""\b
Example:
  presign whoami --json
""",
)
@as_json
@calling
def command(presign: "Calls", *, is_json: bool) -> None:
    """Show who you are to presign, and what you may do."""
    with waiting():
        caller = presign.whoami()
    if is_json:
        print_json(caller)
        return
    issuer = f" of {shown(caller.issuer)}" if caller.issuer else ""
    click.echo(f"{shown(caller.subject)}{issuer}")
    for grant in caller.grants:
        overwrite = ", overwrite" if grant.allow_overwrite else ""
        operations = ", ".join(grant.allow)
        click.echo(f"  {shown(grant.bucket)}/{shown(grant.prefix)}: {operations}{overwrite}")
