"""What `presign check` says about session policies: how long they are, and what STS refuses."""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from itertools import chain, islice
from typing import Final

from service.access.bucket_arns import BucketArns
from service.access.caller_entries import Entries
from service.access.callers import (
    CallerEntry,
    Identity,
    caller_name,
    pointers,
    without_placeholders,
)
from service.access.claims import LONGEST_CLAIM, NO_FACTS
from service.access.conditions import conditions_of, words
from service.access.grants import Caller, Conditions, Grant, of_buckets
from service.access.session_policy import (
    MAX_POLICY_LENGTH,
    least_policies,
)
from service.app import builders
from service.app.settings import Settings
from service.cli.check.callers import together
from service.errors import ConfigurationProblem
from service.protocols.vended_credentials import CredentialsRequest, policy_for
from service.signing.signer import Address

# By bucket; None if its sessions are not scoped
Arns = Mapping[str, BucketArns | None]

MAX_OVERLAPS: Final = 20_000  # takes a second or two
_ALPHANUMERIC: Final = re.compile("[0-9A-Za-z]")


def oversized_policies(
    settings: Settings, addresses: Mapping[str, Address], entries: tuple[CallerEntry, ...]
) -> Iterator[ConfigurationProblem]:
    """Yield a problem for each session policy that STS would refuse, with its caller."""
    sizes = _Sizes(bucket_arns(settings, addresses))
    locations = dict(zip(map(id, entries), settings.caller_locations(), strict=True))
    for entry, grants in widest_callers(entries):
        for text in sizes.oversized(grants):
            problem = f"{caller_name(entry)}: {text}; merge or shorten its prefixes"
            yield ConfigurationProblem(problem, locations[id(entry)])


def oversized_by_claims(
    settings: Settings, addresses: Mapping[str, Address], entries: tuple[CallerEntry, ...]
) -> Iterator[ConfigurationProblem]:
    """Yield a warning for each issuer whose callers with several claims STS might refuse."""
    sizes = _Sizes(bucket_arns(settings, addresses))
    for issuer in settings.issuers:
        by_claims = [each for each in entries if each.issuer == issuer and each.claims]
        grants = [each for entry in by_claims for each in _longest_grants(entry)]
        for text in sizes.oversized(grants) if len(by_claims) > 1 else ():
            problem = f"for a caller with the claims of all entries, {text}"
            yield ConfigurationProblem(problem, ("issuers", issuer))


class _Sizes:
    """Says which policies are too long, of each combination of grants on a bucket once."""

    def __init__(self, arns: Arns) -> None:
        self._arns = arns
        self._of_shape = cache(lambda name, own: tuple(self._of_bucket(name, own)))
        self._known = dict[tuple[Hashable, ...], tuple[str, ...]]()
        self._kept = list[Grant]()  # so that no other grant gets its id

    def oversized(self, grants: list[Grant]) -> Iterator[str]:
        for name, own in sorted(of_buckets(grants).items()):
            # Callers that overlap have the same grants again and again.
            at = (name, *map(id, own))
            if (texts := self._known.get(at)) is None:
                self._kept += own
                texts = self._known[at] = self._of_shape(name, shape_of(own, self._arns))
            yield from texts

    def _of_bucket(self, name: str, own: tuple[Grant, ...]) -> Iterator[str]:
        if (arns := self._arns[name]) is None:
            return
        for what, policy in _policies(own, name, arns):
            if len(policy) > MAX_POLICY_LENGTH:
                yield (
                    f"{what} for bucket {name} can have {len(policy)} characters, but STS accepts "
                    f"{MAX_POLICY_LENGTH} at most"
                )


def _policies(
    grants: tuple[Grant, ...], bucket: str, arns: BucketArns
) -> Iterator[tuple[str, str]]:
    for conditions, own in conditions_of(grants).items():
        for policy in dict.fromkeys(least_policies(tuple(own), arns)):
            yield f"its session policy{under(conditions)}", policy
    vended = policy_for(grants, CredentialsRequest(bucket=bucket), arns)
    if vended:
        yield "the session policy of its credentials", vended


def under(conditions: Conditions | None) -> str:
    """Return the words that follow "session policy", which has one for each set of conditions."""
    return "" if conditions is None else f" under {', '.join(words(conditions))}"


def warnings(entries: tuple[CallerEntry, ...]) -> Iterator[ConfigurationProblem]:
    overlaps = _overlaps(Entries(entries))
    if next(islice(overlaps, MAX_OVERLAPS, None), None) is not None:
        text = f"over {MAX_OVERLAPS} pairs of subjects overlap; only that many are checked"
        yield ConfigurationProblem(text, ("callers",))


def bucket_arns(
    settings: Settings, addresses: Mapping[str, Address]
) -> dict[str, BucketArns | None]:
    tags = builders.tags_read_by(settings)
    return {
        name: builders.arns(name, bucket, addresses[name].region, tags)
        for name, bucket in settings.buckets.items()
    }


def widest_callers(
    entries: tuple[CallerEntry, ...],
) -> Iterator[tuple[CallerEntry, list[Grant]]]:
    """Yield example callers: one per entry, and one per overlapping pair of subjects.

    Each is the last entry that matches it, and the grants of all that do.
    """
    index, longest = Entries(entries), {id(each): _longest_grants(each) for each in entries}
    examples = [(each.caller, each.facts) for each in (entry.example() for entry in entries)]
    overlaps = (
        (Caller(issuer=issuer, subject=subject), NO_FACTS)
        for issuer, subject in islice(_overlaps(index), MAX_OVERLAPS)
    )
    for caller, facts in dict.fromkeys(chain(examples, overlaps)):
        if matching := index.of(Identity(caller, facts=facts)):
            yield matching[-1], [each for entry in matching for each in longest[id(entry)]]


def _longest_grants(entry: CallerEntry) -> list[Grant]:
    return [with_long_claims(grant) for grant in entry.grants]


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


def describe(arns: Arns) -> Iterator[str]:
    """Yield a line about each store that supports no limits."""
    for name, each in arns.items():
        if each is not None and not each.enforces_limits:
            yield (
                f"bucket {name}: signatures enforce create-only and lifetimes; the session policy "
                "does not, since only AWS is sure to support its conditions"
            )


def longest_policies(arns: Arns, entries: Iterable[CallerEntry]) -> Iterator[str]:
    """Yield how long the session policies of callers are whose grants have conditions.

    It is computed once for all callers of one shape.
    """
    named = defaultdict[str, list[str]](list)
    texts_of = cache(lambda shape: [*_longest_policies(arns, shape)])
    for entry in entries:
        if any(grant.conditions for grant in entry.grants):
            for text in texts_of(shape_of(_longest_grants(entry), arns)):
                named[text].append(caller_name(entry))
    yield from (f"{together(names)}: {text}" for text, names in named.items())


def _longest_policies(arns: Arns, grants: Sequence[Grant]) -> Iterator[str]:
    for name, own in sorted(of_buckets(grants).items()):
        known = arns[name]
        if known is not None and any(grant.conditions for grant in own):
            length = max(len(policy) for _, policy in _policies(tuple(own), name, known))
            yield (
                f"the longest of its session policies for bucket {name} needs {length:,} of "
                f"{MAX_POLICY_LENGTH:,} characters"
            )


def shape_of(grants: Sequence[Grant], arns: Arns) -> tuple[Grant, ...]:
    """Return grants whose policies have the statements and the length of those of these.

    Thousands of callers have the same grants, each below a prefix of its own: they share a shape.
    """
    prefixes = defaultdict[str, list[str]](list)
    places = [grant.bucket if (at := arns[grant.bucket]) is None else at.bucket for grant in grants]
    for place, grant in zip(places, grants, strict=True):  # two names may be one bucket's
        prefixes[place].append(grant.prefix)
    starts = {place: _common(each) for place, each in prefixes.items()}
    return tuple(
        replace(grant, prefix=_ALPHANUMERIC.sub("x", start) + grant.prefix[len(start) :])
        for grant, start in zip(grants, map(starts.__getitem__, places), strict=True)
    )


def _common(texts: Sequence[str]) -> str:
    """Return how all of the texts begin."""
    first, last = min(texts), max(texts)
    end = (i for i, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    return first if last.startswith(first) else first[: next(end)]
