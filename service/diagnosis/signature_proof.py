"""Proves which request a signature was made for, with the secret of the session that made it."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from itertools import chain, islice
from typing import Final

from service.diagnosis.bucket_lookup import BucketLocation
from service.diagnosis.hypotheses import hypotheses
from service.diagnosis.request import METHODS, Pairs, ParsedRequest
from service.diagnosis.url_repair import whole_signature
from service.signing import sigv4
from service.signing.sigv4 import Credentials, SigningState

MAX_TRIED: Final = 700
_BUDGET: Final = 2_000_000  # bytes to hash; a usual request has some 2,000
_ENCODING_COST: Final = 8  # encoding a byte costs as much as hashing this many
_HEADER_COST: Final = 100  # a header costs as much as hashing this many bytes


class Verdict(Enum):
    UNKNOWN = auto()  # the secret or a signed header is not known
    RIGHT = auto()
    OTHER = auto()  # the signature of another request, which was found
    NONE = auto()  # the signature of no request that was tried


@dataclass(frozen=True, slots=True)
class Proof:
    verdict: Verdict
    signed: ParsedRequest | None = field(default=None, repr=False)


class Verifier:
    """Verifies requests against one signature. Encodes what they have in common only once."""

    def __init__(self, credentials: Credentials, signature: str) -> None:
        self._credentials = credentials
        self._signature = signature
        self._states: dict[tuple[str, str, str], SigningState] = {}
        self._queries: dict[Pairs, str] = {}
        self._paths: dict[str, str] = {}
        self._budget = _BUDGET

    @property
    def is_spent(self) -> bool:
        return self._budget <= 0

    def verifies(self, request: ParsedRequest) -> bool:
        """False if the method or a signed header of the request is not known."""
        scope, date, method = request.scope, request.parameter("x-amz-date"), request.method
        if scope is None or date is None or method is None:
            return False
        headers: dict[str, str] = {}
        for name in request.signed_headers:
            value = request.header(name)
            if value is None:
                return False
            headers[name] = value
        canonical = sigv4.canonical_request(
            method,
            self._path(request),
            self._query(request),
            headers,
            sigv4.UNSIGNED_PAYLOAD,
        )
        self._budget -= len(canonical) + _HEADER_COST * len(headers)
        of_key = scope[1:]
        text = sigv4.string_to_sign(date, sigv4.credential_scope(*of_key), canonical)
        return hmac.compare_digest(self._state(of_key).signature(text), self._signature)

    def _state(self, scope: tuple[str, str, str]) -> SigningState:
        if scope not in self._states:
            key = sigv4.signing_key(self._credentials.secret_access_key, *scope)
            self._states[scope] = SigningState(key)
        return self._states[scope]

    def _query(self, request: ParsedRequest) -> str:
        if (query := self._queries.get(request.parameters)) is None:
            query = sigv4.canonical_query(request.signed_parameters)
            self._queries[request.parameters] = query
            self._budget -= len(query) * _ENCODING_COST
        return query

    def _path(self, request: ParsedRequest) -> str:
        if (path := self._paths.get(request.path)) is None:
            path = self._paths[request.path] = request.canonical_path
            self._budget -= len(path) * _ENCODING_COST
        return path


def prove(
    received: ParsedRequest,
    alternatives: Iterable[ParsedRequest],
    *,
    credentials: Credentials | None,
    location: BucketLocation | None,
) -> Proof:
    """Tries `received` first, then `alternatives`, then up to MAX_TRIED hypotheses.

    A request of unknown method is right if it is right with one of the methods.
    """
    signature = whole_signature(received)
    if credentials is None or signature is None:
        return Proof(Verdict.UNKNOWN)
    verifier = Verifier(credentials, signature)
    methods = METHODS if received.method is None else (received.method,)
    for method in methods:
        if verifier.verifies(right := replace(received, method=method)):
            return Proof(Verdict.RIGHT, right)
    likeliest = replace(received, method=received.likely_method)
    for tried in islice(chain(alternatives, hypotheses(likeliest, location)), MAX_TRIED):
        if verifier.verifies(tried):
            return Proof(Verdict.OTHER, tried)
        if verifier.is_spent:
            break
    return Proof(Verdict.UNKNOWN if received.unreported_headers else Verdict.NONE)
