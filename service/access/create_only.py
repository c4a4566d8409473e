"""Which grants' uploads may replace nothing, and which may be sent without If-None-Match. Pure."""

from collections.abc import Sequence
from typing import Final

from service.access.grants import Grant, Operation

UPLOADS: Final = frozenset({Operation.UPLOAD, Operation.FORM, Operation.MULTIPART})


def creates_only(grant: Grant) -> bool:
    return not UPLOADS.isdisjoint(grant.allow) and not grant.allow_overwrite


def uploads_without_condition(grants: Sequence[Grant]) -> list[Grant]:
    """Return the grants with keys that may be uploaded without If-None-Match.

    A grant allows that if it allows overwriting, or if its uploads have new keys: those of forms
    and of drop boxes.
    """
    unconditional = [
        grant
        for grant in grants
        if grant.allow_overwrite
        or Operation.FORM in grant.allow
        or grant.allow >= {Operation.LINK, Operation.UPLOAD}
    ]
    return _overlapping(grants, unconditional)


def _overlapping(grants: Sequence[Grant], others: Sequence[Grant]) -> list[Grant]:
    """Return the grants for uploads that share a key with an upload of the `others`."""
    uploading = [grant for grant in others if not UPLOADS.isdisjoint(grant.allow)]
    return [grant for grant in grants if any(_overlap(grant, other) for other in uploading)]


def _overlap(one: Grant, other: Grant) -> bool:
    return (
        one.prefix == other.prefix
        or (one.covers_subtree and other.prefix.startswith(one.prefix))
        or (other.covers_subtree and one.prefix.startswith(other.prefix))
    )
