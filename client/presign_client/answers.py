"""The form of presign's answers. What has another one is from somewhere else."""

from collections.abc import Mapping
from typing import Any

# What a member that is missing, or of another type, raises where it is read.
OF_ANOTHER_FORM = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


def with_members(answer: Any, **kinds: type) -> Mapping[str, Any]:
    """Return an object of an answer that has these members, of these types.

    Raises:
        One of `OF_ANOTHER_FORM`: if it has another form.

    """
    if not all(isinstance(answer[name], kind) for name, kind in kinds.items()):
        raise TypeError
    found: Mapping[str, Any] = answer
    return found
