"""Files with keys: of share links and Git LFS, and those of `credentials: static`."""

from base64 import b64decode, b64encode
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, ValidationInfo

from service.config.types import OFFLINE
from service.sessions.static_keys import read_key_file

KEY_BYTES: Final = 32


def new_key(random: bytes) -> str:
    """Return KEY_BYTES random bytes as the text of a key file."""
    return b64encode(random).decode()


def read_key(path: Path) -> bytes:
    """Return the key in a file.

    Raises ValueError, which repeats neither the content nor the path: that may be a key by mistake.
    """
    try:
        key = b64decode(path.read_text(encoding="ascii").strip(), validate=True)
    except (OSError, ValueError):  # of a file that is missing, or of other text
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(
            "write the path of a readable file with a key as `presign new-link-key` prints it"
        )
    return key


def _check_key_file(path: Path, info: ValidationInfo) -> Path:
    if info.context != OFFLINE:
        read_key(path)
    return path


KeyFile = Annotated[Path, AfterValidator(_check_key_file)]


def _check_static_key(path: Path, info: ValidationInfo) -> Path:
    if info.context != OFFLINE:
        read_key_file(path)
    return path


StaticKeyFile = Annotated[Path, AfterValidator(_check_static_key)]
