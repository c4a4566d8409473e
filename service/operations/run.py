"""Runs the operations with the operator's own credentials, from the AWS default chain."""

from collections.abc import Callable, Sequence

from service.clock import SystemClock
from service.operations.revoke.apply import RevocationApplier
from service.operations.revoke.iam import role_policies
from service.operations.revoke.policy import Target
from service.sessions.sts import operators_credentials


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
