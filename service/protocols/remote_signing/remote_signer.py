"""Signs the headers of a client's own request to S3."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Final

from service.access.grants import AccessRequest, Operation, decision_scope
from service.concurrency.event_loop import run_in_thread_if
from service.errors import Forbidden, InvalidRequest, Overloaded, PresignError
from service.presigning.audit import Requester
from service.presigning.authorizer import AuthorizedAccess, Authorizer
from service.presigning.requests import StoreRequest
from service.presigning.results import SignedHeaders
from service.presigning.snapshot import Snapshot
from service.protocols.remote_signing import policy
from service.protocols.remote_signing.accesses import (
    access_requests,
    of_deletions,
    of_unknown_deletions,
)
from service.protocols.remote_signing.deletions import deleted_objects
from service.protocols.remote_signing.policy import ENCRYPTION, S3Call
from service.protocols.remote_signing.uris import Place, S3Uri, SplitUri, places, read_uri
from service.sessions.lifetime import Lifetime
from service.signing.header_signatures import (
    HEADER_SIGNATURE_SECONDS,
    PAYLOAD_HASH,
    HeaderRequest,
    sign_headers,
)

_LIFETIME: Final = Lifetime(expires_in=HEADER_SIGNATURE_SECONDS)
_LONG_BODY: Final = 64 * 1024  # takes about 2 ms to parse
_HASHES: Final = frozenset({PAYLOAD_HASH})
_READS: Final = frozenset({"GET", "HEAD"})
_CONDITIONS: Final = frozenset({"if-match", "if-none-match"})
_UNSEEN_KEYS: Final = (
    "The keys of DeleteObjects must be in `body`, and its hash in the signature: this bucket's "
    "sessions are not the caller's own. PyIceberg sends no body; delete the files one by one."
)


@dataclass(slots=True, kw_only=True)
class ClientRequest:
    """A request to S3 that a client is about to send. `headers` have the client's spelling."""

    region: str
    method: str
    uri: str
    headers: Mapping[str, Sequence[str]] = field(repr=False)
    body: str | None = field(default=None, repr=False)


@dataclass(slots=True, kw_only=True)
class _Judged:
    """A request that may be signed if `accesses` are granted. `keys` are for the audit line."""

    snapshot: Snapshot
    call: S3Call
    accesses: list[AccessRequest]
    keys: str | Sequence[str]
    uri: S3Uri
    signed: dict[str, str]
    payload_hash: str


def places_of(snapshot: Snapshot) -> Mapping[str, tuple[Place, ...]]:
    """Return where clients reach each bucket, by its name in the configuration."""
    return {
        name: places(each.address, each.s3_bucket, is_scoped=each.arns is not None)
        for name, each in snapshot.buckets.items()
    }


@dataclass(slots=True)
class RemoteSigner:
    """`places` change with the configuration."""

    authorizer: Authorizer
    places: Mapping[str, tuple[Place, ...]]

    async def sign(
        self, requester: Requester, request: ClientRequest, *, bucket: str | None, route: str
    ) -> SignedHeaders:
        """Return the headers to add. Without `bucket`, the URI says which one it is.

        Raises what `Authorizer.sign_and_audit` raises, and InvalidRequest for what is not signed.
        """
        try:
            judged = await self._judge(requester, request, bucket)
        except PresignError as refusal:
            await self.authorizer.record_unread(requester, route, refusal)
            raise
        audited = StoreRequest(
            action=judged.call.action,
            access_request=judged.accesses[0],
            upload_id=judged.uri.parameters.get("uploadId"),
            lifetime=_LIFETIME,
        )
        urls = 1 if isinstance(judged.keys, str) else max(1, len(judged.keys))
        sign = partial(self._sign, requester, request.method, judged)
        return await self.authorizer.sign_and_audit(
            requester, audited, judged.keys, sign, urls=urls
        )

    async def _judge(
        self, requester: Requester, request: ClientRequest, bucket: str | None
    ) -> _Judged:
        snapshot = self.authorizer.snapshot
        name, place, split = self._find(requester, request.uri, bucket)
        configured = snapshot.buckets[name]
        if request.region != configured.address.region:
            raise InvalidRequest("The region is not the bucket's.")
        uri = read_uri(split, place)
        headers = policy.lower_names(request.headers)
        copies = policy.COPY_SOURCE in headers
        call = policy.find_call(request.method, uri.key, uri.parameters, copies=copies)
        is_read = request.method in _READS
        signed = policy.signed_headers(call, uri.host, headers, is_read=is_read)
        of_body = None if request.body is None else sha256(request.body.encode()).hexdigest()
        payload_hash = policy.payload_hash(signed, of_body)
        keys: str | Sequence[str] = uri.parameters.get("prefix", uri.key)
        if call.action != "DeleteObjects":
            accesses = access_requests(call, name, configured.s3_bucket, uri, signed)
            keys = [each.key for each in accesses] if copies else keys
        elif request.body is not None:
            is_long = len(request.body) > _LONG_BODY
            objects = await run_in_thread_if(is_long, deleted_objects, request.body)
            accesses, keys = of_deletions(name, objects), [key for key, _ in objects]
        else:
            accesses = [of_unknown_deletions(name, self.authorizer.access(requester).grants)]
            keys = []
        if call.action == "DeleteObjects" and configured.arns is None and payload_hash != of_body:
            raise InvalidRequest(_UNSEEN_KEYS)
        return _Judged(
            snapshot=snapshot,
            call=call,
            accesses=accesses,
            keys=keys,
            uri=uri,
            signed=signed,
            payload_hash=payload_hash,
        )

    def _find(
        self, requester: Requester, uri: str, bucket: str | None
    ) -> tuple[str, Place, SplitUri]:
        """Return the bucket that a URI is in, among those with a grant for `sign`.

        Raises Forbidden if the caller may sign nothing there, and InvalidRequest if the URI is not
        that of the one bucket that was named.
        """
        grants = self.authorizer.access(requester).grants
        signing = dict.fromkeys(each.bucket for each in grants if Operation.SIGN in each.allow)
        names = [each for each in signing if bucket in {None, each}]
        if not names:
            raise Forbidden
        split = SplitUri.of(uri)
        for name in names:
            for place in self.places[name]:
                if split.is_at(place):
                    return name, place, split
        if bucket is None:
            raise Forbidden
        raise InvalidRequest("The URI is not that of the bucket: compare scheme, host and port.")

    def _sign(self, requester: Requester, method: str, judged: _Judged) -> SignedHeaders | None:
        """Return None while no session is available."""
        if self.authorizer.snapshot is not judged.snapshot:
            raise Overloaded("The configuration has just changed.", retry_after=1)
        granted = self._authorize(requester, judged.accesses)
        bucket, signed = granted.bucket, judged.signed
        if not signed.keys().isdisjoint(_CONDITIONS):
            bucket.refuse_create_only()
        added: dict[str, str] = {}
        if ENCRYPTION in judged.call.headers:
            sent = {name: value for name, value in signed.items() if name.startswith(ENCRYPTION)}
            added = {} if sent else bucket.encryption_headers
            bucket.check_encryption(sent or added)
        if (signing_grant := self.authorizer.signing_grant(granted, _LIFETIME)) is None:
            return None
        request = HeaderRequest(
            method=method,
            host=judged.uri.host,
            path=judged.uri.path,
            query=judged.uri.query,
            headers={**signed, **added},
            payload_hash=judged.payload_hash,
        )
        signing, validity = signing_grant.signing, signing_grant.validity
        return SignedHeaders(
            headers={**sign_headers(signing.signer, request, now=validity.now), **added},
            covers_only_url=method in _READS and signed.keys() <= _HASHES,
            validity=validity,
            session=signing.session,
        )

    def _authorize(self, requester: Requester, accesses: list[AccessRequest]) -> AuthorizedAccess:
        """Raises Forbidden, LimitExceeded or InvalidRequest unless all of them are granted.

        Keys with the same decision are decided once: a thousand decisions take 2 ms.
        """
        granted = self.authorizer.authorize(requester, accesses[0])
        if len(accesses) == 1:
            return granted
        grants, decided = self.authorizer.access(requester).grants, accesses[0]
        scope = decision_scope(grants, decided)
        for each in accesses[1:]:
            is_alike = (each.operation, each.version) == (decided.operation, decided.version)
            if not (is_alike and scope is not None and scope.contains(each.key)):
                self.authorizer.authorize(requester, each)
                decided, scope = each, decision_scope(grants, each)
        return granted
