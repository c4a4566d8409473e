"""Copies inside the store, and moves: a copy, then a deletion of what was copied."""

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from presign_client.calls import Calls
from presign_client.errors import FATAL, PRECONDITION_FAILED, SOURCE_CHANGED, PresignError
from presign_client.retries import TemporaryError
from presign_client.signed import SignedRequest
from presign_client.store import COPY_SOURCE_CHANGED, COPY_SOURCE_GONE, REFUSED, RETRYABLE_CODES

if TYPE_CHECKING:
    from presign_client.results import Copied
    from presign_client.store_http import Answer

_CHANGED_SINCE = "The object was changed after it was copied. Both are kept."


class CopyCalls(Calls):
    """The part of `Presign` that copies and moves."""

    def copy_url(
        self,
        bucket: str,
        key: str,
        source_key: str,
        *,
        source_bucket: str | None = None,
        version_id: str | None = None,
        etag: str | None = None,
        overwrite: bool = False,
        expires_in: int | None = None,
    ) -> SignedRequest:
        """Return a signed PUT that copies an object to `key`. It has no body.

        The copy exists if the store's answer has a `CopyObjectResult`: it may have an error
        instead, also with the status 200.
        """
        members = {
            "key": source_key,
            "bucket": source_bucket,
            "version_id": version_id,
            "etag": etag,
        }
        return self._api.signed(
            "copy-urls",
            bucket=bucket,
            key=key,
            source={name: value for name, value in members.items() if value is not None},
            overwrite=overwrite or None,
            expires_in=expires_in,
        )

    def copy(
        self,
        bucket: str,
        key: str,
        target_key: str,
        *,
        target_bucket: str | None = None,
        version_id: str | None = None,
        etag: str | None = None,
        overwrite: bool = False,
    ) -> "Copied":
        """Copy an object to another key, and perhaps bucket, inside the store.

        With `etag` only that content is copied. Raises `object_exists` if there is another object,
        unless `overwrite`; `source_changed` if the source has another ETag; `precondition_failed`
        if it is one of both, and the source cannot be looked at; `not_found` if there is no source;
        `copy_too_large` over 5 GiB, which S3 does not copy at once.
        """
        from presign_client.results import Copied

        place = target_bucket or bucket

        def sign() -> SignedRequest:
            return self.copy_url(
                place,
                target_key,
                key,
                source_bucket=bucket,
                version_id=version_id,
                etag=etag,
                overwrite=overwrite,
            )

        def attempt(_: int) -> bytes:
            with self._store.answer(sign()) as answer:
                answer.read()
            _refuse_error_of_success(answer)
            return answer.content

        try:
            document = self._store.retries.run(attempt)
        except PresignError as error:
            # AWS denies a copy of what is gone: the session that copies may not list.
            denied = error.code == REFUSED and error.status == 403
            if not denied and error.code != PRECONDITION_FAILED:
                raise
            raise self._cause(error, bucket, key, version_id, etag) from None
        found = re.search(rb"<ETag>(?:&quot;|&#34;|\")?([^<&\"]+)", document)
        copied = found[1].decode("ascii", "replace") if found else None
        return Copied(bucket=place, key=target_key, etag=copied and f'"{copied}"')

    def move(
        self,
        bucket: str,
        key: str,
        target_key: str,
        *,
        target_bucket: str | None = None,
        etag: str | None = None,
        overwrite: bool = False,
    ) -> "Copied":
        """Copy an object as `copy` does, and delete the original once the copy exists.

        What fails leaves the original. It is deleted only if it is still what was copied, where
        the store obeys `If-Match`. In a bucket with versions, its versions stay.
        """
        if (target_bucket or bucket, target_key) == (bucket, key):
            raise PresignError("invalid_request", "An object is not moved onto itself.", 422)
        etag = etag or self._etag(bucket, key)
        copied = self.copy(
            bucket, key, target_key, target_bucket=target_bucket, etag=etag, overwrite=overwrite
        )
        self._delete_copied(bucket, key, etag)
        return copied

    def _cause(
        self, error: PresignError, bucket: str, key: str, version_id: str | None, etag: str | None
    ) -> PresignError:
        """Return why a copy failed, by what the source is now."""
        try:
            now = self._etag(bucket, key, version_id)
        except PresignError as unseen:
            if unseen.code == "not_found":
                return PresignError("not_found", COPY_SOURCE_GONE, unseen.status)
            return unseen if unseen.code in FATAL else error
        if error.code != PRECONDITION_FAILED or etag is None:
            return error
        if now.strip('"') != etag.strip('"'):
            return PresignError(SOURCE_CHANGED, COPY_SOURCE_CHANGED, error.status)
        return PresignError("object_exists", "The target of the copy exists.", error.status)

    def _etag(self, bucket: str, key: str, version_id: str | None = None) -> str:
        """Return what the object is now. Without a grant for `head`, the start of a GET says it."""
        try:
            head = self._store.send(lambda: self.head_url(bucket, key, version_id=version_id))
            return _shown_etag(head)
        except PresignError as error:
            if error.code != "forbidden":
                raise

        def ask(_: int) -> str:
            signed = self.download_url(bucket, key, version_id=version_id)
            with self._store.answer(signed) as answer:
                return _shown_etag(answer)

        return self._store.retries.run(ask)

    def _delete_copied(self, bucket: str, key: str, etag: str) -> None:
        def sign() -> SignedRequest:
            signed = self.delete_url(bucket, key)
            return replace(signed, headers={**signed.headers, "if-match": etag})

        try:
            self._store.send(sign)
        except PresignError as error:
            if error.code == "not_found":  # deleted already, perhaps by a lost answer's request
                return
            if error.status == 412:
                raise PresignError(SOURCE_CHANGED, _CHANGED_SINCE, error.status) from None
            raise


def _shown_etag(answer: "Answer") -> str:
    etag = answer.headers.get("etag")
    if etag is None:
        raise PresignError("storage_refused", "The store shows no ETag. Give `etag`.")
    return etag


def _refuse_error_of_success(answer: "Answer") -> None:
    """S3 may find an error after it has sent the status 200: …/latest/API/API_CopyObject.html."""
    if b"CopyObjectResult" in answer.content:
        return
    found = re.search(rb"<Code>([A-Za-z0-9]{1,64})</Code>", answer.content)
    code = found[1].decode() if found else ""
    detail = f"The store did not copy{f': {code}' if code else ''}."
    if code in RETRYABLE_CODES or not code:
        raise TemporaryError(PresignError("storage_unavailable", detail, answer.status))
    raise PresignError("storage_refused", detail, answer.status)
