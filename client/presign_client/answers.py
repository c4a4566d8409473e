"""What answers of presign and of the store must have."""

import re
from collections.abc import Mapping
from typing import Any

from presign_client.errors import PresignError

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


def length_of(header: str | None) -> int:
    """Return the length of an object, as a header of the store says it.

    Raises:
        PresignError: if it does not.

    """
    found = re.fullmatch("[0-9]{1,18}", header or "")  # the sizes of files have 63 bits
    if found is None:
        raise PresignError("storage_refused", "The store does not say how long the object is.")
    return int(found[0])
