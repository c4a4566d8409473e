"""`presign mv`."""

from typing import TYPE_CHECKING, Any

import click

from presign_client.commands.transferring import copy_all, copying

if TYPE_CHECKING:
    from presign_client.client import Presign


@click.command(
    "mv",
    epilog="""\b
Examples:
  presign mv reports/draft.pdf reports/final.pdf
  presign mv inbox/a.csv inbox/b.csv reports/2026/
  presign mv -r inbox/ reports/2026/
""",
)
@copying
def command(presign: "Presign", **options: Any) -> None:
    """Move or rename objects inside the store.

    A target that ends in / is a prefix: the objects keep their names below it. An object is copied,
    and deleted once its copy exists, only if it is still what was copied: whatever fails, the
    original stays. Nothing is replaced without --overwrite. S3 copies objects of up to 5 GiB:
    download and upload larger ones. Of several objects, those that fail are reported at the end.
    """
    copy_all(presign, "moved", presign.move, **options)
