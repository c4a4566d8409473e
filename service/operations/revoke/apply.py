"""`presign revoke --apply` and `--lift`: change the policies of roles, as the operator.

The credentials are the operator's, from the AWS default chain. The current policies are read, the
changes are shown, and the operator confirms before anything is written. An error with one role does
not stop the others.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from service.clock import SystemClock
from service.operations.revoke.iam import TOO_LARGE, IamRefused, RolePolicies, role_policies
from service.operations.revoke.output import DELAY, early_lift_warning, role, shown, too_large
from service.operations.revoke.policy import (
    Policy,
    Target,
    UnreadablePolicy,
    cutoff_in,
    merged,
    without,
)
from service.sessions.sts import operators_credentials

_Document = Mapping[str, Any] | None


async def change_policies(
    targets: Sequence[Target],
    cutoff: int | None,
    iam_endpoint_url: str | None,
    *,
    show: Callable[[str], None],
    confirm: Callable[[str], bool],
) -> list[str]:
    """Deny the sessions issued before `cutoff`, or lift the denial if it is None.

    Return the problems. Raises SessionRefused if there are no credentials.
    """
    if not targets:
        return ["there is no role to change"]
    if iam_endpoint_url is None and not all(target.is_at_aws for target in targets):
        return ["some roles are not at AWS; set their IAM with --iam-endpoint-url"]
    credentials = await operators_credentials()
    # The credentials are of one partition, so all roles are.
    client = role_policies(credentials, region=targets[0].region, endpoint_url=iam_endpoint_url)
    async with client as policies:
        applier = RevocationApplier(policies, show=show, confirm=confirm)
        if cutoff is None:
            return await applier.lift(targets, now=SystemClock().wall())
        return await applier.deny(targets, cutoff)


class Change(NamedTuple):
    """The new document of the target's policy; None deletes the policy."""

    target: Target
    document: Policy | None


class RevocationApplier:
    """Changes the policies of targets with `policies`. `confirm` asks the operator a question."""

    def __init__(
        self, policies: RolePolicies, *, show: Callable[[str], None], confirm: Callable[[str], bool]
    ) -> None:
        self._policies = policies
        self._show = show
        self._confirm = confirm

    async def deny(self, targets: Sequence[Target], cutoff: int) -> list[str]:
        """Deny sessions issued before `cutoff` on each role. Return the problems."""

        def change(target: Target, document: _Document) -> Change:
            return Change(target, merged(document, target.userids, cutoff))

        return await self._change(targets, change, f"in place. {DELAY}")

    async def lift(self, targets: Sequence[Target], *, now: float) -> list[str]:
        """Remove our statement from each role that has it. Return the problems."""

        def change(target: Target, document: _Document) -> Change | None:
            cutoff = cutoff_in(document, target.userids)
            if document is None or cutoff is None:
                self._show(f"{role(target)}: nothing is revoked")
                return None
            if (warning := early_lift_warning(target, cutoff, now)) is not None:
                self._show(f"warning: {warning}")
            return Change(target, without(document, target.userids))

        return await self._change(targets, change, "lifted.")

    async def _change(
        self,
        targets: Sequence[Target],
        change: Callable[[Target, _Document], Change | None],
        done: str,
    ) -> list[str]:
        """Read all policies, show what `change` returns, and write it if confirmed."""
        changes, problems = [], []
        for target in targets:
            try:
                document = await self._policies.read(target.role_arn, target.policy_name)
                changes.append(change(target, document))
            except (IamRefused, UnreadablePolicy) as error:
                problems.append(f"{role(target)}: {error}")
        return [*problems, *await self._write([each for each in changes if each], done)]

    async def _write(self, changes: Sequence[Change], done: str) -> list[str]:
        for line in chain.from_iterable(shown(target, document) for target, document in changes):
            self._show(line)
        if not changes:
            return []
        if not self._confirm("Apply these changes?"):
            return ["not confirmed; nothing was changed"]
        problems = []
        for target, document in changes:
            try:
                await self._policies.write(target.role_arn, target.policy_name, document)
                self._show(f"{role(target)}: {done}")
            except IamRefused as error:
                reason = too_large(target) if error.code == TOO_LARGE else error
                problems.append(f"{role(target)}: {reason}")
        return problems
