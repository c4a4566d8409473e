"""What `presign check` says about remote signing: what it opens, and which limits clients meet."""

from collections.abc import Iterator

from service.access.callers import CallerEntry
from service.access.grants import Operation
from service.app import builders
from service.app.settings import Settings
from service.cli.check.rights import Right
from service.config.buckets import BucketSettings
from service.config.callers import GrantSettings
from service.errors import ConfigurationProblem

_NOTHING_BY_ITSELF = frozenset({Operation.SIGN, Operation.VERSIONS, Operation.LINK})


def rights(_settings: Settings, entry: CallerEntry) -> Iterator[Right]:
    for bucket in sorted({each.bucket for each in entry.grants if Operation.SIGN in each.allow}):
        where = f"at /sign/{bucket}/…, each signature valid for 15 min"
        yield Right(("sign its own S3 requests",), where)


def warnings(settings: Settings) -> Iterator[ConfigurationProblem]:
    for at, grant in settings.placed_grants():
        for text in _risks(grant, settings.buckets[grant.bucket]):
            yield ConfigurationProblem(text, at)


def _risks(grant: GrantSettings, bucket: BucketSettings) -> Iterator[str]:
    if Operation.SIGN not in grant.allow:
        return
    if _NOTHING_BY_ITSELF.issuperset(grant.allow):
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
            if builders.is_at_aws(bucket)
            else "DeleteObjects is not signed: the store may take another body"
        )
