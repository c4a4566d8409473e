"""What a caller reads about itself, and an operator about it. Pure."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from service.access.grants import Caller, Grant, Operation


def describe(caller: Caller, grants: Iterable[Grant]) -> dict[str, Any]:
    """Return the members of `GET /v1/caller`. A missing value is absent."""
    members = {"subject": caller.subject, "issuer": caller.issuer}
    return _present(members) | {"grants": [_grant(grant) for grant in grants]}


def _grant(grant: Grant) -> dict[str, Any]:
    members = _present(asdict(grant))
    members["allow"] = [each for each in Operation if each in grant.allow]
    if Operation.LINK not in grant.allow:
        del members["max_link_expires_in"]
    return members


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
