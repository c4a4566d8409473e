"""Files with keys: of share links and Git LFS, and those of `credentials: static`."""

import configparser
import os
from base64 import b64decode, b64encode
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, ValidationInfo

from service.config.quoting import quoted
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


def profile_files() -> tuple[Path, ...]:
    """Return AWS's shared configuration files, which have the profiles. They need not exist.

    docs.aws.amazon.com/sdkref/latest/guide/file-location.html
    """
    credentials = os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"
    config = os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config"
    return Path(credentials).expanduser(), Path(config).expanduser()


def profiles() -> list[str]:
    """Return the names of the profiles. A file that cannot be read has none."""
    return sorted({name for path in profile_files() for name in _profiles(path)})


def _profiles(path: Path) -> list[str]:
    parser = configparser.RawConfigParser(default_section="")  # as botocore reads it
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, OSError, UnicodeDecodeError):
        return []
    return [section.removeprefix("profile ").strip("\"' ") for section in parser.sections()]


def _check_profile(name: str, info: ValidationInfo) -> str:
    if info.context != OFFLINE and name not in (known := profiles()):
        near = get_close_matches(name, known, 1)
        suggestion = f"; did you mean {quoted(near[0])}?" if near else ""
        files = " or ".join(map(str, profile_files()))
        raise ValueError(f"no such profile is in {files}{suggestion}")
    return name


def _check_static_key(path: Path, info: ValidationInfo) -> Path:
    if info.context != OFFLINE:
        read_key_file(path)
    return path


Profile = Annotated[str, AfterValidator(_check_profile)]
StaticKeyFile = Annotated[Path, AfterValidator(_check_static_key)]
