"""The SHA-256 of an index's files, from the checksums that the store has verified at their upload.

A listing has no checksums, so each file takes a HEAD, for callers that may `check`. What is known
of an object stays: the same key, ETag and time in a later listing are the same bytes.
"""

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from typing import Final

from service.access.decisions import allows
from service.access.grants import AccessRequest, Operation
from service.concurrency.bounded_dict import BoundedDict
from service.errors import RateLimited, StorageRefused, StorageUnavailable
from service.multipart.object_checks import ObjectChecks, ObjectExpectation
from service.presigning.authorizer import Authorizer
from service.presigning.requests import Requester
from service.presigning.results import CheckedObject
from service.s3.listing_xml import ListedObject

MAX_CHECKED: Final = 100  # by one request, the newest files first: the next one goes on
_MAX_KNOWN: Final = 20_000  # some 400 bytes each
_SHA256_BYTES: Final = 32
_Known = tuple[str, str, str, str]  # bucket, key, ETag and time


class FileHashes:
    def __init__(self, authorizer: Authorizer, checks: ObjectChecks) -> None:
        self._authorizer = authorizer
        self._checks = checks
        self._known = BoundedDict[_Known, str | None](_MAX_KNOWN)

    async def sha256(
        self, requester: Requester, bucket: str, prefix: str, objects: Sequence[ListedObject]
    ) -> Mapping[str, str]:
        """Return the SHA-256 of objects below `prefix`, in hex by key, as far as it is known.

        Each look-up counts as one URL against the caller's rate, of which one request takes at most
        half: the files are still to be downloaded. Without enough of it, or if the store refuses
        them, only what is known already is returned: an index works without hashes. Raises
        CredentialsUnavailable and Overloaded.
        """
        wanted = AccessRequest(operation=Operation.CHECK, bucket=bucket, key=prefix, is_prefix=True)
        access = self._authorizer.access(requester)
        if not allows(access.grants, wanted):
            return {}
        most = MAX_CHECKED if access.rate is None else min(MAX_CHECKED, access.rate.urls // 2)
        new = [listed for listed in objects if _id(bucket, listed) not in self._known]
        if new and most:
            new.sort(key=lambda listed: listed.last_modified, reverse=True)
            await self._check(requester, bucket, prefix, new[:most])
        found = {listed.key: self._known.get(_id(bucket, listed)) for listed in objects}
        return {key: sha256 for key, sha256 in found.items() if sha256 is not None}

    async def _check(
        self, requester: Requester, bucket: str, prefix: str, objects: Sequence[ListedObject]
    ) -> None:
        expected = [ObjectExpectation(bucket=bucket, key=listed.key) for listed in objects]
        try:
            checked = await self._checks.check_all(requester, prefix, expected)
        except (RateLimited, StorageRefused, StorageUnavailable):
            return
        for listed, found in zip(objects, checked, strict=True):
            if found is not None and found.etag == listed.etag:  # else it has just been replaced
                self._known[_id(bucket, listed)] = _sha256(found)


def _id(bucket: str, listed: ListedObject) -> _Known:
    return bucket, listed.key, listed.etag, listed.last_modified


def _sha256(found: CheckedObject) -> str | None:
    """Return the digest of the whole object in hex. That of a multipart upload is composite."""
    try:
        digest = b64decode(found.checksums.get("SHA256", ""), validate=True)
    except NotBase64:
        return None
    return digest.hex() if len(digest) == _SHA256_BYTES else None
