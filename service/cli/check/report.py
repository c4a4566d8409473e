"""The output of `presign check`: what a configuration means, and what is risky in it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from service.access.callers import CallerEntry, caller_name
from service.app import builders
from service.app.settings import Settings
from service.cli.check import (
    buckets,
    callers,
    cloudfront,
    conditions,
    console,
    grants,
    issuers,
    left_out,
    policies,
    r2,
)
from service.cli.check import strict as _strict
from service.cli.check.callers import Described
from service.cli.check.protocols import CheckedProtocols
from service.cli.options import Loaded
from service.config.process import located
from service.config.reading import Files
from service.errors import ConfigurationProblem
from service.signing.signer import Address

_MAX_LINES: Final = 50  # about callers


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What there is to say about a configuration. Its `errors` must be corrected.

    `size` counts what is configured. `callers` each have what they may do. `lengths` has lines of
    how long policies with conditions are, and `left_out` of what IAM does not enforce.
    `ages` are conditions for the policies of buckets, which few people need.
    `names` has the caller of each warning about one. `not_checked` are the files that were not
    read. `live` is what works now; None without `--live`.
    """

    errors: Sequence[ConfigurationProblem]
    file: str = ""
    size: str = ""
    warnings: Sequence[ConfigurationProblem] = ()
    names: Mapping[ConfigurationProblem, str] = field(default_factory=dict)
    callers: Sequence[Described] = ()
    description: Sequence[str] = ()
    ages: Sequence[str] = ()
    lengths: Sequence[str] = ()
    left_out: Sequence[str] = ()
    not_checked: Sequence[str] = ()
    live: Sequence[str] | None = None

    def document(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "errors": [*map(_members, self.errors)],
            "warnings": [*map(_members, self.warnings)],
            "callers": callers.documents(self.callers),
            "description": [*self.description, *self.ages, *self.left_out],
            "not_checked": self.not_checked,
            **({} if self.live is None else {"live": self.live}),
        }

    @property
    def verdict(self) -> str:
        found = [f"has {_count(len(self.errors), 'error')}" if self.errors else "is valid"]
        if self.warnings:
            found.append(_count(len(self.warnings), "warning"))
        return f"{self.file} {', with '.join(found)}: {self.size}"

    def warning_lines(self) -> Iterator[str]:
        """Yield the warnings for people. Those that say the same share a line."""
        equal = defaultdict[str, list[ConfigurationProblem]](list)
        for warning in self.warnings:
            equal[warning.message].append(warning)
        for first, *others in equal.values():
            names = dict.fromkeys(self.names.get(each, each.path) for each in (first, *others))
            where = f" ({len(others) + 1:,} places: {callers.together([*names])})"
            yield f"{first}{where if others else ''}"

    def lines(self, *, verbose: bool) -> Iterator[str]:
        """Yield the lines for people about buckets, protocols and callers."""
        yield from self.description
        yield from self.ages if verbose else ()
        yield from _first([*callers.describe(self.callers), *self.lengths])
        yield from _first(self.left_out)


def _first(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:_MAX_LINES]
    if len(lines) > _MAX_LINES:
        more = f"{len(lines) - _MAX_LINES:,} more lines"
        yield f"… and {more}: --caller NAME shows one caller, and --json all"


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def _members(problem: ConfigurationProblem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.line,
        "path": problem.path,
        "message": problem.message,
    }


def report(
    loaded: Loaded,
    now: datetime,
    *,
    offline: bool,
    traces: str | None,
    caller: str | None = None,
    strict: bool = False,
) -> Report:
    """Return all that there is to say about a configuration that is valid.

    `traces` is the URL that spans are sent to. With `caller`, a name or a subject, it describes
    only the callers that match. `strict` warns of more.
    """
    settings, files, (addresses, regions) = loaded
    # With thousands of callers to build the entries takes a while, so only once.
    entries = builders.caller_entries(settings)
    protocols = CheckedProtocols(settings, addresses, entries)
    found = [
        *warnings(settings, regions, entries, protocols),
        *callers.ending_keys(settings, now),
        *policies.oversized_by_claims(settings, addresses, entries),
        *(_strict.warnings(settings) if strict else ()),
    ]
    errors = [
        *policies.oversized_policies(settings, addresses, entries),
        *r2.errors(settings, entries),
        *issuers.errors(settings),
    ]
    names = _names(found, entries, files)
    described = entries if caller is None else callers.matching(entries, caller)
    arns = policies.bucket_arns(settings, addresses)
    general = [*describe(settings, addresses, entries, protocols), *_describe_traces(traces)]
    return Report(
        errors=in_order(errors, files),
        warnings=_in_order(names),
        names=names,
        file=str(files.path),
        size=f"{_count(len(settings.buckets), 'bucket')}, {_count(len(entries), 'caller')}",
        callers=[(each, tuple(callers.rights(protocols, each))) for each in described],
        description=general if caller is None else [],
        ages=[*buckets.signature_ages(settings, entries)] if caller is None else [],
        lengths=[*policies.longest_policies(arns, described)],
        left_out=[*left_out.describe(builders.buckets(settings, addresses), described)],
        not_checked=[*skipped_files(settings)] if offline else [],
    )


def in_order(problems: Iterable[ConfigurationProblem], files: Files) -> list[ConfigurationProblem]:
    """Return the problems, the grave ones first. One in a shared grant set appears once."""
    return _in_order(dict.fromkeys(located(problem, files) for problem in problems))


def _in_order(found: Iterable[ConfigurationProblem]) -> list[ConfigurationProblem]:
    return sorted(found, key=lambda each: (not each.grave, each.place))


def _names(
    problems: Iterable[ConfigurationProblem], entries: tuple[CallerEntry, ...], files: Files
) -> dict[ConfigurationProblem, str]:
    """Return the problems with their places, each with the caller that it is about, or its path."""
    names = dict[ConfigurationProblem, str]()
    for problem in problems:
        found = located(problem, files)
        match problem.location:
            case ("callers", int(i), *_) if found.location[:1] == ("callers",):
                names.setdefault(found, caller_name(entries[i]))
            case _:
                names.setdefault(found, found.path)
    return names


def describe(
    settings: Settings,
    addresses: Mapping[str, Address],
    entries: tuple[CallerEntry, ...],
    protocols: CheckedProtocols,
) -> Iterator[str]:
    """Yield lines about each bucket and each protocol."""
    yield from buckets.describe(settings, addresses, entries)
    yield from protocols.describe()
    yield from console.describe(settings)
    if settings.server.rate_limit_url is None and any(c.rate_limit for c in settings.callers):
        yield (
            "rate limits: each replica counts by itself, and so does each instance of a Lambda; "
            "set server.rate_limit_url to count together"
        )
    yield from policies.describe(policies.bucket_arns(settings, addresses))


def _describe_traces(endpoint: str | None) -> Iterator[str]:
    """Yield the host only: the URL may have a password."""
    if endpoint is not None:
        yield f"traces: OpenTelemetry spans go to {urlsplit(endpoint).hostname}"


def warnings(
    settings: Settings,
    known_regions: frozenset[str],
    entries: tuple[CallerEntry, ...],
    protocols: CheckedProtocols,
) -> Iterator[ConfigurationProblem]:
    """Yield what is allowed but risky, or has no effect."""
    if settings.unsafe_anonymous_caller is not None:
        text = "anybody who can reach the service has these grants"
        yield ConfigurationProblem(text, ("unsafe_anonymous_caller",), grave=True)
    yield from console.warnings(settings)
    yield from grants.warnings(settings, entries)
    yield from conditions.warnings(settings)
    yield from issuers.warnings(settings)
    yield from buckets.warnings(settings, known_regions)
    yield from cloudfront.warnings(settings)
    yield from policies.warnings(entries)
    yield from protocols.warnings()


def skipped_files(settings: Settings) -> Iterator[str]:
    """Yield the files with certificates and keys that `--offline` does not read."""
    for name, bucket in settings.buckets.items():
        private = () if bucket.cloudfront is None else bucket.cloudfront.key_files
        files = (*bucket.files_of_keys, *private)
        yield from (f"buckets.{name}: keys in {path}" for path in files)
    if settings.server.ca_bundle is not None:
        yield f"server.ca_bundle {settings.server.ca_bundle}"
    for name, issuer in settings.issuers.items():
        if issuer.ca_file is not None:
            yield f"issuers.{name}.ca_file {issuer.ca_file}"
    if settings.links is not None:
        yield from (f"links.keys.{i} {path}" for i, path in enumerate(settings.links.keys))
