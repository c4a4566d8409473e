"""Uploads a small file by a form, as a caller's session signs it, and looks whether it is there.

Ceph RGW 18 answers such a form with 204 and stores nothing; SeaweedFS refuses it.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import httpx

from service.access.callers import without_placeholders
from service.access.grants import Grant, Operation
from service.access.session_policy import session_policy
from service.config.quoting import quoted
from service.errors import PresignError
from service.operations.live.results import Path, Result
from service.operations.setup.signing import SignedBucket
from service.s3.access import StoreAccess
from service.s3.client import Reply, S3Client
from service.s3.errors import S3Error
from service.s3.forms import filled_in
from service.signing.actions import DeleteObject, HeadObject
from service.signing.post_policy import PostObject, presign_form
from service.signing.signer import SignedCall

_FILE: Final = b"presign check"
_EXPIRES_IN: Final = 60
_INSTEAD: Final = "grant `upload` instead of `form`: see docs/stores.md"


def form_grant(bucket: SignedBucket, name: str) -> Grant | None:
    """Return a grant of one key that ends in `name`, where a caller may send forms.

    None if no caller may, or if the store is AWS, which keeps what a form uploads, or R2, which
    takes none.
    """
    granted = [grant for grant in bucket.grants if Operation.FORM in grant.allow]
    if bucket.is_at_aws or bucket.kind.has_tokens or not granted:
        return None
    prefix = next((each.prefix for each in granted if each.covers_subtree), "")
    key = without_placeholders(prefix, lambda _: "presign-check") + name
    return Grant(bucket=bucket.name, prefix=key, allow=frozenset({Operation.FORM}))


def form_policy(bucket: SignedBucket, grant: Grant) -> str | None:
    """Return the session policy that a caller with this grant alone gets, if there is one."""
    return session_policy([grant], bucket.arns) if bucket.is_scoped else None


async def check_form(
    store: S3Client,
    sender: StoreAccess,
    readers: Sequence[StoreAccess],
    *,
    bucket: SignedBucket,
    key: str,
) -> list[Result]:
    """Upload to `key` as `sender`. The first of `readers` that may looks for the object.

    The object is deleted again. If no reader may do that, a result names it.
    """
    probe = _Probe(store, readers, bucket.name, key)
    try:
        await _send(store, sender, bucket, key)
    except S3Error as error:
        text = f"the store refused a form that a caller may send ({error.code}); {_INSTEAD}"
        return [Result("error", probe.at, text)]
    except PresignError as error:
        return [Result("warning", probe.at, f"no form could be tried: {error.detail}")]
    return [await probe.look(), *await probe.clean_up()]


async def _send(store: S3Client, sender: StoreAccess, bucket: SignedBucket, key: str) -> None:
    size = len(_FILE)
    now = sender.validity.now
    call = SignedCall("PutObject", (key,))
    fields = presign_form(
        sender.internal_signer.for_call(call, now=now, expires_in=_EXPIRES_IN),
        PostObject(min_content_length=size, max_content_length=size),
        key,
        bucket=bucket.s3_bucket,
        encryption=bucket.encryption,
        now=now,
        expires_in=_EXPIRES_IN,
    )
    posted, body = filled_in(fields, _FILE)
    await store.send(sender, posted, bucket=bucket.name, body=body)


class _Probe:
    """The object that the form should have made."""

    def __init__(
        self, store: S3Client, readers: Sequence[StoreAccess], bucket: str, key: str
    ) -> None:
        self.at: Path = ("buckets", bucket)
        self._store = store
        self._readers = readers
        self._bucket = bucket
        self._key = key
        self._version: str | None = None
        self._is_missing = False

    async def look(self) -> Result:
        reason = ""
        for reader in self._readers:
            try:
                found = await self._send(reader, HeadObject())
            except S3Error as error:
                if error.status == httpx.codes.NOT_FOUND:
                    self._is_missing = True
                    text = f"the store accepts a caller's form and stores nothing; {_INSTEAD}"
                    return Result("error", self.at, text)
                reason = error.code
            except PresignError as error:
                reason = error.detail
            else:
                self._version = found.headers.get("x-amz-version-id")
                return Result("works", self.at, "what a form uploads is stored")
        text = f"a form was accepted, but it is unknown whether its file was stored ({reason})"
        return Result("warning", self.at, f"{text}; try with credentials that may")

    async def clean_up(self) -> list[Result]:
        if self._is_missing:
            return []
        for reader in self._readers:
            with suppress(S3Error, PresignError):
                await self._send(reader, DeleteObject(version_id=self._version))
                return []
        text = f"{quoted(self._key)} could not be deleted: delete it"
        return [Result("warning", self.at, text)]

    async def _send(self, reader: StoreAccess, action: HeadObject | DeleteObject) -> Reply:
        return await self._store.send(reader, action, bucket=self._bucket, key=self._key)
