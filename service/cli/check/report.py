"""The output of `presign check`: what a configuration means, and what is risky in it."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from service.access.callers import CallerEntry
from service.access.grants import Caller, Grant, Operation
from service.api.rendering import render_caller
from service.app import builders
from service.app.builders import caller_name
from service.cli.check import (
    api_keys,
    aws_lambda,
    buckets,
    console,
    credentials,
    git_lfs,
    grants,
    limits,
    links,
    mlflow,
    package_index,
    policies,
    remote_signing,
    uppy,
)
from service.config.reading import Files
from service.config.settings import Settings, placed
from service.errors import ConfigurationProblem
from service.signing.signer import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What there is to say about a configuration. Its `errors` must be corrected.

    `callers` are as `GET /v1/caller` shows them. `not_checked` are the files that were not read.
    `live` is what works now; None without `--live`.
    """

    errors: Sequence[ConfigurationProblem]
    warnings: Sequence[ConfigurationProblem] = ()
    callers: Sequence[Any] = ()
    description: Sequence[str] = ()
    not_checked: Sequence[str] = ()
    live: Sequence[str] | None = None

    def document(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "errors": [*map(_members, self.errors)],
            "warnings": [*map(_members, self.warnings)],
            "callers": self.callers,
            "description": self.description,
            "not_checked": self.not_checked,
            **({} if self.live is None else {"live": self.live}),
        }


def _members(problem: ConfigurationProblem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.line,
        "path": problem.path,
        "message": problem.message,
    }


def report(
    settings: Settings,
    addresses: Mapping[str, Address],
    files: Files,
    now: datetime,
    *,
    offline: bool,
    traces: str | None,
) -> Report:
    """Return all that there is to say about a configuration that is valid.

    `traces` is the URL that spans are sent to.
    """
    # With thousands of callers to build the entries takes a while, so only once.
    entries = builders.caller_entries(settings)
    found = [*warnings(settings, entries), *api_keys.warnings(settings, now)]
    errors = policies.oversized_policies(settings, addresses, entries)
    return Report(
        errors=in_order(errors, files),
        warnings=in_order(found, files),
        callers=[
            json.loads(render_caller(Caller(issuer=each.issuer, subject=each.subject), each.grants))
            for each in entries
        ],
        description=[*describe(settings, addresses, entries), *_describe_traces(traces)],
        not_checked=[*skipped_files(settings)] if offline else [],
    )


def in_order(problems: Iterable[ConfigurationProblem], files: Files) -> list[ConfigurationProblem]:
    """Return the problems in the order of the files. One in a shared grant set appears once."""
    found = dict.fromkeys(placed(each, files) for each in problems)
    return sorted(found, key=lambda each: each.place)


def describe(
    settings: Settings, addresses: Mapping[str, Address], entries: tuple[CallerEntry, ...]
) -> Iterator[str]:
    """Yield lines about each bucket, and about what each caller may do."""
    yield from buckets.describe(settings, addresses, entries)
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
    yield from package_index.describe(settings, entries)
    yield from git_lfs.describe(settings, entries)
    yield from mlflow.describe(settings, entries)
    yield from uppy.describe(settings, entries)
    yield from links.describe(settings, entries)
    yield from console.describe(settings)
    yield from credentials.describe(settings, entries)
    yield from remote_signing.describe(entries)
    yield from aws_lambda.describe(settings)
    callers = (
        (caller_name(each), [*map(policies.with_long_claims, each.grants)]) for each in entries
    )
    yield from limits.describe(policies.bucket_arns(settings, addresses), callers)


def _describe_traces(endpoint: str | None) -> Iterator[str]:
    """Yield the host only: the URL may have a password."""
    if endpoint is not None:
        yield f"traces: OpenTelemetry spans go to {urlsplit(endpoint).hostname}"


def warnings(
    settings: Settings, entries: tuple[CallerEntry, ...]
) -> Iterator[ConfigurationProblem]:
    """Yield what is allowed but risky, or has no effect."""
    if settings.unsafe_anonymous_caller is not None:
        text = "anybody who can reach the service has these grants"
        yield ConfigurationProblem(text, ("unsafe_anonymous_caller",))
    if settings.objects is not None and settings.server.cors_origins:
        text = (
            "a redirect from /o/ makes browsers send `Origin: null` to the store, so a bucket that "
            "pages use through object URLs needs a CORS rule with the origin *: see "
            "docs/object-urls.md"
        )
        yield ConfigurationProblem(text, ("server", "cors_origins"))
    yield from console.warnings(settings)
    yield from grants.warnings(settings, entries)
    yield from buckets.warnings(settings)
    yield from policies.warnings(entries)
    yield from package_index.warnings(settings, entries)
    yield from git_lfs.warnings(settings, entries)
    yield from mlflow.warnings(settings, entries)
    yield from uppy.warnings(settings, entries)
    yield from links.warnings(settings, entries)
    yield from credentials.warnings(settings)
    yield from remote_signing.warnings(settings)
    yield from aws_lambda.warnings(settings)


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


def _grant(grant: Grant) -> str:
    operations = ", ".join(operation for operation in Operation if operation in grant.allow)
    keys = f"{grant.prefix}…" if grant.prefix.endswith("/") else grant.prefix or "everything"
    parts = [
        f"{operations} {keys} in {grant.bucket}",
        f"for at most {grant.max_expires_in} s" if grant.max_expires_in else "",
        f"at most {grant.max_content_length} bytes" if grant.max_content_length is not None else "",
        f"only {', '.join(grant.content_types)}" if grant.content_types is not None else "",
        f"at most {grant.max_keys} keys a page" if grant.max_keys else "",
        f"links for at most {grant.max_link_expires_in} s" if Operation.LINK in grant.allow else "",
        "and overwrite objects" if grant.allow_overwrite else "",
    ]
    return ", ".join(filter(None, parts))
