"""What `presign check` says about session policies: which ones STS would refuse."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from itertools import chain, islice
from typing import Final

from service.access.callers import (
    LONGEST_CLAIM,
    CallerEntry,
    caller_name,
    pointers,
    without_placeholders,
)
from service.access.grants import Caller, Grant
from service.access.session_policy import MAX_POLICY_LENGTH, BucketArns
from service.app import builders
from service.app.settings import Settings
from service.cli.check import limits
from service.errors import ConfigurationProblem
from service.presigning.requests import CredentialsRequest
from service.presigning.snapshot import Entries
from service.protocols.credentials.policy import policy_for
from service.signing.signer import Address

MAX_OVERLAPS: Final = 20_000  # takes some seconds


def oversized_policies(
    settings: Settings, addresses: Mapping[str, Address], entries: tuple[CallerEntry, ...]
) -> Iterator[ConfigurationProblem]:
    """Yield a problem for each session policy that STS would refuse, with its caller."""
    arns = bucket_arns(settings, addresses)
    locations = dict(zip(map(id, entries), settings.caller_locations(), strict=True))
    for entry, grants in _widest_callers(entries):
        for name in sorted({grant.bucket for grant in grants}):
            if (arns_of_bucket := arns[name]) is None:
                continue
            own = [grant for grant in grants if grant.bucket == name]
            for what, policy in _policies(own, name, arns_of_bucket):
                if len(policy) > MAX_POLICY_LENGTH:
                    text = (
                        f"{caller_name(entry)}: {what} for bucket {name} can have "
                        f"{len(policy)} characters, but STS accepts {MAX_POLICY_LENGTH} at most; "
                        "merge or shorten its prefixes"
                    )
                    yield ConfigurationProblem(text, locations[id(entry)])


def _policies(grants: list[Grant], bucket: str, arns: BucketArns) -> Iterator[tuple[str, str]]:
    yield "its session policy", limits.policy_of(tuple(grants), arns)
    vended = policy_for(grants, CredentialsRequest(bucket=bucket), arns)
    if vended:
        yield "the session policy of its credentials", vended


def warnings(entries: tuple[CallerEntry, ...]) -> Iterator[ConfigurationProblem]:
    overlaps = _overlaps(Entries(entries))
    if next(islice(overlaps, MAX_OVERLAPS, None), None) is not None:
        text = f"over {MAX_OVERLAPS} pairs of subjects overlap; only that many are checked"
        yield ConfigurationProblem(text, ("callers",))


def bucket_arns(
    settings: Settings, addresses: Mapping[str, Address]
) -> dict[str, BucketArns | None]:
    return {
        name: builders.arns(name, bucket, addresses[name].region)
        for name, bucket in settings.buckets.items()
    }


def _widest_callers(
    entries: tuple[CallerEntry, ...],
) -> Iterator[tuple[CallerEntry, list[Grant]]]:
    """Yield example callers: one per entry, and one per overlapping pair.

    Each is the last entry that matches it, and the grants of all that do.
    """
    index = Entries(entries)
    examples = [(entry.issuer, entry.subject.replace("*", "x")) for entry in entries]
    overlaps = islice(_overlaps(index), MAX_OVERLAPS)
    for issuer, subject in dict.fromkeys(chain(examples, overlaps)):
        matching = index.of(Caller(issuer=issuer, subject=subject))
        grants = [with_long_claims(g) for entry in matching for g in entry.grants]
        yield matching[-1], grants


def _overlaps(entries: Entries) -> Iterator[tuple[str | None, str]]:
    """Yield, for each two overlapping patterns of one issuer, a subject that both match."""
    for issuer, patterns in entries.patterns.items():
        for pattern in patterns:
            for other, subject in patterns.intersecting(pattern):
                if pattern < other:
                    yield issuer, subject


def with_long_claims(grant: Grant) -> Grant:
    """Replace each placeholder with a claim of the greatest length, different for each pointer."""
    if not pointers(grant.prefix):
        return grant
    prefix = without_placeholders(
        grant.prefix, lambda pointer: sha256(pointer.encode()).hexdigest()[:LONGEST_CLAIM]
    )
    return replace(grant, prefix=prefix)
