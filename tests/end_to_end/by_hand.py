"""Requests signed by hand, with the session that the service itself would sign with.

Callers never get such a session. These requests bypass our grants, so any refusal is the store's.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import aioboto3
import httpx

from service.access.callers import Identity
from service.access.grants import Caller, Operation
from service.app import builders, session_sources
from service.app.settings import Settings
from service.clock import SystemClock
from service.presigning.caller_access import Copying
from service.presigning.snapshot import Snapshot
from service.s3.endpoints import resolve
from service.sessions.pool_entry import SessionKey
from service.sessions.session import Session
from service.sessions.sts import AssumedRole
from service.sessions.sts_clients import StsClients
from service.signing.actions import DeleteObject, GetObject, HeadObject, ListObjects, PutObject
from service.signing.multipart_actions import CreateMultipartUpload
from service.signing.post_policy import PostObject, presign_form
from service.signing.signer import Signable, Signer
from tests.support.service import SignedRequest, make_caller, make_settings, post_form, send
from tests.support.stores import BODY, Store

KEY_OF_A: Final = "key-of-a"
KEY_OF_B: Final = "key-of-b"
CALLERS: Final = [
    make_caller("a", KEY_OF_A, "a/"),
    make_caller("b", KEY_OF_B, "b/"),
    make_caller("reader", "key-of-reader", "a/", allow=["download"]),
    make_caller("lister", "key-of-lister", "a/", allow=["list"]),
    make_caller("one-key", "key-of-one", "a/only.txt", allow=["download", "upload"]),
]


@dataclass(frozen=True)
class HandSigner:
    """Signs any action on one bucket."""

    signer: Signer
    s3_bucket: str

    def send(
        self,
        action: Signable,
        key: str = "",
        body: bytes | None = None,
        more_headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """`more_headers` are not signed."""
        url = self.signer.presign(action, key, now=int(time.time()), expires_in=300)
        headers = {**action.headers(), **(more_headers or {})}
        return send(SignedRequest(action.METHOD, url, headers, {}), body)

    def put(
        self, key: str, more_headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        action = PutObject(content_length=len(BODY), **{"overwrite": True, **more})
        return self.send(action, key, BODY, more_headers)

    def submit(self, key: str) -> httpx.Response:
        """Submit a form, with a policy for exactly this key."""
        form = PostObject(max_content_length=len(BODY), content_type="text/plain")
        signed = presign_form(
            self.signer,
            form,
            key,
            bucket=self.s3_bucket,
            encryption=None,
            now=int(time.time()),
            expires_in=300,
        )
        address = self.signer.address
        return post_form(f"{address.origin}{address.bucket_path}", signed, BODY)


OPERATIONS: Final[Mapping[str, Callable[[HandSigner, str], httpx.Response]]] = {
    "download": lambda signer, key: signer.send(GetObject(), key),
    "head": lambda signer, key: signer.send(HeadObject(), key),
    "upload": lambda signer, key: signer.put(key),
    "form": lambda signer, key: signer.submit(key),
    "list": lambda signer, key: signer.send(ListObjects(prefix=key)),
    "delete": lambda signer, key: signer.send(DeleteObject(), key),
    "multipart": lambda signer, key: signer.send(CreateMultipartUpload(), key),
}


@dataclass(frozen=True)
class CallerSessions:
    """The sessions that the service would use for its callers, at one store."""

    settings: Settings
    snapshot: Snapshot
    store: Store
    _signers: dict[SessionKey, HandSigner] = field(default_factory=dict)

    def signer(
        self,
        name: str | None,
        bucket: str = "objects",
        operation: str = "download",
        *,
        is_copy: bool = False,
    ) -> HandSigner:
        """Return the signer for the API key `name`, or with None, for the bucket's own session.

        It is of the session that signs the operation.
        """
        key = self._session_key(name, bucket, Operation(operation), is_copy=is_copy)
        if key not in self._signers:
            session = asyncio.run(self._session(key))
            known = self.snapshot.buckets[bucket]
            signer = Signer(session.credentials, known.address)
            self._signers[key] = HandSigner(signer, known.s3_bucket)
        return self._signers[key]

    def _session_key(
        self, name: str | None, bucket: str, operation: Operation, *, is_copy: bool
    ) -> SessionKey:
        if name is None:
            return SessionKey(bucket, None, self.snapshot.buckets[bucket].probe_policy)
        access = self.snapshot.access(Identity(Caller(issuer=None, subject=name)))
        if is_copy:
            return access.copying[Copying(bucket)].key
        return access.session_key(bucket, operation, None)

    async def _session(self, key: SessionKey) -> Session:
        role = session_sources.role(self.settings.buckets[key.bucket], None)
        base = aioboto3.Session(**self.store.credentials)
        async with AsyncExitStack() as stack:
            sts = await StsClients(base, stack).for_role(role)
            return await AssumedRole(sts, role, SystemClock()).fetch(key.owner, key.policy)


def caller_sessions(store: Store, callers: list[dict[str, Any]], **bucket: Any) -> CallerSessions:
    settings = Settings.model_validate(make_settings(store, callers, **bucket))
    addresses = resolve(builders.locations(settings), in_process=True).addresses
    return CallerSessions(
        settings, builders.snapshot(settings, addresses, SystemClock().wall), store
    )


def is_denied(answer: httpx.Response) -> bool:
    """Whether the store denied access, and for no other reason. A HEAD has no body to check."""
    reported = "AccessDenied" in answer.text or answer.request.method == "HEAD"
    return answer.status_code == 403 and reported
