"""`presign credentials`."""

from collections.abc import Mapping
from shlex import quote
from typing import TYPE_CHECKING

import click

from presign_client.commands.options import calling, narrowed
from presign_client.commands.output import print_json

if TYPE_CHECKING:
    from presign_client.calls import Calls
    from presign_client.results import Credentials


@click.command(
    "credentials",
    epilog="""\b
Example, in ~/.aws/config:
  [profile reports]
  credential_process = presign credentials reports --permission READ

\b
For a program that asks no endpoint, in a shell:
  eval "$(presign credentials reports --format env)"
""",
)
@narrowed
@click.option(
    "--format",
    "form",
    type=click.Choice(["process", "env"]),
    default="process",
    show_default=True,
    help="JSON for `credential_process`, or variables for a shell.",
)
@calling
def command(
    presign: "Calls", *, bucket: str, prefix: str | None, permission: str | None, form: str
) -> None:
    """Print temporary AWS credentials for a bucket.

    It is the only command that prints a secret, and prints it on standard output alone. Anyone who
    has the credentials can use them until they expire. It needs a grant with `credentials`.
    """
    found = presign.credentials(bucket, prefix=prefix, permission=permission)
    if form == "env":
        for name, value in _variables(found).items():
            click.echo(f"export {name}={quote(value)}")
    else:
        print_json(
            {
                "Version": 1,
                "AccessKeyId": found.access_key_id,
                "SecretAccessKey": found.secret_access_key,
                "SessionToken": found.session_token,
                "Expiration": found.expires_at,
            }
        )


def _variables(found: "Credentials") -> Mapping[str, str]:
    """Return the variables of `aws configure export-credentials`."""
    return {
        "AWS_ACCESS_KEY_ID": found.access_key_id,
        "AWS_SECRET_ACCESS_KEY": found.secret_access_key,
        "AWS_SESSION_TOKEN": found.session_token,
        "AWS_CREDENTIAL_EXPIRATION": f"{found.expires_at:%Y-%m-%dT%H:%M:%SZ}",
    }
