"""Why a token is not accepted, for the operator who checks it. Pure.

The service itself never says why, since that helps an attacker. These checks put into words what
`tokens.verify` does, which alone decides.
"""

from collections.abc import Iterator
from typing import Any, Final

from service.access.claims import Claims
from service.auth.tokens import LEEWAY, MAX_SUBJECT_LENGTH, REQUIRED, Issuer
from service.clock import rfc3339
from service.config.quoting import quoted

_TIMES: Final = ("exp", "iat", "nbf")


def refusals(claims: Claims, issuer: Issuer, now: float) -> Iterator[str]:
    """Yield what is wrong with the claims of a token of this `iss`. `now` is in epoch seconds."""
    missing = [name for name in REQUIRED if name not in claims]
    if missing:
        yield f"it has no {', '.join(f'`{name}`' for name in missing)}"
        return
    if wrong := [name for name in _TIMES if not _is_time(claims.get(name, 0))]:
        yield f"its `{wrong[0]}` is no number"
        return
    yield from _wrong_times(claims, issuer, now)
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if issuer.audience not in audiences:
        found = ", ".join(map(quoted, audiences[:3]))
        yield f"its `aud` is {found}, and `audience` of {issuer.name} is {quoted(issuer.audience)}"
    subject = claims["sub"]
    if not isinstance(subject, str) or not subject.isprintable():
        yield "its `sub` is no printable text"
    elif not 0 < len(subject) <= MAX_SUBJECT_LENGTH:
        yield f"its `sub` has {len(subject)} characters, and 1 to {MAX_SUBJECT_LENGTH} are accepted"


def _wrong_times(claims: Claims, issuer: Issuer, now: float) -> Iterator[str]:
    if claims["exp"] <= now - LEEWAY:
        yield f"it expired at {rfc3339(int(claims['exp']))}"
    if max(claims["iat"], claims.get("nbf", 0)) > now + LEEWAY:
        yield "it is not valid yet: its `iat` or `nbf` is in the future"
    if (seconds := claims["exp"] - claims["iat"]) > issuer.max_lifetime_seconds:
        yield (
            f"it lives {seconds:.0f} s, and `max_lifetime_seconds` of {issuer.name} is "
            f"{issuer.max_lifetime_seconds}"
        )


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
