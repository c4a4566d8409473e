"""What `presign check --live` found."""

from dataclasses import dataclass
from typing import Literal

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """`path` is the setting that it is about; empty for the machine itself.

    An `error` is wrong, a `warning` may be wrong or could not be looked at. The message has no
    secret, and no signed URL.
    """

    kind: Literal["works", "warning", "error"]
    path: Path
    message: str
