"""Names of local files: which keys may be one, and which of them may be one file. Pure."""

import os
import re
from unicodedata import normalize

HIDDEN = ".presign-"  # begins the name of a file that a download fills

# Streams and other names of a file, and devices:
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_OTHERS_ON_WINDOWS = re.compile(
    r".*:|.*[. ]$|(con|prn|aux|nul|con(in|out)\$|(com|lpt)[0-9¹²³]) *(\.|$)", re.IGNORECASE
)


def is_path(name: str, *, on_windows: bool = os.name == "nt") -> bool:
    """Whether a name with slashes is a path below a directory, and leads to no other one."""
    segments = name.split("/")
    if {"", ".", ".."} & {*segments} or "\0" in name or "\\" in name:
        return False
    return not (on_windows and any(each[1:2] == ":" for each in segments))  # a drive


def is_another_on_windows(name: str) -> bool:
    """Whether Windows opens another file than that of the name, or a device."""
    return any(map(_OTHERS_ON_WINDOWS.match, name.split("/")))


def is_hidden(name: str) -> bool:
    """Whether a segment of the name is like that of a file which a download fills."""
    return any(each.startswith(HIDDEN) for each in folded(name).split("/"))


def folded(name: str) -> str:
    """Return one text for all names that may be one file.

    File systems may ignore case and the form of Unicode: it is the caseless match of Unicode's
    definition D145.
    """
    return normalize("NFD", normalize("NFD", name).casefold())
