"""What `presign check` says about credentials for programs: who gets them, and for what."""

from collections.abc import Iterator
from typing import Final

from service.access.callers import CallerEntry
from service.access.grants import Grant, Operation
from service.access.narrowing import VENDABLE, Permission, vended_grants
from service.errors import ConfigurationProblem
from service.presigning.bucket import Bucket
from service.protocols.checked import Check, CheckedConfiguration
from service.protocols.quantities import duration
from service.protocols.rights import Right
from service.sessions.refresh_policy import MIN_VENDED_SECONDS, VENDED_REMAINING, threshold

_DAY: Final = 86_400
_GIVING: Final = VENDABLE - {Operation.VERSIONS}  # which only extends the others


def rights(_: None, entry: CallerEntry, checked: CheckedConfiguration) -> Iterator[Right]:
    for name, grants in _vended(entry).items():
        seconds = max(MIN_VENDED_SECONDS, checked.session_seconds[name])
        calls = _DAY / (seconds - threshold(seconds, VENDED_REMAINING, 0.5))
        allowed = frozenset[Operation]().union(*(grant.allow for grant in grants))
        where = (
            f"in {name} with AWS credentials, whatever the size, type or lifetime: they last "
            f"{duration(seconds)}, about {calls:.0f} STS calls a day per replica"
        )
        yield Right(tuple(operation for operation in Operation if operation in allowed), where)


def warnings(_: None, checked: CheckedConfiguration) -> Iterator[ConfigurationProblem]:
    for location, grant in checked.grants():
        for text in _risks(grant, checked.buckets[grant.bucket]):
            yield ConfigurationProblem(text, location)
        if Operation.CREDENTIALS in grant.allow and location[0] == "unsafe_anonymous_caller":
            text = "anybody who can reach the service gets AWS credentials"
            yield ConfigurationProblem(text, location, grave=True)


def _risks(grant: Grant, bucket: Bucket) -> Iterator[str]:
    if Operation.CREDENTIALS not in grant.allow:
        return
    if _GIVING.isdisjoint(grant.allow):
        names = ", ".join(operation for operation in Operation if operation in _GIVING)
        yield f"allows `credentials`, but none of {names}, so it gives nothing"
    uploads = not {Operation.UPLOAD, Operation.MULTIPART}.isdisjoint(grant.allow)
    is_enforced = bucket.arns is not None and bucket.arns.enforces_limits
    if uploads and not grant.allow_overwrite and not is_enforced:
        yield (
            "the credentials can overwrite objects: only on AWS does the session "
            "policy enforce create-only"
        )
    if uploads and bucket.encryption is not None:
        yield (
            "the credentials can upload without the bucket's `encryption`: make it "
            "the default of the bucket at the store"
        )


def _vended(entry: CallerEntry) -> dict[str, list[Grant]]:
    """Return the grants that the caller's credentials have, by bucket."""
    buckets = dict.fromkeys(grant.bucket for grant in entry.grants)
    vended = {name: vended_grants(entry.grants, name, "", Permission.READWRITE) for name in buckets}
    return {name: grants for name, grants in vended.items() if grants}


CHECK: Final = Check(rights=rights, warnings=warnings)
