"""Valid values with defaults, so that a test names only what matters to it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from service.access.bucket_arns import bucket_arns
from service.access.callers import CallerEntry, Identity
from service.access.grants import Caller, Grant, Operation
from service.auth.api_keys import ApiKeys
from service.errors import PresignError
from service.presigning.bucket import Bucket
from service.presigning.requests import (
    PostFormRequest,
    PresignBatch,
    PresignRequest,
    Requester,
    SignedAction,
)
from service.presigning.snapshot import Snapshot
from service.sessions.lifetime import Lifetime
from service.signing.actions import (
    DeleteObject,
    Encryption,
    GetObject,
    HeadObject,
    ListObjects,
    PutObject,
)
from service.signing.copy_object import CopyObject
from service.signing.post_policy import PostObject
from service.signing.redirected_put import RedirectedPut
from service.signing.signer import Address
from service.signing.sigv4 import Credentials

SECRET: Final = "wJalrXUtnFEMI-sentinel-secret"
TOKEN: Final = "FwoGZXIvYXdz-sentinel-token"
ADDRESS: Final = Address(
    scheme="https",
    host="acme-reports.s3.eu-west-1.amazonaws.com",
    path_prefix="/",
    region="eu-west-1",
)
CALLER: Final = Caller(issuer=None, subject="billing")
REQUESTER: Final = Requester(Identity(CALLER), "request-1", "192.0.2.1")
UPLOAD: Final = PutObject(content_length=5, content_type="text/plain")
# Without `credentials` and `sign`, whose grants cannot have every limit, and what stores do.
_LEFT_OUT: Final = {Operation.CREDENTIALS, Operation.SIGN, Operation.NOTIFY}
OPERATIONS: Final = [str(each) for each in Operation if each not in _LEFT_OUT]
ENCRYPTION: Final = Encryption(algorithm="aws:kms", kms_key_id="key-1")


def make_credentials(access_key_id: str = "ASIAFAKE000000000000") -> Credentials:
    return Credentials(access_key_id=access_key_id, secret_access_key=SECRET, session_token=TOKEN)


def make_bucket(**changes: Any) -> Bucket:
    arns = bucket_arns("acme-reports", partition="aws")
    bucket = Bucket(s3_bucket="acme-reports", address=ADDRESS, arns=arns)
    return replace(bucket, **changes)


def make_grant(**changes: Any) -> Grant:
    """Return a grant on everything in `reports`, without limits and without overwriting."""
    return replace(Grant(bucket="reports", prefix="", allow=frozenset(Operation)), **changes)


def make_caller_entry(caller: Caller, *grants: Grant) -> CallerEntry:
    return CallerEntry(issuer=caller.issuer, subject=caller.subject, grants=grants)


def make_snapshot(
    *grants: Grant, buckets: Mapping[str, Bucket] | None = None, default_expires_in: int = 900
) -> Snapshot:
    """Return a snapshot with one bucket, `reports` by default, and one caller with `grants`."""
    return Snapshot(
        buckets={"reports": make_bucket()} if buckets is None else buckets,
        callers=(make_caller_entry(CALLER, *grants),),
        api_keys=ApiKeys((), lambda: 0.0),
        default_expires_in=default_expires_in,
    )


def make_requester(caller: Caller) -> Requester:
    return replace(REQUESTER, identity=Identity(caller))


OPERATION_OF: Final[dict[type, Operation]] = {
    GetObject: Operation.DOWNLOAD,
    PutObject: Operation.UPLOAD,
    CopyObject: Operation.UPLOAD,
    RedirectedPut: Operation.UPLOAD,
    HeadObject: Operation.HEAD,
    DeleteObject: Operation.DELETE,
    ListObjects: Operation.LIST,
}


def make_request(
    action: SignedAction | None = None,
    *,
    bucket: str = "reports",
    key: str = "a/b",
    **lifetime: int,
) -> PresignRequest:
    """Return a request for `a/b` in `reports`: a download by default."""
    action = action or GetObject()
    return PresignRequest(
        operation=OPERATION_OF[type(action)],
        bucket=bucket,
        key=key,
        action=action,
        lifetime=Lifetime(**lifetime),
    )


def make_form_request(*, form: PostObject | None = None, **changes: Any) -> PostFormRequest:
    form = form or PostObject(max_content_length=5)
    return replace(PostFormRequest(bucket="reports", form=form, lifetime=Lifetime()), **changes)


def make_batches(
    requests: Sequence[PresignRequest | PresignBatch | PresignError],
) -> list[PresignBatch | PresignError]:
    """Return each request as a batch of its own, as if no two were alike."""
    return [
        PresignBatch(each, [each.key]) if isinstance(each, PresignRequest) else each
        for each in requests
    ]


NARROW: Final = make_grant(
    prefix="a/",
    allow=frozenset({Operation.DOWNLOAD, Operation.UPLOAD, Operation.LIST}),
    max_content_length=100,
    content_types=("text/plain",),
)
TWO_BUCKETS: Final = {"reports": make_bucket(), "photos": make_bucket(s3_bucket="acme-photos")}
