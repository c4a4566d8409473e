"""What `presign check --as` says of a token: which entries match it, why, and what it may do."""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import jwt

from service.access import caller_description
from service.access.callers import CallerEntry, Identity, caller_name, grants_of, pointers
from service.access.claims import Claims, Fact, value_at
from service.app import builders
from service.app.configuration import issuers_of
from service.app.settings import Settings
from service.auth.jwks_client import JwksEndpoint, KeysUnavailable
from service.auth.tokens import (
    LEEWAY,
    MAX_SUBJECT_LENGTH,
    MAX_TOKEN_LENGTH,
    REQUIRED,
    Issuer,
    UnreadableKeys,
    parse_unverified_header,
    read_keys,
    token_of,
    verify,
)
from service.cli.check.callers import rights
from service.cli.check.protocols import CheckedProtocols
from service.cli.check.report import in_order
from service.cli.options import Loaded
from service.clock import rfc3339
from service.config.quoting import quoted
from service.errors import ConfigurationProblem

STANDARD_INPUT: Final = "-"
_NO_FILE: Final = (
    "--as takes a file with the token, or - for standard input; a token on the command line is "
    "seen by every user of the machine"
)
_TIMES: Final = ("exp", "iat", "nbf")
_Read = tuple[Issuer, Claims]


class TokenRefusedError(click.ClickException):
    """Ends the command with the reason. It has nothing of the token but `iss`, `aud` and times."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the token is not accepted: {reason}")


@dataclass(frozen=True, slots=True)
class Explained:
    """`entries` say of each entry of the issuer whether it matches, and why not."""

    caller: dict[str, Any]
    may: list[str]
    entries: list[ConfigurationProblem]
    signature_checked: bool

    def document(self) -> dict[str, Any]:
        entries = [
            {"path": each.path, "line": each.line, "message": each.message} for each in self.entries
        ]
        checked = {"signature_checked": self.signature_checked}
        return {**self.caller, "may": self.may, "entries": entries, **checked}

    def lines(self) -> Iterator[str]:
        name = f"{self.caller['subject']} of {self.caller['issuer']}"
        checked = "" if self.signature_checked else ", but its signature was not checked"
        yield f"the token is accepted{checked}: {name}"
        yield from map(str, self.entries)
        yield from (f"{name} may {each}" for each in self.may or ("do nothing",))


def read_token(source: str) -> str:
    """Return the token of a file or of standard input. An error never repeats `source`."""
    if source == STANDARD_INPUT:
        return sys.stdin.read().strip()
    try:
        return Path(source).read_text("utf-8").strip()
    except (OSError, ValueError):
        raise click.UsageError(_NO_FILE) from None


def explain(loaded: Loaded, token: str, now: float, *, offline: bool) -> Explained:
    """Return what the token may do now. `offline` does not check its signature.

    Raises TokenRefusedError.
    """
    settings, files, (addresses, _) = loaded
    entries = builders.caller_entries(settings)
    issuer, claims = _read(token, settings, entries, now)
    found = token_of(claims, issuer)
    identity = found.identity if offline and found else _verified(token, issuer, settings)
    matched = [entry for entry in entries if entry.matches(identity)]
    grants = grants_of(matched, identity)
    as_caller = CallerEntry(issuer=issuer.name, subject=identity.caller.subject, grants=grants)
    problems = _of_entries(settings, entries, identity, claims)
    return Explained(
        caller=caller_description.describe(identity, grants, matched),
        may=[*map(str, rights(CheckedProtocols(settings, addresses, entries), as_caller))],
        entries=in_order(problems, files),
        signature_checked=not offline,
    )


def _read(token: str, settings: Settings, entries: tuple[CallerEntry, ...], now: float) -> _Read:
    """Return the issuer that the token names, and its claims, of which nothing is verified."""
    if len(token) > MAX_TOKEN_LENGTH:
        text = f"it has {len(token):,} characters, and at most {MAX_TOKEN_LENGTH:,} are accepted"
        raise TokenRefusedError(text)
    if (header := parse_unverified_header(token)) is None:
        raise TokenRefusedError(
            "it is no JSON Web Token with `iss`, `kid` and an asymmetric signature; of an API key, "
            "--caller shows the rights by its name"
        )
    named = [name for name, each in settings.issuers.items() if each.issuer == header.issuer]
    if not named:
        raise TokenRefusedError(f"no issuer of the configuration has {quoted(header.issuer)}")
    claims: Claims = jwt.decode(token, options={"verify_signature": False})
    reasons = dict[str, str]()
    known = issuers_of(settings, entries)
    for name in named:
        issuer = known[name]
        if not (found := "; ".join(_refusals(claims, issuer, now))):
            return issuer, claims
        reasons[name] = found
    raise TokenRefusedError("; ".join(dict.fromkeys(reasons.values())))


def _verified(token: str, issuer: Issuer, settings: Settings) -> Identity:
    """Return the caller, if a key of the issuer has signed the token."""
    configured = settings.issuers[issuer.name]
    source = JwksEndpoint(
        configured.jwks_url, ca_file=configured.ca_file, bearer_file=configured.bearer_file
    )
    try:
        keys = read_keys(asyncio.run(source.fetch()))
    except (KeysUnavailable, UnreadableKeys) as error:
        text = f"the keys of issuer {issuer.name} cannot be read: {error}; --offline goes without"
        raise TokenRefusedError(text) from None
    header = parse_unverified_header(token)
    key = None if header is None else keys.get(header.kid)
    if key is None:
        raise TokenRefusedError(f"its `kid` is none of the keys of issuer {issuer.name}")
    if (found := verify(token, issuer=issuer, key=key)) is None:
        raise TokenRefusedError(f"its signature is not by the key of issuer {issuer.name}")
    return found.identity


def _of_entries(
    settings: Settings, entries: tuple[CallerEntry, ...], identity: Identity, claims: Claims
) -> Iterator[ConfigurationProblem]:
    for at, entry in zip(settings.caller_locations(), entries, strict=True):
        if entry.issuer != identity.caller.issuer:
            continue
        why = [*_why_not(entry, identity, claims)]
        what = f"does not match, because {'; '.join(why)}" if why else "matches"
        yield ConfigurationProblem(f"{what}: {caller_name(entry)}", at)
        for i, grant in enumerate(() if why else entry.grants):
            if lacking := set(pointers(grant.prefix)) - identity.claims.keys():
                text = f"does not apply: the token's {min(lacking)} is missing or unsuitable"
                yield ConfigurationProblem(f"{text} for a prefix", (*at, "grants", i))


def _why_not(entry: CallerEntry, identity: Identity, claims: Claims) -> Iterator[str]:
    if not entry.may_match(identity.caller):
        yield "the subject is another"
    for any_of in entry.claims:
        if identity.facts.isdisjoint(any_of):
            yield _unmet(any_of, claims, left_out=identity.claims_left_out)


def _unmet(any_of: tuple[Fact, ...], claims: Claims, *, left_out: bool) -> str:
    """Say why a condition does not hold, without the token's value."""
    pointer, value = any_of[0][0], value_at(claims, any_of[0][0])
    match value:
        case None if left_out:
            return f"the issuer left {pointer} out of the token, as of people in many groups"
        case None:
            return f"the token has no {pointer}"
        case list():
            count = "1 value" if len(value) == 1 else f"{len(value)} values"
            return f"{pointer} has {count}, and the entry names none of them"
        case str() | int():
            return f"{pointer} is another {'text' if isinstance(value, str) else 'value'}"
    return f"{pointer} is no value or list to compare"


def _refusals(claims: Claims, issuer: Issuer, now: float) -> Iterator[str]:
    """Yield what is wrong with the claims of a token of this `iss`. `now` is in epoch seconds.

    The service never says it, since that helps an attacker. This puts into words what
    `tokens.verify` does, which alone decides.
    """
    missing = [name for name in REQUIRED if name not in claims]
    if missing:
        yield f"it has no {', '.join(f'`{name}`' for name in missing)}"
        return
    if wrong := [name for name in _TIMES if not _is_time(claims.get(name, 0))]:
        yield f"its `{wrong[0]}` is no number"
        return
    yield from _wrong_times(claims, issuer, now)
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if not any(each in audiences for each in issuer.audiences):
        found, accepted = (
            ", ".join(map(quoted, each[:3])) for each in (audiences, issuer.audiences)
        )
        yield f"its `aud` is {found}, and `audience` of {issuer.name} is {accepted}"
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
