"""What `presign check` says of entries and prefixes at issuers that it knows.

Too wide a subject is an error: it admits people of other organizations. So is a claim that no
prefix can have, because its grant never applies.
"""

import re
from collections.abc import Iterator
from typing import Final

from service.access.callers import pointers
from service.app.settings import Settings
from service.cli.check.known_issuers import KnownIssuer, known_issuer
from service.config.callers import CallerSettings
from service.config.quoting import quoted
from service.errors import ConfigurationProblem, Location

# openid.net/specs/openid-connect-core-1_0.html#StandardClaims: what people say about themselves
_SELF_SET: Final = (
    *("/name", "/given_name", "/family_name", "/nickname", "/preferred_username"),
    *("/picture", "/profile", "/website", "/zoneinfo", "/locale"),
)
_VERIFIED: Final = {"/email": "/email_verified", "/phone_number": "/phone_number_verified"}
_NUMBERS: Final = frozenset({"/exp", "/iat", "/nbf", "/auth_time"})
_SPECIAL: Final = frozenset({"/iss", "/email"})  # they have a `:` or an `@`
_OLD_REPOSITORY: Final = re.compile(r"repo:([^:*/@]+)/")
_STAR: Final = "*"
_UNKNOWN: Final = KnownIssuer(name="the issuer", iss="", source="")


def errors(settings: Settings) -> Iterator[ConfigurationProblem]:
    """Yield the entries that admit other organizations, and claims that never apply."""
    for at, caller, issuer in _callers(settings):
        if wide := _too_wide(caller, issuer):
            yield ConfigurationProblem(wide, (*at, "subject" if caller.subject else "claims"))
        for pointer in sorted(issuer.fixing & (caller.claims or {}).keys()):
            if not all(isinstance(each, str) for each in (caller.claims or {})[pointer]):
                text = f"{issuer.name} writes {pointer} as text; put the number in quotes"
                yield ConfigurationProblem(text, (*at, "claims", pointer))
        for where, pointer in _placeholders(at, caller):
            if unfit := _unfit(pointer, issuer):
                yield ConfigurationProblem(f"{{claim:{pointer}}} {unfit}", where)


def warnings(settings: Settings) -> Iterator[ConfigurationProblem]:
    """Yield what users can set for themselves, and issuers and subjects that never match."""
    for name, configured in settings.issuers.items():
        found = known_issuer(configured.issuer)
        if found is not None and found.warning is not None:
            text = f"{found.name}: {found.warning} (see {found.source})"
            yield ConfigurationProblem(text, ("issuers", name, "issuer"))
    subjects = {each.subject for each in settings.callers if each.subject is not None}
    for at, caller, issuer in _callers(settings):
        yield from _self_set(at, caller, issuer)
        doubts = (_old_form(caller, issuer, subjects), _never_matches(caller, issuer))
        for text in filter(None, doubts):
            yield ConfigurationProblem(text, (*at, "subject"))
        if wide := _wide(caller, issuer):
            yield ConfigurationProblem(wide, (*at, "subject"), grave=True)


def _self_set(
    at: Location, caller: CallerSettings, issuer: KnownIssuer
) -> Iterator[ConfigurationProblem]:
    for pointer in caller.claims or {}:
        if _is_self_set(pointer, caller, issuer):
            text = f"users can set {pointer} for themselves; {_better(pointer)}"
            yield ConfigurationProblem(text, (*at, "claims", pointer), grave=True)
    for where, pointer in _placeholders(at, caller):
        if _is_self_set(pointer, caller, issuer) and not _unfit(pointer, issuer):
            text = f"users can set {pointer} for themselves, and so get another's prefix"
            text += "; use one such as /sub or /oid"
            yield ConfigurationProblem(text, where, grave=True)


def _callers(settings: Settings) -> Iterator[tuple[Location, CallerSettings, KnownIssuer]]:
    for i, caller in enumerate(settings.callers):
        if caller.issuer is not None:
            known = known_issuer(settings.issuers[caller.issuer].issuer)
            yield ("callers", i), caller, known or _UNKNOWN


def _too_wide(caller: CallerSettings, issuer: KnownIssuer) -> str | None:
    """Return why an entry admits other organizations of an issuer that they share."""
    if issuer.admits is None or issuer.fixing & (caller.claims or {}).keys():
        return None
    if caller.subject is not None and issuer.fixed.fullmatch(caller.subject):
        return None
    return (
        f"{issuer.name} has one issuer for {issuer.admits}, and this entry does not say whose "
        f"tokens: write {issuer.right} (see {issuer.source})"
    )


def _never_matches(caller: CallerSettings, issuer: KnownIssuer) -> str | None:
    """Return why no subject of the issuer matches."""
    if caller.subject is None:
        return None
    head, star, _ = caller.subject.partition(_STAR)
    fits = head.startswith(issuer.starts) or (bool(star) and issuer.starts.startswith(head))
    if fits and not (caller.subject == _STAR and ":" in issuer.starts):
        if star or issuer.narrow is None or issuer.named.fullmatch(caller.subject):
            return None
        return f"it never matches: write {issuer.right} (see {issuer.source})"
    return f"it never matches: the subjects of {issuer.name} begin with {quoted(issuer.starts)}"


def _wide(caller: CallerSettings, issuer: KnownIssuer) -> str | None:
    """Return that a pattern is for all of what the organization has many of."""
    if issuer.narrow is None or caller.subject in {None, _STAR} or _never_matches(caller, issuer):
        return None
    if issuer.named.fullmatch(caller.subject or ""):
        return None
    text = f"it is for every {issuer.narrow} that the pattern fits; name one"
    return f"{text}: {issuer.right} (see {issuer.source})"


def _placeholders(at: Location, caller: CallerSettings) -> Iterator[tuple[Location, str]]:
    for i, grant in enumerate(caller.grants):
        for pointer in pointers(grant.prefix):
            yield (*at, "grants", i, "prefix"), pointer


def _unfit(pointer: str, issuer: KnownIssuer) -> str | None:
    """Return why the claim is never part of a prefix, or None if it can be."""
    if pointer in _NUMBERS or pointer in _SPECIAL:
        kind = "a number" if pointer in _NUMBERS else "text with a `:` or an `@`"
        return f"never applies: {pointer} is {kind}, which a prefix cannot have"
    if (instead := issuer.unfit.get(pointer)) is None:
        return None
    use = f"{{claim:{instead}}}" if instead.startswith("/") else instead
    return (
        f"never applies: at {issuer.name} {pointer} is a list or has a character that a prefix "
        f"cannot have, such as a slash; use {use} (see {issuer.source})"
    )


def _is_self_set(pointer: str, caller: CallerSettings, issuer: KnownIssuer) -> bool:
    if (proof := _VERIFIED.get(pointer)) is not None:
        return (caller.claims or {}).get(proof) != (True,)
    own = any(
        pointer == each or (each[-1] == ":" and pointer[: len(each)] == each)
        for each in issuer.self_set
    )
    return own or pointer in _SELF_SET


def _better(pointer: str) -> str:
    if (proof := _VERIFIED.get(pointer)) is not None:
        return f"demand {proof}: true too"
    return "use a claim that an administrator sets, such as /groups"


def _old_form(caller: CallerSettings, issuer: KnownIssuer, subjects: set[str]) -> str | None:
    """Return that a subject has no ids, if no other entry is for the newer form of this owner."""
    is_of_github = issuer.name == "GitHub Actions"
    found = _OLD_REPOSITORY.match(caller.subject or "") if is_of_github else None
    if found is None or any(subject.startswith(f"repo:{found[1]}@") for subject in subjects):
        return None
    return (
        "it never matches repositories made or renamed since July 2026: their subjects are "
        f"repo:{found[1]}@ID/…; add an entry for them, or use claims such as /repository_owner_id"
    )
