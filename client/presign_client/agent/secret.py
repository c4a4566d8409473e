"""The secret that SDKs send to the agent. A file has it, which only its user may read.

It has no newline: botocore sends the file's content as it is.
"""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def publish(secret: str, path: Path) -> None:
    """Write the secret to a new file, which replaces the one of an earlier run at once."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secret)
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def read_or_make(path: Path) -> str:
    """Return what a file of the user's choice has. Make it, with a random secret, if there is none.

    Raises:
        OSError: if the file can be neither read nor made.
        ValueError: if it has what cannot be sent, or if another user may know it.

    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    with os.fdopen(descriptor, "w") as file:
        made = new_secret()
        file.write(made)
    return made


def others_may_have_written(mode: int, owner: int, user: int) -> bool:
    """Return whether another user than root can have written a file, and so knows the secret."""
    return owner not in {user, 0} or bool(mode & 0o022)


def others_may_read(mode: int, owner: int, user: int) -> bool:
    """Return whether others may read a file of the user.

    Kubernetes mounts a Secret as a file of root, which another user could not read otherwise.
    """
    is_mounted_for_user = owner == 0 and user != 0
    return not is_mounted_for_user and bool(mode & 0o044)


def _read(path: Path) -> str:
    with path.open(errors="replace") as file:
        found = os.fstat(file.fileno())
        if os.name == "posix":
            user = os.getuid()
            if others_may_have_written(found.st_mode, found.st_uid, user):
                raise ValueError(
                    "The authorization file belongs to another user, or others may write it."
                )
            if others_may_read(found.st_mode, found.st_uid, user):
                raise ValueError("Others may read the authorization file: `chmod 600` it.")
        return _checked(file.read())


def _checked(text: str) -> str:
    if not text or not all("!" <= character <= "~" for character in text):
        raise ValueError(
            "The authorization file is empty, or has more than one word in ASCII without a newline."
            " Delete it, and the agent makes another."
        )
    return text
