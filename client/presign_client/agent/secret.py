"""The secret that SDKs send to the agent. A file has it, which only its user may read."""

import os
import secrets
from pathlib import Path


def read_or_make(path: Path) -> str:
    """Return what the file has. Make it, with a random secret, if there is none.

    It has no newline: botocore sends the file's content as it is.

    Raises:
        OSError: if the file can be neither read nor made.
        ValueError: if it has what cannot be sent.

    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _checked(path.read_text(errors="replace"))
    with os.fdopen(descriptor, "w") as file:
        made = secrets.token_urlsafe(32)
        file.write(made)
    return made


def _checked(text: str) -> str:
    if not text or not all("!" <= character <= "~" for character in text):
        raise ValueError(
            "The authorization file is empty, or has more than one word in ASCII without a newline."
            " Delete it, and the agent makes another."
        )
    return text
