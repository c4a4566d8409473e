"""Files with keys: of share links and Git LFS, and those of `credentials: static`."""

from base64 import b64decode, b64encode
from pathlib import Path
from typing import Annotated, Final

from service.config.types import read_by
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


KeyFile = Annotated[Path, read_by(read_key)]
StaticKeyFile = Annotated[Path, read_by(read_key_file)]
