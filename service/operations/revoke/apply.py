"""`presign revoke --apply` and `--lift`: what changes on which role, and that it is done.

What stands is read first, then shown, then an operator agrees. A role that fails keeps no other from
its turn.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.operations.revoke.iam import (
    TOO_LARGE,
    IamRefused,
    RolePolicies,
    role_policies,
)
from service.operations.revoke.policy import (
    DELAY,
    Policy,
    Target,
    UnreadablePolicy,
    cutoff_in,
    early_lift_warning,
    merged,
    place,
    shown,
    too_large,
    without,
)
from service.sessions.sts import operators_credentials


@dataclass(frozen=True, slots=True)
class Change:
    """`document` is to stand under the target's name; None, if nothing is."""

    target: Target
    document: Policy | None


async def apply_revocation(
    targets: Sequence[Target],
    moment: int | None,
    endpoint_url: str | None,
    *,
    now: float,
    show: Callable[[str], None],
    agreed: Callable[[str], bool],
) -> list[str]:
    """With an operator's own credentials: `deny` until `moment`, or `lift` without one.

    All roles are of one partition, since the credentials are. Raises SessionRefused.
    """
    credentials = await operators_credentials()
    region = targets[0].region
    async with role_policies(credentials, region=region, endpoint_url=endpoint_url) as policies:
        switch = RevocationApplier(policies, show=show, agreed=agreed)
        if moment is None:
            return await switch.lift(targets, now=now)
        return await switch.deny(targets, moment)


class RevocationApplier:
    def __init__(
        self,
        policies: RolePolicies,
        *,
        show: Callable[[str], None],
        agreed: Callable[[str], bool],
    ) -> None:
        """`agreed` asks whoever runs the command."""
        self._policies = policies
        self._show = show
        self._agreed = agreed

    async def deny(self, targets: Iterable[Target], moment: int) -> list[str]:
        """What failed, in words: of the sessions issued before `moment`, on each role."""
        changes, problems = [], []
        for target in targets:
            try:
                found = await self._read(target)
                changes.append(Change(target, merged(found, target.userid, moment)))
            except (IamRefused, UnreadablePolicy) as error:
                problems.append(_problem(target, error))
        return [*problems, *await self._make(changes, f"in place. {DELAY}")]

    async def lift(self, targets: Iterable[Target], *, now: float) -> list[str]:
        """What failed, in words. Where nothing of ours stands there is nothing to do."""
        changes, problems = [], []
        for target in targets:
            try:
                change = self._lifting(target, await self._read(target), now)
                changes += [change] if change is not None else []
            except (IamRefused, UnreadablePolicy) as error:
                problems.append(_problem(target, error))
        return [*problems, *await self._make(changes, "lifted.")]

    def _lifting(
        self, target: Target, found: Mapping[str, Any] | None, now: float
    ) -> Change | None:
        moment = cutoff_in(found, target.userid)
        if found is None or moment is None:
            self._show(f"{place(target)}: nothing is revoked")
            return None
        if (warning := early_lift_warning(target, moment, now)) is not None:
            self._show(f"warning: {warning}")
        return Change(target, without(found, target.userid))

    async def _read(self, target: Target) -> Mapping[str, Any] | None:
        return await self._policies.read(target.role_arn, target.policy_name)

    async def _make(self, changes: Sequence[Change], done: str) -> list[str]:
        for change in changes:
            for line in _told(change):
                self._show(line)
        if not changes:
            return []
        if not self._agreed("Apply these changes?"):
            return ["you did not agree; nothing was changed"]
        problems = []
        for change in changes:
            try:
                await self._write(change)
                self._show(f"{place(change.target)}: {done}")
            except IamRefused as error:
                problems.append(_problem(change.target, error))
        return problems

    async def _write(self, change: Change) -> None:
        arn, name = change.target.role_arn, change.target.policy_name
        if change.document is None:
            await self._policies.delete(arn, name)
        else:
            document = json.dumps(change.document, separators=(",", ":"))
            await self._policies.put(arn, name, document)


def _told(change: Change) -> Iterable[str]:
    if change.document is None:
        return [f"{place(change.target)}: inline policy {change.target.policy_name} is deleted"]
    return shown(change.target, change.document)


def _problem(target: Target, error: Exception) -> str:
    full = isinstance(error, IamRefused) and error.code == TOO_LARGE
    return f"{place(target)}: {too_large(target) if full else error}"
