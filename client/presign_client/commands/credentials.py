"""`presign credentials`."""

from typing import TYPE_CHECKING

import click

from presign_client.commands.options import connected, narrowed
from presign_client.commands.output import print_json

if TYPE_CHECKING:
    from presign_client.client import Presign


@click.command(
    "credentials",
    epilog="""\b
Example, in ~/.aws/config:
  [profile reports]
  credential_process = presign credentials reports --permission READ
""",
)
@narrowed
@connected
def command(presign: "Presign", *, bucket: str, prefix: str | None, permission: str | None) -> None:
    """Print temporary AWS credentials for a bucket.

    The format is that of `credential_process`. It is the only command that prints a secret. Anyone
    who has the credentials can use them until they expire. It needs a grant with `credentials`.
    """
    found = presign.credentials(bucket, prefix=prefix, permission=permission)
    print_json(
        {
            "Version": 1,
            "AccessKeyId": found.access_key_id,
            "SecretAccessKey": found.secret_access_key,
            "SessionToken": found.session_token,
            "Expiration": found.expires_at,
        }
    )
