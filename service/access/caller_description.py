"""Describes a caller's rights, to itself and to an operator. Pure."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

from service.access.callers import CallerEntry, Identity
from service.access.claims import Fact, value_of
from service.access.conditions import members
from service.access.grants import Grant, Operation
from service.access.limits import limits_of


def describe(
    identity: Identity, grants: Iterable[Grant], matched: Iterable[CallerEntry]
) -> dict[str, Any]:
    """Return the members of `GET /v1/caller`. A missing value is absent.

    `matched` are the entries that match. Of the token's claims it has only what they demand.
    """
    conditions = [condition(entry, entry.held(identity.facts)) for entry in matched]
    return _present({"subject": identity.caller.subject, "issuer": identity.caller.issuer}) | {
        "matched": [each for i, each in enumerate(conditions) if each not in conditions[:i]],
        "grants": [*map(describe_grant, grants)],
    }


def describe_entry(entry: CallerEntry) -> dict[str, Any]:
    """Return an entry in the same form, with the conditions that it has."""
    demanded = condition(entry, chain.from_iterable(entry.claims))
    return (
        _present({"issuer": entry.issuer})
        | demanded
        | {"grants": [*map(describe_grant, entry.grants)]}
    )


def condition(entry: CallerEntry, facts: Iterable[Fact]) -> dict[str, Any]:
    """Return what the entry compares: its subject, and these facts by their pointers, as text."""
    claims = dict[str, str]()
    for pointer, value in sorted(facts):
        text = value_of((pointer, value)) if value.startswith('"') else value
        claims[pointer] = f"{claims[pointer]}, {text}" if pointer in claims else f"{text}"
    return _present({"subject": entry.subject, "claims": claims or None})


def describe_grant(grant: Grant) -> dict[str, Any]:
    allow = [operation for operation in Operation if operation in grant.allow]
    limits = {limit.name: value for limit, value in limits_of(grant)}
    where = {"bucket": grant.bucket, "prefix": grant.prefix, "allow": allow}
    return {**where, **limits, **members(grant.conditions)}


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
