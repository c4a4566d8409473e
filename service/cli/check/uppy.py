"""What `presign check` says about Uppy: who may upload with it, and where uploads go."""

from collections.abc import Iterator, Mapping

from service.access.callers import CallerEntry, Identity, granted, named_claims, pointers
from service.access.grants import AccessRequest, Caller, Operation, covers
from service.access.key_prefixes import caller_prefix
from service.app.settings import Settings
from service.cli.check.rights import Right, right
from service.config.uppy import UppySettings
from service.errors import ConfigurationProblem

_METHODS: Mapping[Operation, str] = {
    Operation.FORM: "upload in one piece",
    Operation.MULTIPART: "make multipart uploads",
}


def describe(settings: Settings) -> Iterator[str]:
    if (uppy := settings.uppy) is None:
        return
    pages = f"pages of {', '.join(uppy.origins)}" if uppy.origins else "no page of another origin"
    yield f"uppy: uploads go to {uppy.prefix}… in {uppy.bucket}; {pages} may call"


def rights(settings: Settings, entry: CallerEntry) -> Iterator[Right]:
    if settings.uppy is not None:
        yield from right(_allowed(settings.uppy, entry), "with Uppy")


def warnings(
    settings: Settings, entries: tuple[CallerEntry, ...]
) -> Iterator[ConfigurationProblem]:
    if (uppy := settings.uppy) is None:
        return
    if not any(_allowed(uppy, entry) for entry in entries):
        text = (
            "nobody may upload; a caller needs a grant with `form`, and with `multipart` for large "
            f"files, that covers {uppy.prefix} in {uppy.bucket}"
        )
        yield ConfigurationProblem(text, ("uppy",))
    if not settings.buckets[uppy.bucket].conditional_writes:
        text = (
            f"bucket {uppy.bucket} has no conditional writes, so no multipart upload can be "
            "completed"
        )
        yield ConfigurationProblem(text, ("uppy", "bucket"))


def _allowed(uppy: UppySettings, entry: CallerEntry) -> list[str]:
    """Return how a matching caller may upload, if its claims suit the grants."""
    identity = _example_caller(uppy, entry)
    if (prefix := caller_prefix(uppy.prefix, identity)) is None:
        return []
    grants = granted([entry], identity)
    requests = {
        method: AccessRequest(operation=operation, bucket=uppy.bucket, key=f"{prefix}x/x")
        for operation, method in _METHODS.items()
    }
    return [
        method
        for method, request in requests.items()
        if any(covers(grant, request) for grant in grants)
    ]


def _example_caller(uppy: UppySettings, entry: CallerEntry) -> Identity:
    subject = entry.subject.replace("*", "x")
    caller = Caller(issuer=entry.issuer, subject=subject)
    if entry.issuer is None:
        return Identity(caller)  # an API key has no claims
    needed = {pointer for grant in entry.grants for pointer in pointers(grant.prefix)}
    needed |= set(pointers(uppy.prefix))
    from_subject = named_claims({"sub": subject}, needed & {"/sub"})
    return Identity(caller, {**dict.fromkeys(needed - {"/sub"}, "x"), **from_subject})
