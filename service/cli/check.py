"""What a configuration means, in words: `presign check` prints it."""

import math
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import chain, islice
from typing import Final

from service.access.callers import (
    LONGEST_CLAIM,
    CallerEntry,
    without_placeholders,
)
from service.access.grants import Caller, Grant, Operation
from service.access.session_policy import session_policy
from service.app import builders
from service.app.builders import caller_name
from service.auth.api_keys import digest_of
from service.cli import check_uppy
from service.config.buckets import BucketSettings
from service.config.callers import CallerSettings, GrantSettings
from service.config.settings import Settings
from service.presigning.snapshot import Entries
from service.sessions import signature_age
from service.sessions.refresh_policy import REFRESH_MARGIN, threshold
from service.sessions.sts import MAX_POLICY_LENGTH
from service.signing.signer import Address

MAX_CROSSINGS: Final = 20_000  # some seconds
_HOUR: Final = 3600
_DAY: Final = 86_400
# What examples use and people leave standing; the demo's own among them
_GUESSABLE = {digest_of(word) for word in ("demo", "test", "secret", "password", "changeme")}


def describe(settings: Settings, addresses: Mapping[str, Address]) -> Iterator[str]:
    """A line for each bucket, and what each caller may do."""
    entries = builders.caller_entries(settings)
    promises, grants = builders.longest_lifetimes(settings), _grants_by_bucket(entries)
    for name, bucket in settings.buckets.items():
        yield f"bucket {name}: {_where(addresses[name])}, signed by {_who(bucket)}"
        yield from _cost(name, bucket, promises[name])
        yield from _age(name, bucket, grants.get(name, []))
    for entry in entries:
        yield from _caller(entry)
    yield from check_uppy.describe(settings, caller_name)


def faults(settings: Settings, addresses: Mapping[str, Address]) -> Iterator[str]:
    """What cannot work for some caller, though all others can be served."""
    arns = {
        name: builders.arns(name, bucket, addresses[name].region)
        for name, bucket in settings.buckets.items()
    }
    for caller, grants in _widest_callers(builders.caller_entries(settings)):
        for name in sorted({grant.bucket for grant in grants}):
            if (known := arns[name]) is None:
                continue
            length = len(session_policy([g for g in grants if g.bucket == name], known))
            if length > MAX_POLICY_LENGTH:
                yield (
                    f"{caller}: its session policy for bucket {name} may have {length} characters, "
                    f"and STS takes {MAX_POLICY_LENGTH}; join its prefixes or shorten them"
                )


def warnings(settings: Settings) -> Iterator[str]:
    """What an operator had better mean."""
    if settings.unsafe_anonymous_caller is not None:
        yield "unsafe_anonymous_caller: everybody who reaches the service has its grants"
    if settings.console:
        yield (
            "console: whoever reaches the service sees the page /console, and the hosts of all buckets "
            "in its Content-Security-Policy; it holds no rights: each call needs a caller's own key"
        )
    for caller in settings.callers:
        yield from _risky_caller(caller, settings)
    for place, grant in settings.placed_grants():
        yield from _risky_grant(place, grant)
    promises = builders.longest_lifetimes(settings)
    for name, bucket in settings.buckets.items():
        yield from _risky_bucket(name, bucket, promises[name])
    if len(
        list(islice(_crossings(Entries(builders.caller_entries(settings))), MAX_CROSSINGS + 1))
    ) > (MAX_CROSSINGS):
        yield (
            f"callers: more than {MAX_CROSSINGS} pairs of subjects have a subject in common; the length "
            "of the session policies is checked for that many"
        )
    yield from check_uppy.warnings(settings)


def unread(settings: Settings) -> Iterator[str]:
    """The files that a check without them says nothing about."""
    if settings.server.ca_bundle is not None:
        yield f"server.ca_bundle {settings.server.ca_bundle}"
    for name, issuer in settings.issuers.items():
        if issuer.ca_file is not None:
            yield f"issuers.{name}.ca_file {issuer.ca_file}"


def _risky_caller(caller: CallerSettings, settings: Settings) -> Iterator[str]:
    if not _GUESSABLE.isdisjoint(caller.sha256 or ()):
        yield f"API key {caller.api_key}: anybody can guess it; make one with `presign new-key`"
    unscoped = {g.bucket for g in caller.grants if not settings.buckets[g.bucket].is_scoped}
    if caller.revoked_before is not None and unscoped:
        yield (
            f"{caller.api_key or caller.subject}: revoked_before does nothing for bucket "
            f"{', '.join(sorted(unscoped))}, where one session signs for all callers"
        )


def _risky_grant(place: str, grant: GrantSettings) -> Iterator[str]:
    if not grant.prefix:
        yield f"{place}: covers the whole bucket {grant.bucket}"
    if grant.allow_overwrite:
        yield f"{place}: lets objects be overwritten"
    if (grant.max_expires_in or _HOUR + 1) > _HOUR:
        yield f"{place}: allows lifetimes over an hour; set max_expires_in"


def _risky_bucket(name: str, bucket: BucketSettings, longest_lifetime: float) -> Iterator[str]:
    if not bucket.is_scoped and not builders.is_at_aws(bucket):
        yield (
            f"bucket {name}: one set of credentials signs for all callers, at a store that is not AWS: "
            "if the store acts on headers that are not signed, as MinIO does, any upload URL copies "
            "whatever those credentials may read: see docs/stores.md"
        )
    if bucket.credentials == "static":
        return
    if not bucket.scoped_sessions:
        yield f"bucket {name}: one session signs for all callers; only our grants part them"
    tags = " ".join(bucket.session_tags.values())
    if "{subject}" in tags and "{issuer}" not in tags:
        yield f"bucket {name}: session_tags have a subject without its issuer: two may be alike"
    sure = bucket.session_seconds * 2 // 3 - REFRESH_MARGIN
    if longest_lifetime > sure:
        yield (
            f"bucket {name}: grants allow {longest_lifetime:.0f} s, but sessions of "
            f"{bucket.session_seconds} s are only sure to have {sure} s left; longer lifetimes are "
            "cut short (limited_by: session)"
        )


def _where(address: Address) -> str:
    return f"{address.origin}{address.path_prefix} in {address.region}"


def _who(bucket: BucketSettings) -> str:
    if bucket.credentials == "static":
        return "static keys of the AWS default chain"
    return f"{bucket.role_arn}, for {bucket.session_seconds} s at a time"


def _cost(name: str, bucket: BucketSettings, longest_lifetime: float) -> Iterator[str]:
    """Calls to STS: callers x buckets x replicas / time between two refreshes."""
    if bucket.credentials == "static":
        return
    length = float(bucket.session_seconds)
    calls = _DAY / (length - threshold(length, longest_lifetime, 0.5))
    for_each = "caller that is at work and each " if bucket.is_scoped else ""
    yield f"bucket {name}: about {calls:.0f} calls to STS a day for each {for_each}replica"


def _age(name: str, bucket: BucketSettings, grants: list[Grant]) -> Iterator[str]:
    """What a bucket policy may deny, to be pasted."""
    length = math.inf if bucket.credentials == "static" else bucket.session_seconds
    if (life := signature_age.longest_life(grants, length)) is not None:
        yield (
            f"bucket {name}: what it signs lives for {life} s at most; a policy may deny what is older: "
            f'"NumericGreaterThan": {{"s3:signatureAge": "{signature_age.oldest(life)}"}}'
        )


def _grants_by_bucket(entries: Iterable[CallerEntry]) -> dict[str, list[Grant]]:
    found: dict[str, list[Grant]] = {}
    for entry in entries:
        for grant in entry.grants:
            found.setdefault(grant.bucket, []).append(grant)
    return found


def _widest_callers(entries: tuple[CallerEntry, ...]) -> Iterator[tuple[str, list[Grant]]]:
    """Callers who could be, and all that each has: one of every entry, and of every two that cross."""
    found = Entries(entries)
    plain = [(entry.issuer, entry.subject.replace("*", "x")) for entry in entries]
    for issuer, subject in dict.fromkeys(chain(plain, islice(_crossings(found), MAX_CROSSINGS))):
        matching = found.of(Caller(issuer=issuer, subject=subject))
        yield (
            caller_name(matching[-1]),
            [_at_longest(g) for entry in matching for g in entry.grants],
        )


def _crossings(entries: Entries) -> Iterator[tuple[str | None, str]]:
    """A subject that two patterns of one issuer match, for every two that have one."""
    for issuer, patterns in entries.patterns.items():
        for one in patterns:
            for other, subject in patterns.shared_with(one):
                if one < other:
                    yield issuer, subject


def _at_longest(grant: Grant) -> Grant:
    """Each claim as long as it may be, and unlike any other."""
    prefix = without_placeholders(
        grant.prefix, lambda pointer: sha256(pointer.encode()).hexdigest()[:LONGEST_CLAIM]
    )
    return Grant(bucket=grant.bucket, prefix=prefix, allow=grant.allow)


def _caller(entry: CallerEntry) -> Iterator[str]:
    name = caller_name(entry)
    if not entry.grants:
        yield f"{name} may do nothing"
    for grant in entry.grants:
        yield f"{name} may {_operations(grant)} {_what(grant)}{_limits(grant)}"


def _operations(grant: Grant) -> str:
    return ", ".join(operation for operation in Operation if operation in grant.allow)


def _what(grant: Grant) -> str:
    if not grant.prefix:
        return f"everything in {grant.bucket}"
    covered = f"{grant.prefix}…" if grant.covers_subtree else grant.prefix
    return f"{covered} in {grant.bucket}"


def _limits(grant: Grant) -> str:
    limits = [
        f"for at most {grant.max_expires_in} s" if grant.max_expires_in else "",
        f"at most {grant.max_content_length} bytes" if grant.max_content_length is not None else "",
        f"only {', '.join(grant.content_types)}" if grant.content_types is not None else "",
        f"at most {grant.max_keys} keys a page" if grant.max_keys else "",
        "overwriting too" if grant.allow_overwrite else "",
    ]
    said = [limit for limit in limits if limit]
    return f", {', '.join(said)}" if said else ""
