"""What `presign check` says about buckets: where they are, what signs for them, what is risky."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Final, assert_never

from service.access.callers import CallerEntry
from service.access.conditions import conditions_of
from service.access.copy_policy import receives_copies
from service.access.grants import Grant, Operation, of_buckets
from service.access.session_policy import reads_and_uploads
from service.app import builders
from service.app.settings import Settings
from service.cli.check import cloudfront, policies, r2
from service.config.buckets import BucketSettings
from service.errors import ConfigurationProblem
from service.field_names import nearest
from service.presigning.bucket import Bucket
from service.presigning.snapshot import downloads
from service.protocols.quantities import duration
from service.sessions import signature_age
from service.sessions.refresh_policy import REFRESH_MARGIN, threshold
from service.signing.signer import Address

_DAY: Final = 86_400
_LOST_FORMS: Final = (
    "callers may use `form`, but not every store takes a form of a scoped session: Ceph RGW 18 "
    "accepts it and stores nothing. Try it with --live, or grant `upload`: see docs/stores.md"
)


def describe(
    settings: Settings, addresses: Mapping[str, Address], entries: tuple[CallerEntry, ...]
) -> Iterator[str]:
    lifetimes = builders.longest_lifetimes(settings)
    grants: dict[str, list[Grant]] = {name: [] for name in settings.buckets}
    for entry in entries:
        for grant in entry.grants:
            grants[grant.bucket].append(grant)
    copied = _receiving_copies(builders.buckets(settings, addresses), entries)
    sets = _sets_of_conditions(entries)
    for name, bucket in settings.buckets.items():
        address = addresses[name]
        where = f"{address.origin}{address.path_prefix} in {address.region}"
        yield f"bucket {name}: {where}, signed with {_signer(bucket)}"
        sessions = sets.get(name, 1)
        more = "".join(_more_sessions(bucket, grants[name], sessions, is_copied=name in copied))
        yield from _sts_calls(name, bucket, lifetimes[name], more)
        yield from r2.describe(name, bucket)
        yield from _longest_urls(name, bucket, grants[name])
        if bucket.cloudfront is not None:
            yield from cloudfront.describe(name, bucket.cloudfront, grants[name])


def _signer(bucket: BucketSettings) -> str:
    match bucket.credentials:
        case "assume_role" | "web_identity":
            return f"sessions of {bucket.role_arn} that last {duration(bucket.session_seconds)}"
        case "static":
            return _static_keys(bucket)
        case "r2":
            files = f"{bucket.access_key_id_file} and {bucket.secret_access_key_file}"
            return (
                f"tokens that the keys in {files} sign and last {duration(bucket.session_seconds)}"
            )
        case _:
            assert_never(bucket.credentials)


def _static_keys(bucket: BucketSettings) -> str:
    if bucket.access_key_id_file is not None:
        return f"static keys in {bucket.access_key_id_file} and {bucket.secret_access_key_file}"
    return "static keys of the AWS default chain"


def warnings(settings: Settings, known_regions: frozenset[str]) -> Iterator[ConfigurationProblem]:
    lifetimes = builders.longest_lifetimes(settings)
    with_forms = {g.bucket for g in settings.distinct_grants if Operation.FORM in g.allow}
    for name, bucket in settings.buckets.items():
        at = ("buckets", name)
        if bucket.is_at_aws and (text := _unknown_region(bucket.region, known_regions)):
            yield ConfigurationProblem(text, (*at, "region"))
        for key, text in _risks(bucket):
            yield ConfigurationProblem(text, (*at, key), grave=True)
        has_own_sts = bucket.sts_endpoint_url is not None and not bucket.is_at_aws
        if name in with_forms and bucket.is_scoped and has_own_sts:
            yield ConfigurationProblem(_LOST_FORMS, (*at, "sts_endpoint_url"))
        for text in [*_wrong_sts(bucket), *_short_sessions(bucket, lifetimes[name])]:
            yield ConfigurationProblem(text, at)
    yield from _missing_external_ids(settings)
    yield from r2.warnings(settings)


def _missing_external_ids(settings: Settings) -> Iterator[ConfigurationProblem]:
    assumed = [
        (name, each)
        for name, each in settings.buckets.items()
        if "external_id" in each.kind.settings
    ]
    having = {each.role_arn: name for name, each in assumed if each.external_id is not None}
    for name, bucket in assumed:
        if bucket.external_id is None and (other := having.get(bucket.role_arn)) is not None:
            text = (
                f"assumes its role without the external_id that bucket {other} has, so one of the "
                "two has no session, or the external_id protects nothing"
            )
            yield ConfigurationProblem(text, ("buckets", name))


def _unknown_region(region: str, regions: frozenset[str]) -> str | None:
    """A new region may be missing in botocore's list, so it is no error."""
    if region in regions:
        return None
    if region[:-1] in regions and region[-1:].isalpha():
        return f'"{region}" is an availability zone; write its region, {region[:-1]}'
    near = nearest(region, sorted(regions))
    return f'"{region}" is not a known AWS region' + (f"; did you mean {near}?" if near else "")


def _risks(bucket: BucketSettings) -> Iterator[tuple[str, str]]:
    """Yield the setting that causes a risk, which may be in `bucket_defaults`, and the risk."""
    if not bucket.is_scoped and not bucket.is_at_aws:
        text = (
            "all callers share one set of credentials. If the store acts on unsigned headers, as "
            "MinIO does, any upload URL can copy everything that these credentials can read: see "
            "docs/stores.md"
        )
        yield "scoped_sessions" if bucket.kind.has_sessions else "credentials", text
    if not bucket.kind.has_sessions:
        return
    if not bucket.scoped_sessions:
        text = "all callers share one session, so IAM does not enforce their grants"
        yield "scoped_sessions", text
    tags = " ".join(bucket.session_tags.values())
    if "{subject}" in tags and "{issuer}" not in tags:
        yield "session_tags", "have {subject} without {issuer}; tags can be equal"


def _wrong_sts(bucket: BucketSettings) -> Iterator[str]:
    is_aws_sts = bucket.kind.role_trusts is not None and bucket.sts_endpoint_url is None
    if is_aws_sts and not bucket.is_at_aws:
        yield (
            "the store is not AWS, but its sessions are AWS's; set sts_endpoint_url to the store's "
            "STS"
        )


def _short_sessions(bucket: BucketSettings, longest_lifetime: float) -> Iterator[str]:
    guaranteed = bucket.session_seconds * 2 // 3 - REFRESH_MARGIN
    if bucket.kind.has_sessions and longest_lifetime > guaranteed:
        yield (
            f"grants allow {duration(int(longest_lifetime))}, but a session of "
            f"{duration(bucket.session_seconds)} is only guaranteed to have {duration(guaranteed)} "
            "left; longer lifetimes can be cut short (limited_by: session)"
        )


def _sts_calls(
    name: str, bucket: BucketSettings, longest_lifetime: float, more: str
) -> Iterator[str]:
    """Calls to STS: callers x buckets x replicas / time between two refreshes."""
    if bucket.kind.role_trusts is not None:
        length = float(bucket.session_seconds)
        calls = _DAY / (length - threshold(length, longest_lifetime, 0.5))
        per = "active caller and replica" if bucket.is_scoped else "replica"
        yield f"bucket {name}: about {calls:.0f} STS calls a day per {per}{more}"


def _more_sessions(
    bucket: BucketSettings, grants: list[Grant], sets: int, *, is_copied: bool
) -> Iterator[str]:
    """Yield who has more than one session for the bucket."""
    if not bucket.is_scoped:
        return
    allowed = frozenset[Operation]().union(*(grant.allow for grant in grants))
    if not bucket.is_at_aws and reads_and_uploads(allowed):
        yield "; twice as many for one that reads and uploads"
    if sets > 1:
        yield f"; up to {sets} times as many for one whose grants have {sets} sets of conditions"
    if is_copied:
        yield "; as many more for one that copies"


def _sets_of_conditions(entries: tuple[CallerEntry, ...]) -> dict[str, int]:
    """Return the most sets of conditions that one caller has on a bucket; none is a set too."""
    found = dict[str, int]()
    if not any(grant.conditions for entry in entries for grant in entry.grants):
        return found
    for _, grants in policies.widest_callers(entries):
        for name, own in of_buckets(grants).items():
            found[name] = max(found.get(name, 0), len(conditions_of(own)))
    return found


def _receiving_copies(
    buckets: Mapping[str, Bucket], entries: tuple[CallerEntry, ...]
) -> frozenset[str]:
    """Return the buckets that some caller may copy into, from one that it may read."""
    by_claims = defaultdict[str | None, list[Grant]](list)
    for entry in entries:
        if entry.claims:  # a caller may have those of any two
            by_claims[entry.issuer] += entry.grants
    found, receiving = set[str](), set[str]()
    for grant in (each for entry in entries for each in entry.grants):
        if grant.bucket not in receiving and receives_copies(grant):
            receiving.add(grant.bucket)
    widest = (grants for _, grants in policies.widest_callers(entries))
    for grants in chain(widest, by_claims.values()) if receiving else ():
        found |= _copied_by(grants, buckets)
        if found >= receiving:
            break
    return frozenset(found)


def _copied_by(grants: list[Grant], buckets: Mapping[str, Bucket]) -> set[str]:
    """Return the buckets that one caller with these grants may copy into."""
    by_bucket = of_buckets(grants)
    readable = downloads(buckets, by_bucket)
    return {
        name
        for name, own in by_bucket.items()
        if readable.get(buckets[name].copy_group) and any(map(receives_copies, own))
    }


def _longest_urls(name: str, bucket: BucketSettings, grants: list[Grant]) -> Iterator[str]:
    if (life := signature_age.longest_life(grants, _session_seconds(bucket))) is not None:
        why = signature_age.why_so_long(life, _session_seconds(bucket))
        yield f"bucket {name}: URLs live {duration(life)} at most{why and f': {why}'}"


def signature_ages(settings: Settings, entries: tuple[CallerEntry, ...]) -> Iterator[str]:
    """Yield the condition that the policy of each bucket can use, ready to paste."""
    grants = of_buckets(chain.from_iterable(entry.grants for entry in entries))
    for name, bucket in settings.buckets.items():
        life = signature_age.longest_life(grants[name], _session_seconds(bucket))
        if life is not None:
            age = f'"NumericGreaterThan": {{"s3:signatureAge": "{signature_age.oldest(life)}"}}'
            yield f"bucket {name}: its policy can deny older signatures: {age}"


def _session_seconds(bucket: BucketSettings) -> float:
    return bucket.session_seconds if bucket.kind.has_sessions else math.inf
