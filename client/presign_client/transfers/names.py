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

# Default_Ignorable_Code_Point of https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt
# which ext4 and f2fs leave out where they ignore case, and HFS+ in part.
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)


def is_path(name: str, *, on_windows: bool = os.name == "nt") -> bool:
    """Whether a name with slashes is a path below a directory, and leads to no other one."""
    segments = name.split("/")
    if {"", ".", ".."} & {*segments} or "\0" in name or "\\" in name:
        return False
    return not (on_windows and any(each[1:2] == ":" for each in segments))  # a drive


def is_below(key: str, prefix: str, *, on_windows: bool = os.name == "nt") -> bool:
    """Whether a key names a file or directory below a prefix.

    presign refuses dot segments. With their names `find` and `glob` would fail as a whole. On
    Windows `get` would write a name with a backslash or a drive to another directory.
    """
    if on_windows and not is_path(key.removeprefix(prefix).rstrip("/"), on_windows=True):
        return False
    return key.rstrip("/") != prefix.rstrip("/") and not {".", ".."} & set(key.split("/"))


def is_another_on_windows(name: str) -> bool:
    """Whether Windows opens another file than that of the name, or a device."""
    return any(map(_OTHERS_ON_WINDOWS.match, name.split("/")))


def is_hidden(name: str) -> bool:
    """Whether a segment of the name is like that of a file which a download fills."""
    return any(each.startswith(HIDDEN) for each in folded(name).split("/"))


def folded(name: str) -> str:
    """Return one text for all names that may be one file.

    File systems may ignore case, the form of Unicode and what is not seen: it is the caseless match
    of Unicode's definition D145, without ignorable characters.
    """
    if name.isascii():  # which has a single form
        return name.lower()
    return normalize("NFD", _IGNORABLE.sub("", normalize("NFD", name).casefold()))
