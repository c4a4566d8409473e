"""What `presign check` says about remote signing: what it opens, and which limits clients meet."""

from collections.abc import Iterator
from typing import Final

from service.access.callers import CallerEntry
from service.access.grants import Grant, Operation
from service.errors import ConfigurationProblem
from service.presigning.bucket import Bucket
from service.protocols.checked import Check, CheckedConfiguration
from service.protocols.remote_signing.policy import SIGNABLE
from service.protocols.rights import Right


def rights(_: None, entry: CallerEntry, _checked: CheckedConfiguration) -> Iterator[Right]:
    for bucket in sorted({grant.bucket for grant in entry.grants if _signs(grant)}):
        where = f"at /sign/{bucket}/…, each signature valid for 15 min"
        yield Right(("sign its own S3 requests",), where)


def warnings(_: None, checked: CheckedConfiguration) -> Iterator[ConfigurationProblem]:
    for location, grant in checked.grants():
        for text in _risks(grant, checked.buckets[grant.bucket]):
            yield ConfigurationProblem(text, location)


def _signs(grant: Grant) -> bool:
    # A list is of all keys below a prefix.
    signable = SIGNABLE if grant.covers_subtree else SIGNABLE - {Operation.LIST}
    return Operation.SIGN in grant.allow and not signable.isdisjoint(grant.allow)


def _risks(grant: Grant, bucket: Bucket) -> Iterator[str]:
    if Operation.SIGN not in grant.allow:
        return
    if not _signs(grant):
        yield "allows `sign`, but no operation to sign, so it has no effect"
    if Operation.UPLOAD in grant.allow:
        if grant.max_content_length is not None or grant.content_types is not None:
            yield (
                "PyIceberg sends neither size nor type when it asks for a signature, "
                "so with max_content_length or content_types it cannot upload"
            )
        if not grant.allow_overwrite:
            yield (
                "PyIceberg and most SDKs send no `If-None-Match`, so without "
                "allow_overwrite they cannot upload"
            )
    if Operation.DELETE in grant.allow and not bucket.is_scoped:
        yield f"all callers share the session of bucket {grant.bucket}, so " + (
            "DeleteObjects needs its body, which PyIceberg does not send"
            if bucket.compares_payload_hash
            else "DeleteObjects is not signed: the store may take another body"
        )


CHECK: Final = Check(rights=rights, warnings=warnings)
