"""Callers whose tokens API Gateway has verified: a JWT authorizer puts the claims into the event.

Only the APIs that the configuration names are trusted, each for its issuer. Claims lose their types
in an event: the number 5 becomes the text "5", and a list becomes "[a b]". So an issuer whose
claims are part of prefixes is never trusted this way; its tokens are verified here.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from service.access.callers import Identity
from service.access.grants import Caller
from service.auth.tokens import LEEWAY, Issuer, verified_claims
from service.concurrency.bounded_dict import BoundedDict

MAX_IDENTITIES: Final = 4096
_TIMES: Final = ("exp", "iat", "nbf")
_REQUIRED: Final = {"exp", "iat", "sub"}


class GatewayIdentities:
    def __init__(self, issuers: Iterable[tuple[Issuer, frozenset[str]]]) -> None:
        """Each issuer comes with the ids of the APIs that verify its tokens."""
        self._issuers = [each for each in issuers if not each[0].pointers]
        # The caches of a caller are keyed by this object, so it must stay the same one.
        self._known: BoundedDict[Caller, Identity] = BoundedDict(MAX_IDENTITIES)

    def find(self, api_id: str, claims: Mapping[str, Any], now: float) -> Identity | None:
        """Return the caller that the claims name, or None if they are not to be trusted.

        `now` is in epoch seconds.
        """
        for issuer, api_ids in self._issuers:
            if api_id in api_ids and claims.get("iss") == issuer.issuer:
                identity = _identity(claims, issuer, now)
                return None if identity is None else self._same(identity)
        return None

    def _same(self, identity: Identity) -> Identity:
        known = self._known.get(identity.caller)
        if known is None:
            self._known[identity.caller] = known = identity
        return known


def _identity(claims: Mapping[str, Any], issuer: Issuer, now: float) -> Identity | None:
    times = {name: _number(claims[name]) for name in _TIMES if name in claims}
    if issuer.audience not in _texts(claims.get("aud")) or not claims.keys() >= _REQUIRED:
        return None
    if not all(map(math.isfinite, times.values())):
        return None
    token = verified_claims({**claims, **times}, issuer)
    if token is None or token.expires_at + LEEWAY <= now or times.get("nbf", 0.0) > now + LEEWAY:
        return None
    return token.identity


def _texts(claim: object) -> list[str]:
    """Return the values of a claim, which in an event is a text, or a list written as "[a b]"."""
    if not isinstance(claim, str):
        return []
    is_list = claim.startswith("[") and claim.endswith("]")
    return claim[1:-1].split(" ") if is_list else [claim]


def _number(claim: object) -> float:
    try:
        return float(claim) if isinstance(claim, str | int | float) else math.nan
    except (ValueError, OverflowError):
        return math.nan
