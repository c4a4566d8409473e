"""The output of `presign check`: what a configuration means, and what is risky in it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from itertools import chain, islice
from typing import Final
from urllib.parse import urlsplit

from service.access.callers import LONGEST_CLAIM, CallerEntry, pointers, without_placeholders
from service.access.grants import Caller, Grant, Operation
from service.access.session_policy import MAX_POLICY_LENGTH, BucketArns
from service.app import builders
from service.app.builders import caller_name
from service.auth.api_keys import digest_of
from service.cli import (
    check_api_keys,
    check_console,
    check_credentials,
    check_git_lfs,
    check_lambda,
    check_limits,
    check_links,
    check_mlflow,
    check_package_index,
    check_remote_signing,
    check_uppy,
)
from service.config.buckets import BucketSettings
from service.config.callers import CallerSettings, GrantSettings
from service.config.settings import Settings
from service.presigning.requests import CredentialsRequest
from service.presigning.snapshot import Entries
from service.protocols.credentials.vending import policy_for
from service.sessions import signature_age
from service.sessions.refresh_policy import REFRESH_MARGIN, threshold
from service.signing.signer import Address

MAX_OVERLAPS: Final = 20_000  # takes some seconds
_HOUR: Final = 3600
_DAY: Final = 86_400
_GUESSABLE = {digest_of(word) for word in ("demo", "test", "secret", "password", "changeme")}


def report(
    settings: Settings,
    addresses: Mapping[str, Address],
    now: datetime,
    *,
    offline: bool,
    traces: str | None,
) -> dict[str, Sequence[str]]:
    """Return the lines of the report by their kind. With `errors` a caller cannot be served.

    `traces` is the URL that spans are sent to.
    """
    return {
        "description": [*describe(settings, addresses), *_describe_traces(traces)],
        "warnings": [*warnings(settings), *check_api_keys.warnings(settings, now)],
        "not_checked": [*skipped_files(settings)] if offline else [],
        "errors": [*oversized_policies(settings, addresses)],
    }


def describe(settings: Settings, addresses: Mapping[str, Address]) -> Iterator[str]:
    """Yield lines about each bucket, and about what each caller may do."""
    entries = builders.caller_entries(settings)
    lifetimes = builders.longest_lifetimes(settings)
    grants: dict[str, list[Grant]] = {name: [] for name in settings.buckets}
    for grant in chain.from_iterable(entry.grants for entry in entries):
        grants[grant.bucket].append(grant)
    for name, bucket in settings.buckets.items():
        address = addresses[name]
        where = f"{address.origin}{address.path_prefix} in {address.region}"
        yield f"bucket {name}: {where}, signed with {_signer(bucket)}"
        yield from _sts_calls(name, bucket, lifetimes[name])
        yield from _signature_age(name, bucket, grants[name])
    for entry in entries:
        name = caller_name(entry)
        if not entry.grants:
            yield f"{name} may do nothing"
        for grant in entry.grants:
            yield f"{name} may {_grant(grant)}"
    if settings.objects is not None:
        yield (
            "object URLs: each caller may use its grants at /o/BUCKET/KEY too, with its key as a "
            f"Basic password; what they redirect to lives {settings.objects.expires_in} s at most"
        )
    yield from check_package_index.describe(settings)
    yield from check_git_lfs.describe(settings)
    yield from check_mlflow.describe(settings)
    yield from check_uppy.describe(settings)
    yield from check_links.describe(settings)
    yield from check_console.describe(settings)
    yield from check_credentials.describe(settings)
    yield from check_remote_signing.describe(settings)
    yield from check_lambda.describe(settings)
    callers = ((caller_name(each), [*map(_with_long_claims, each.grants)]) for each in entries)
    yield from check_limits.describe(_arns(settings, addresses), callers)


def _signer(bucket: BucketSettings) -> str:
    if bucket.credentials != "static":
        return f"sessions of {bucket.role_arn} that last {bucket.session_seconds} s"
    if bucket.profile is not None:
        return f"static keys of the profile {bucket.profile}"
    if bucket.access_key_id_file is not None:
        return f"static keys in {bucket.access_key_id_file} and {bucket.secret_access_key_file}"
    return "static keys of the AWS default chain"


def _describe_traces(endpoint: str | None) -> Iterator[str]:
    """Yield the host only: the URL may have a password."""
    if endpoint is not None:
        yield f"traces: OpenTelemetry spans go to {urlsplit(endpoint).hostname}"


def oversized_policies(settings: Settings, addresses: Mapping[str, Address]) -> Iterator[str]:
    """Yield a problem for each session policy that STS would refuse, with its caller."""
    arns = _arns(settings, addresses)
    for caller, grants in _widest_callers(builders.caller_entries(settings)):
        for name in sorted({grant.bucket for grant in grants}):
            if (bucket_arns := arns[name]) is None:
                continue
            own = [grant for grant in grants if grant.bucket == name]
            vended = policy_for(own, CredentialsRequest(bucket=name), bucket_arns)
            policies = {"its session policy": check_limits.policy_of(tuple(own), bucket_arns)}
            policies |= {"the session policy of its credentials": vended} if vended else {}
            for what, policy in policies.items():
                if len(policy) > MAX_POLICY_LENGTH:
                    yield (
                        f"{caller}: {what} for bucket {name} can have {len(policy)} characters, "
                        f"but STS accepts {MAX_POLICY_LENGTH} at most; merge or shorten its "
                        "prefixes"
                    )


def _arns(settings: Settings, addresses: Mapping[str, Address]) -> dict[str, BucketArns | None]:
    return {
        name: builders.arns(name, bucket, addresses[name].region)
        for name, bucket in settings.buckets.items()
    }


def warnings(settings: Settings) -> Iterator[str]:
    """Yield what is allowed but risky, or has no effect."""
    if settings.unsafe_anonymous_caller is not None:
        yield "unsafe_anonymous_caller: anybody who can reach the service has these grants"
    yield from check_console.warnings(settings)
    for caller in settings.callers:
        yield from _risky_caller(caller, settings)
    for place, grant in settings.placed_grants():
        yield from _risky_grant(place, grant)
    lifetimes = builders.longest_lifetimes(settings)
    for name, bucket in settings.buckets.items():
        yield from _risky_bucket(name, bucket, lifetimes[name])
    overlaps = _overlaps(Entries(builders.caller_entries(settings)))
    if next(islice(overlaps, MAX_OVERLAPS, None), None) is not None:
        yield f"callers: over {MAX_OVERLAPS} pairs of subjects overlap; only that many are checked"
    if settings.objects is not None and settings.server.cors_origins:
        yield (
            "server.cors_origins: a redirect from /o/ makes browsers send `Origin: null` to the "
            "store, so a bucket that pages use through object URLs needs a CORS rule with the "
            "origin *: see docs/object-urls.md"
        )
    yield from check_package_index.warnings(settings)
    yield from check_git_lfs.warnings(settings)
    yield from check_mlflow.warnings(settings)
    yield from check_uppy.warnings(settings)
    yield from check_links.warnings(settings)
    yield from check_credentials.warnings(settings)
    yield from check_remote_signing.warnings(settings)
    yield from check_lambda.warnings(settings)


def skipped_files(settings: Settings) -> Iterator[str]:
    """Yield the files with certificates and keys that `--offline` does not read."""
    for name, bucket in settings.buckets.items():
        yield from (f"buckets.{name}: keys in {path}" for path in bucket.files_of_keys)
    if settings.server.ca_bundle is not None:
        yield f"server.ca_bundle {settings.server.ca_bundle}"
    for name, issuer in settings.issuers.items():
        if issuer.ca_file is not None:
            yield f"issuers.{name}.ca_file {issuer.ca_file}"
    if settings.links is not None:
        yield from (f"links.keys.{i} {path}" for i, path in enumerate(settings.links.keys))


def _risky_caller(caller: CallerSettings, settings: Settings) -> Iterator[str]:
    if not _GUESSABLE.isdisjoint(caller.sha256 or ()):
        yield f"API key {caller.api_key}: easy to guess; make a key with `presign new-key`"
    unscoped = {g.bucket for g in caller.grants if not settings.buckets[g.bucket].is_scoped}
    if caller.revoked_before is not None and unscoped:
        yield (
            f"{caller.api_key or caller.subject}: revoked_before has no effect on bucket "
            f"{', '.join(sorted(unscoped))}, where all callers share one session"
        )


def _risky_grant(place: str, grant: GrantSettings) -> Iterator[str]:
    if not grant.prefix:
        yield f"{place}: covers the whole bucket {grant.bucket}"
    if grant.prefix.startswith("/"):
        yield f"{place}: prefix begins with a slash, as hardly any key does; remove it"
    if grant.allow_overwrite:
        yield f"{place}: allows overwriting objects"
    if (grant.max_expires_in or _HOUR + 1) > _HOUR:
        yield f"{place}: allows lifetimes over an hour; set max_expires_in"


def _risky_bucket(name: str, bucket: BucketSettings, longest_lifetime: float) -> Iterator[str]:
    if not bucket.is_scoped and not builders.is_at_aws(bucket):
        yield (
            f"bucket {name}: all callers share one set of credentials. If the store acts on "
            "unsigned headers, as MinIO does, any upload URL can copy everything that these "
            "credentials can read: see docs/stores.md"
        )
    if bucket.credentials == "static":
        return
    if bucket.sts_endpoint_url is None and not builders.is_at_aws(bucket):
        yield (
            f"bucket {name}: the store is not AWS, but its sessions are AWS's; set "
            "sts_endpoint_url to the store's STS"
        )
    if not bucket.scoped_sessions:
        yield f"bucket {name}: all callers share one session, so IAM does not enforce their grants"
    tags = " ".join(bucket.session_tags.values())
    if "{subject}" in tags and "{issuer}" not in tags:
        yield f"bucket {name}: session_tags have {{subject}} without {{issuer}}; tags can be equal"
    guaranteed = bucket.session_seconds * 2 // 3 - REFRESH_MARGIN
    if longest_lifetime > guaranteed:
        yield (
            f"bucket {name}: grants allow {longest_lifetime:.0f} s, but a session of "
            f"{bucket.session_seconds} s is only guaranteed to have {guaranteed} s left; longer "
            "lifetimes can be cut short (limited_by: session)"
        )


def _sts_calls(name: str, bucket: BucketSettings, longest_lifetime: float) -> Iterator[str]:
    """Calls to STS: callers x buckets x replicas / time between two refreshes."""
    if bucket.credentials != "static":
        length = float(bucket.session_seconds)
        calls = _DAY / (length - threshold(length, longest_lifetime, 0.5))
        per = "active caller and replica" if bucket.is_scoped else "replica"
        yield f"bucket {name}: about {calls:.0f} STS calls a day per {per}"


def _signature_age(name: str, bucket: BucketSettings, grants: list[Grant]) -> Iterator[str]:
    """The condition that a bucket policy can use, ready to paste."""
    length = math.inf if bucket.credentials == "static" else bucket.session_seconds
    if (life := signature_age.longest_life(grants, length)) is not None:
        yield (
            f"bucket {name}: URLs live {life} s at most; a bucket policy can deny older ones: "
            f'"NumericGreaterThan": {{"s3:signatureAge": "{signature_age.oldest(life)}"}}'
        )


def _widest_callers(entries: tuple[CallerEntry, ...]) -> Iterator[tuple[str, list[Grant]]]:
    """Yield example callers with all their grants: one per entry, and one per overlapping pair."""
    index = Entries(entries)
    examples = [(entry.issuer, entry.subject.replace("*", "x")) for entry in entries]
    overlaps = islice(_overlaps(index), MAX_OVERLAPS)
    for issuer, subject in dict.fromkeys(chain(examples, overlaps)):
        matching = index.of(Caller(issuer=issuer, subject=subject))
        grants = [_with_long_claims(g) for entry in matching for g in entry.grants]
        yield caller_name(matching[-1]), grants


def _overlaps(entries: Entries) -> Iterator[tuple[str | None, str]]:
    """Yield, for each two overlapping patterns of one issuer, a subject that both match."""
    for issuer, patterns in entries.patterns.items():
        for pattern in patterns:
            for other, subject in patterns.intersecting(pattern):
                if pattern < other:
                    yield issuer, subject


def _with_long_claims(grant: Grant) -> Grant:
    """Replace each placeholder with a claim of the greatest length, different for each pointer."""
    if not pointers(grant.prefix):
        return grant
    prefix = without_placeholders(
        grant.prefix, lambda pointer: sha256(pointer.encode()).hexdigest()[:LONGEST_CLAIM]
    )
    return replace(grant, prefix=prefix)


def _grant(grant: Grant) -> str:
    operations = ", ".join(operation for operation in Operation if operation in grant.allow)
    keys = f"{grant.prefix}…" if grant.prefix.endswith("/") else grant.prefix or "everything"
    limits = [
        f"{operations} {keys} in {grant.bucket}",
        f"for at most {grant.max_expires_in} s" if grant.max_expires_in else "",
        f"at most {grant.max_content_length} bytes" if grant.max_content_length is not None else "",
        f"only {', '.join(grant.content_types)}" if grant.content_types is not None else "",
        f"at most {grant.max_keys} keys a page" if grant.max_keys else "",
        f"links for at most {grant.max_link_expires_in} s" if Operation.LINK in grant.allow else "",
        "and overwrite objects" if grant.allow_overwrite else "",
    ]
    return ", ".join(filter(None, limits))
