"""What `presign check` says about Uppy: who may upload with it, and where uploads go."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from service.access.callers import CallerEntry, Identity, granted, pointers
from service.access.claims import named_claims
from service.access.grants import AccessRequest, Operation
from service.access.key_prefixes import caller_prefix
from service.errors import ConfigurationProblem
from service.protocols.checked import Check, Checked, Right, right
from service.protocols.uppy.settings import UploadTarget

_METHODS: Mapping[Operation, str] = {
    Operation.FORM: "upload in one piece",
    Operation.MULTIPART: "make multipart uploads",
}


def describe(uppy: UploadTarget) -> Iterator[str]:
    yield f"uppy: uploads go to {uppy.template}… in {uppy.bucket}"


def rights(uppy: UploadTarget, entry: CallerEntry, checked: Checked) -> Iterator[Right]:
    allowed = _allowed(uppy, entry)
    if not checked.buckets[uppy.bucket].conditional_writes:
        allowed = [each for each in allowed if each != _METHODS[Operation.MULTIPART]]
    yield from right(allowed, "with Uppy")


def warnings(uppy: UploadTarget | None, checked: Checked) -> Iterator[ConfigurationProblem]:
    if uppy is None:
        return
    if not any(_allowed(uppy, entry) for entry in checked.entries()):
        text = (
            "nobody may upload; a caller needs a grant with `form`, and with `multipart` for large "
            f"files, that covers {uppy.template} in {uppy.bucket}"
        )
        yield ConfigurationProblem(text, ("uppy",))
    if not checked.buckets[uppy.bucket].conditional_writes:
        text = (
            f"bucket {uppy.bucket} has no conditional writes, so no multipart upload can be "
            "completed"
        )
        yield ConfigurationProblem(text, ("uppy", "bucket"))


def _allowed(uppy: UploadTarget, entry: CallerEntry) -> list[str]:
    """Return how a matching caller may upload, if its claims suit the grants."""
    identity = _example_caller(uppy, entry)
    if (prefix := caller_prefix(uppy.template, identity)) is None:
        return []
    grants = granted([entry], identity)
    requests = {
        method: AccessRequest(operation=operation, bucket=uppy.bucket, key=f"{prefix}x/x")
        for operation, method in _METHODS.items()
    }
    return [method for method, request in requests.items() if grants.covering(request)]


def _example_caller(uppy: UploadTarget, entry: CallerEntry) -> Identity:
    example = entry.example()
    if entry.issuer is None:
        return example  # an API key has no claims
    needed = {pointer for grant in entry.grants for pointer in pointers(grant.prefix)}
    needed |= set(pointers(uppy.template))
    from_subject = named_claims({"sub": example.caller.subject}, needed & {"/sub"})
    claims = {**dict.fromkeys(needed - {"/sub"}, "x"), **from_subject}
    return replace(example, claims=claims)


CHECK: Final = Check(describe=describe, rights=rights, warnings=warnings)
