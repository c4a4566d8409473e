"""What the configuration of Uppy means, in words: who may upload with it, and where that goes."""

from collections.abc import Callable, Iterator, Mapping

from service.access.callers import CallerEntry, Identity, granted, named_claims, pointers
from service.access.grants import AccessRequest, Caller, Operation, covers
from service.access.key_prefixes import caller_prefix
from service.app import builders
from service.config.settings import Settings
from service.config.uppy import UppySettings

_WAYS: Mapping[Operation, str] = {
    Operation.FORM: "in one piece",
    Operation.MULTIPART: "in parts",
}


def describe(settings: Settings, name: Callable[[CallerEntry], str]) -> Iterator[str]:
    """A line for all, and one for each entry of callers."""
    if (uppy := settings.uppy) is None:
        return
    pages = f"pages of {', '.join(uppy.origins)}" if uppy.origins else "no page of another origin"
    yield f"uppy: what it uploads goes to {uppy.prefix}… in {uppy.bucket}; {pages} may call"
    for entry in builders.caller_entries(settings):
        ways = " and ".join(_ways(uppy, entry))
        yield f"uppy: {name(entry)} may {f'upload {ways}' if ways else 'not upload'}"


def warnings(settings: Settings) -> Iterator[str]:
    if (uppy := settings.uppy) is None:
        return
    if not any(_ways(uppy, entry) for entry in builders.caller_entries(settings)):
        yield (
            "uppy: nobody may upload; a grant needs `form`, and `multipart` for large files, where "
            f"{uppy.prefix} leads in {uppy.bucket}"
        )
    if not settings.buckets[uppy.bucket].conditional_writes:
        yield f"uppy: bucket {uppy.bucket} has no conditional writes: no upload in parts will end"


def _ways(uppy: UppySettings, entry: CallerEntry) -> list[str]:
    """How a caller whom the entry matches may upload, if its claims are as the grants wish."""
    identity = _somebody(uppy, entry)
    if (prefix := caller_prefix(uppy.prefix, identity)) is None:
        return []
    grants = granted([entry], identity)
    return [
        way
        for operation, way in _WAYS.items()
        if any(
            covers(
                grant, AccessRequest(operation=operation, bucket=uppy.bucket, key=f"{prefix}x/x")
            )
            for grant in grants
        )
    ]


def _somebody(uppy: UppySettings, entry: CallerEntry) -> Identity:
    subject = entry.subject.replace("*", "x")
    caller = Caller(issuer=entry.issuer, subject=subject)
    if entry.issuer is None:
        return Identity(caller)  # an API key has no claims
    named = {pointer for grant in entry.grants for pointer in pointers(grant.prefix)}
    named |= set(pointers(uppy.prefix))
    known = named_claims({"sub": subject}, named & {"/sub"})
    return Identity(caller, {**dict.fromkeys(named - {"/sub"}, "x"), **known})
