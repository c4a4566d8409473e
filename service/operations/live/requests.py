"""Sends a signed request that must work, and one that must not. Neither leaves anything behind."""

from dataclasses import replace
from typing import Final

import httpx

from service.access.grants import READS, Grant, Operation
from service.errors import PresignError
from service.operations.live.results import Path, Result
from service.s3.access import StoreAccess
from service.s3.client import S3Client
from service.s3.errors import S3Error
from service.signing.actions import GetObject, ListObjects, ListObjectVersions
from service.signing.signer import Signable, SignedCall, Signer

# What the store's code means for the configuration:
# docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_REGION: Final = "the bucket is in another region; correct `region`"
_ADVICE: Final = {
    "NoSuchBucket": "there is no such bucket; correct `bucket`",
    "AuthorizationHeaderMalformed": _REGION,
    "AuthorizationQueryParametersError": _REGION,
    "PermanentRedirect": _REGION,
    "301": _REGION,
    "AccessDenied": (
        "the role may not read this bucket; correct `bucket`, or give the role the permissions "
        "that `presign iam` prints"
    ),
    "SignatureDoesNotMatch": (
        "the store computed another signature; a proxy in front of it may change the host or path, "
        "or the keys may be wrong"
    ),
    "InvalidAccessKeyId": "the store does not know the access key",
    "RequestTimeTooSkewed": "the clocks differ; correct the clock of this machine",
}
_NO_SUCH_KEY: Final = "NoSuchKey"
_SECONDS: Final = 900  # that a changed URL may live
_MISSING: Final = frozenset({_NO_SUCH_KEY, "404"})  # without a body there is only the status
_MAY_LIST: Final = frozenset({Operation.LIST, Operation.CHECK, Operation.MULTIPART})


class ChangedKeySigner(Signer):
    """Signs for one key and names another, as somebody who changes a URL does.

    The last segment of the key must be plain ASCII.
    """

    def presign(
        self, action: Signable, key: str, *, now: int, expires_in: int, tag: str | None = None
    ) -> str:
        url = super().presign(action, key, now=now, expires_in=expires_in, tag=tag)
        segment = key.rpartition("/")[2]
        return url.replace(segment, f"{segment}-changed", 1)


async def check_requests(
    store: S3Client, access: StoreAccess, grants: list[Grant], *, name: str, key: str
) -> list[Result]:
    """Return what a request for `key` shows. No object may have this key.

    The store must answer that there is none, and refuse the request if its key was changed.
    """
    at = ("buckets", name)
    allowed = frozenset[Operation]().union(*(grant.allow for grant in grants))
    reads = not READS.isdisjoint(allowed)
    if not reads and Operation.LIST not in allowed:
        text = "no grant reads or lists, so no request was sent: an upload would leave an object"
        return [Result("warning", at, text)]
    action = GetObject() if reads else ListObjects(prefix=key, max_keys=1)
    code = _NO_SUCH_KEY
    try:
        await store.send(access, action, bucket=name, key=key if reads else "")
    except S3Error as error:
        if error.code == "AccessDenied" and reads and _MAY_LIST.isdisjoint(allowed):
            text = (
                "a signed request was refused (AccessDenied): the role may not read; or "
                "the key is missing and the role may not list, which is no error"
            )
            return [Result("warning", at, text)]
        if (code := error.code) not in _MISSING:
            return [_refused(at, error)]
    except PresignError as error:
        return [Result("error", at, f"a signed request failed: {error.detail}")]
    return [
        Result("works", at, "a signed request works"),
        *([await _check_changed(store, access, at, key, code)] if reads else []),
        *([await _check_versions(store, access, at, key)] if _lists_versions(grants) else []),
    ]


async def check_public_address(
    store: S3Client, access: StoreAccess, *, name: str, key: str
) -> Result:
    """Return what a request to the address that callers use shows.

    This machine's network may not reach it.
    """
    at: Path = ("buckets", name, "public_endpoint_url")
    public = replace(access, internal_signer=access.signer)
    try:
        await store.send(public, GetObject(), bucket=name, key=key)
    except S3Error as error:
        if error.code not in _MISSING:
            return _refused(at, error)
    except PresignError as error:
        return Result("warning", at, f"it was not checked: {error.detail}")
    return Result("works", at, "a signed request works")


async def _check_changed(
    store: S3Client, access: StoreAccess, at: tuple[str, str], key: str, missing: str
) -> Result:
    """`missing` is the code for a key without an object. A store that verifies does not look."""
    call, now = SignedCall("GetObject", (key,)), access.validity.now
    signer = access.internal_signer.for_call(call, now=now, expires_in=_SECONDS)
    changing = ChangedKeySigner(signer.credentials, signer.address)
    try:
        await store.send(
            replace(access, internal_signer=changing), GetObject(), bucket=at[1], key=key
        )
    except S3Error as error:
        if error.status == httpx.codes.FORBIDDEN or error.code == "SignatureDoesNotMatch":
            return Result("works", at, "a URL whose key was changed is refused")
        if error.code not in {_NO_SUCH_KEY, missing}:
            text = (
                f"the store answered a URL whose key was changed with {error.code}, not with 403, "
                "so it is unknown whether it verifies signatures"
            )
            return Result("error", at, text)
    except PresignError as error:
        text = f"a request whose key was changed failed: {error.detail}"
        return Result("error", at, text)
    text = "the store does not verify signatures: it answered a URL whose key was changed"
    return Result("error", at, text)


async def _check_versions(
    store: S3Client, access: StoreAccess, at: tuple[str, str], key: str
) -> Result:
    """A refusal is a warning: a role that was made before this call needs one more action."""
    action = ListObjectVersions(prefix=key, max_keys=1)
    try:
        await store.send(access, action, bucket=at[1])
    except S3Error as error:
        advice = ": give the role `s3:ListBucketVersions`" if error.code == "AccessDenied" else ""
        return Result("warning", at, f"versions cannot be listed ({error.code}){advice}")
    except PresignError as error:
        return Result("warning", at, f"versions cannot be listed: {error.detail}")
    return Result("works", at, "versions can be listed")


def _lists_versions(grants: list[Grant]) -> bool:
    needed = {Operation.LIST, Operation.VERSIONS}
    return any(grant.covers_subtree and needed <= grant.allow for grant in grants)


def _refused(at: Path, error: S3Error) -> Result:
    advice = _ADVICE.get(error.code)
    text = f"a signed request was refused ({error.code})"
    return Result("error", at, f"{text}: {advice}" if advice else text)
