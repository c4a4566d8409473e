"""Whether a signature is of a request, by the secret of the session that made it."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import chain, islice
from typing import Final

from service.diagnosis.bucket_lookup import BucketLocation
from service.diagnosis.hypotheses import hypotheses
from service.diagnosis.request import Pairs, ParsedRequest
from service.diagnosis.url_repair import whole_signature
from service.signing import sigv4
from service.signing.sigv4 import Credentials, SigningState

MAX_TRIED: Final = 700
_MAX_BYTES: Final = 2_000_000  # hashed in all; a request of usual size has some 2,000
_ENCODING_COSTS: Final = 8  # times as much as hashing the same bytes
_HEADER_BYTES: Final = 100  # what a header costs, as bytes that are hashed


class Verdict(Enum):
    UNKNOWN = auto()  # no secret, or not all is told that was signed
    RIGHT = auto()
    OTHER = auto()  # it is the signature of another request, which is known
    NONE = auto()  # of no request that was tried


@dataclass(frozen=True, slots=True)
class Proof:
    verdict: Verdict
    signed: ParsedRequest | None = field(default=None, repr=False)


class Verifier:
    """For one signature; what requests have in common is encoded once."""

    def __init__(self, credentials: Credentials, signature: str) -> None:
        self._credentials = credentials
        self._signature = signature
        self._states: dict[tuple[str, str, str], SigningState] = {}
        self._queries: dict[Pairs, str] = {}
        self._paths: dict[str, str] = {}
        self._left = _MAX_BYTES

    @property
    def is_spent(self) -> bool:
        return self._left <= 0

    def verifies(self, sent: ParsedRequest) -> bool:
        """Never of a request of which a signed header is not known."""
        scope, date = sent.scope, sent.parameter("x-amz-date")
        if scope is None or date is None:
            return False
        headers = {name: sent.header(name) for name in sent.signed_headers}
        known = {name: value for name, value in headers.items() if value is not None}
        if len(known) < len(headers):
            return False
        request = sigv4.canonical_request(
            sent.method, self._path(sent), self._query(sent), known, sigv4.UNSIGNED_PAYLOAD
        )
        self._left -= len(request) + _HEADER_BYTES * len(known)
        place = scope[1:]
        string = sigv4.string_to_sign(date, sigv4.credential_scope(*place), request)
        return hmac.compare_digest(self._state(place).signature(string), self._signature)

    def _state(self, scope: tuple[str, str, str]) -> SigningState:
        if scope not in self._states:
            key = sigv4.signing_key(self._credentials.secret_access_key, *scope)
            self._states[scope] = SigningState(key)
        return self._states[scope]

    def _query(self, sent: ParsedRequest) -> str:
        if (query := self._queries.get(sent.parameters)) is None:
            query = sigv4.canonical_query(sent.signed_parameters)
            self._queries[sent.parameters] = query
            self._left -= len(query) * _ENCODING_COSTS
        return query

    def _path(self, sent: ParsedRequest) -> str:
        if (path := self._paths.get(sent.path)) is None:
            path = self._paths[sent.path] = sent.canonical_path
            self._left -= len(path) * _ENCODING_COSTS
        return path


def prove(
    sent: ParsedRequest,
    told: Iterable[ParsedRequest],
    *,
    credentials: Credentials | None,
    place: BucketLocation | None,
) -> Proof:
    """`sent` is what the store received, as far as that is known; `told`, what else may be the truth."""
    signature = whole_signature(sent)
    if credentials is None or signature is None:
        return Proof(Verdict.UNKNOWN)
    verifier = Verifier(credentials, signature)
    if verifier.verifies(sent):
        return Proof(Verdict.RIGHT, sent)
    for each in islice(chain(told, hypotheses(sent, place)), MAX_TRIED):
        if verifier.verifies(each):
            return Proof(Verdict.OTHER, each)
        if verifier.is_spent:
            break
    return Proof(Verdict.UNKNOWN if sent.untold_headers else Verdict.NONE)
