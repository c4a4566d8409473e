"""The policy of a session whose credentials a program gets. Pure."""

from collections.abc import Iterable
from typing import Final

from service.access.bucket_arns import BucketArns
from service.access.create_only import overwriting_alone
from service.access.grants import Grant, Operation
from service.access.session_policy import (
    MAX_POLICY_LENGTH,
    OBJECT_ACTIONS,
    VERSION_ACTIONS,
    create_only_statements,
    document,
    encode,
    kms_statements,
    limit_statements,
    list_statements,
    object_statements,
)

# A signed upload has the tags that were requested. IAM would also let a program tag what exists.
_VENDED_ACTIONS: Final = {
    action: ops for action, ops in OBJECT_ACTIONS.items() if action != "s3:PutObjectTagging"
}


def vended_policy(grants: Iterable[Grant], arns: BucketArns, *, max_age: int | None) -> str:
    """Return the policy of a session whose credentials a program gets, as `session_policy`.

    No signature of ours limits the program, so every limit is in it, however long it is. It has no
    action that only the service needs. Copies are allowed: they need rights to both objects.
    """
    granted = list(grants)
    allowed = frozenset[Operation]().union(*(grant.allow for grant in granted))
    objects = object_statements(granted, arns, _VENDED_ACTIONS, VERSION_ACTIONS)
    create_only = create_only_statements(granted, overwriting_alone(granted), arns)
    limits = limit_statements(create_only, arns, max_age)
    policy = ""
    for with_versions in (True, False):
        lists = list_statements(granted, arns, frozenset(), with_versions=with_versions)
        policy = document(map(encode, [*objects, *lists, *kms_statements(allowed, arns), *limits]))
        if len(policy) <= MAX_POLICY_LENGTH:  # lists of versions matter least
            break
    return policy
