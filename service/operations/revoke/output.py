"""What `presign revoke` prints. Pure."""

import json
from collections.abc import Iterator
from typing import Final

from service.operations.revoke.policy import (
    Policy,
    Revocation,
    Target,
    merged,
    revoked_before,
    written,
)

DELAY: Final = "AWS takes minutes to apply it everywhere."
# …/IAM/latest/UserGuide/reference_iam-quotas.html: all inline policies of a role together
_MAX_CHARACTERS: Final = "10,240"


def instructions(revocation: Revocation, cutoff: int) -> Iterator[str]:
    """Yield what to put on the roles by hand."""
    if not revocation.targets:
        return
    yield (
        f"These policies deny the sessions of {revocation.caller} issued before {written(cutoff)}, "
        "which ends their URLs. Put them on the roles, or run this command again with "
        f"--at {written(cutoff)} --apply. {DELAY}"
    )
    for target in revocation.targets:
        yield from shown(target, merged(None, target.userids, cutoff))


def configuration(revocation: Revocation, cutoff: int) -> Iterator[str]:
    """Yield what to add to the configuration, so that replicas drop the denied sessions."""
    if revocation.entry:
        yield (
            "Add this to the configuration. Each replica drops the caller's older sessions when it "
            "reloads. Until then the URLs that it signs do not work."
        )
        yield from revocation.entry
        yield f"    revoked_before: {written(revoked_before(cutoff))}"


def shown(target: Target, document: Policy | None) -> Iterator[str]:
    """Yield the new policy of a target; None means that it is deleted."""
    yield f"{role(target)}, inline policy {target.policy_name}:"
    yield "deleted" if document is None else json.dumps(document, indent=2)


def role(target: Target) -> str:
    buckets = f"bucket{'s' if len(target.buckets) > 1 else ''} {', '.join(target.buckets)}"
    return f"role {target.role_arn} ({buckets})"


def too_large(target: Target) -> str:
    return (
        f"no room: a role's inline policies can have {_MAX_CHARACTERS} characters in all. Nothing "
        f"was changed. Lift revocations older than {target.seconds} s, whose sessions have expired "
        f"(`aws iam list-role-policies --role-name {target.role_arn.rpartition('/')[2]}` lists "
        "presign-revoke-…), or move the role's permissions into a managed policy"
    )


def early_lift_warning(target: Target, cutoff: int, now: float) -> str | None:
    """Return a warning if denied sessions are still alive, else None."""
    ends = cutoff + target.seconds
    if now >= ends:
        return None
    return (
        f"{role(target)}: sessions issued before {written(cutoff)} can live until {written(ends)}; "
        "their URLs will work again"
    )
