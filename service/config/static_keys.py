"""Where the keys of `credentials: static` are: in a profile, or in two files."""

import configparser
import os
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

from service.config.quoting import quoted
from service.config.types import OFFLINE
from service.sessions.static_keys import read_key_file


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


def _check_key_file(path: Path, info: ValidationInfo) -> Path:
    if info.context != OFFLINE:
        read_key_file(path)
    return path


Profile = Annotated[str, AfterValidator(_check_profile)]
KeyFile = Annotated[Path, AfterValidator(_check_key_file)]
