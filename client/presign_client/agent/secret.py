"""The secret that SDKs send to the agent. A file has it, which only its user may read."""

import os
import secrets
from pathlib import Path


def read_or_make(path: Path) -> str:
    """Return what the file has. Make it, with a random secret, if there is none.

    It has no newline: botocore sends the file's content as it is.

    Raises:
        OSError: if the file can be neither read nor made.
        ValueError: if it has what cannot be sent, or if another user can have written it.

    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        found = path.stat()
        if os.name == "posix" and others_may_have_written(found.st_mode, found.st_uid, os.getuid()):
            raise ValueError(
                "The authorization file belongs to another user, or others may write it."
            ) from None
        return _checked(path.read_text(errors="replace"))
    with os.fdopen(descriptor, "w") as file:
        made = secrets.token_urlsafe(32)
        file.write(made)
    return made


def others_may_have_written(mode: int, owner: int, user: int) -> bool:
    """Return whether another user than root can have written a file, and so knows the secret."""
    return owner not in {user, 0} or bool(mode & 0o022)


def _checked(text: str) -> str:
    if not text or not all("!" <= character <= "~" for character in text):
        raise ValueError(
            "The authorization file is empty, or has more than one word in ASCII without a newline."
            " Delete it, and the agent makes another."
        )
    return text
