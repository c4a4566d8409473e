"""Each caller's own prefix in a bucket, and new keys below it. Pure.

A template such as `uploads/{caller}/` says where the prefix is. Rules of this file:
- No caller's prefix contains another's. A caller is always two segments, issuer and subject, and no
  issuer's name starts like `API_KEYS`.
- Distinct callers have distinct segments: the encoding is reversible, or a digest.
- The rest of a key is a unique id and the file's name, changed where S3 could not sign it.
"""

import re
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from service.access.callers import Identity, pointers, without_placeholders
from service.access.claims import LONGEST_CLAIM
from service.signing.post_policy import FILENAME_VARIABLE
from service.signing.validation import CONTROL, MAX_KEY_BYTES

CALLER: Final = "{caller}"
API_KEYS: Final = "_key"  # issuer names start with a letter or a digit
UNIQUE_ID: Final = 32  # characters
LONGEST_NAME: Final = 255  # bytes, the limit of most file systems
_LONGEST_SUBJECT: Final = 128
_LONGEST_ISSUER: Final = 63
# Leaves room for the id, a slash and the longest name.
MAX_PREFIX_BYTES: Final = MAX_KEY_BYTES - UNIQUE_ID - len("/") - LONGEST_NAME

_UNSAFE = re.compile(r"^\.|[^A-Za-z0-9._-]")
_SEPARATORS = re.compile(r"[/\\]")
_DOTS = re.compile(r"\.{1,2}")
_LONGEST_EXTENSION: Final = 32


def caller_prefix(template: str, identity: Identity) -> str | None:
    """Return the caller's own prefix, or None if the caller lacks a claim in the template."""
    if not identity.claims.keys() >= set(pointers(template)):
        return None
    filled = without_placeholders(template, identity.claims.__getitem__)
    caller = identity.caller
    issuer = API_KEYS if caller.issuer is None else caller.issuer
    return filled.replace(CALLER, f"{issuer}/{_encoded(caller.subject)}")


def longest_prefix(template: str) -> int:
    """Return the bytes of the longest prefix that a caller can have."""
    filled = without_placeholders(template, lambda _: "x" * LONGEST_CLAIM)
    caller = "x" * (_LONGEST_ISSUER + len("/") + _LONGEST_SUBJECT)
    return len(filled.replace(CALLER, caller).encode())


def new_object_key(prefix: str, name: str, unique_id: Callable[[], str]) -> str:
    """Return a new key below `prefix` for a file called `name`."""
    return f"{prefix}{unique_id()}/{safe_name(name)}"


def visit_folder(prefix: str, visitor: str, date: str, sender: str) -> str:
    """Return the folder of a visit: `2026-12-01 Ann Smith 3f9a1c27b04e`, by the visitor's id.

    The name is cut to what the longest file name leaves of a key. Without one it is the id alone.
    """
    room = MAX_KEY_BYTES - LONGEST_NAME - len(f"{prefix}{date}  {visitor}/".encode())
    named = safe_name(sender).encode()[: max(room, 0)].decode("utf-8", "ignore").strip()
    return f"{date} {named} {visitor}" if sender and named else visitor


def sent_object_key(prefix: str, folder: str, date: str, name: str) -> str:
    """Return the key of a file that a visitor of a drop box sends on this date."""
    return f"{prefix}{folder}/{safe_name(f'{date} {name}')}"


def safe_name(name: str) -> str:
    """Return the name without separators, shortened to `LONGEST_NAME` bytes.

    Its extension stays if that is short.
    """
    name = _SEPARATORS.sub("_", CONTROL.sub("_", name)).replace(FILENAME_VARIABLE, "_")
    if not name or _DOTS.fullmatch(name):
        return "_" * (len(name) or 1)
    if len(name.encode()) <= LONGEST_NAME:
        return name
    stem, dot, extension = name.rpartition(".")
    end = f"{dot}{extension}"
    if not stem or len(end.encode()) > _LONGEST_EXTENSION:
        stem, end = name, ""
    return stem.encode()[: LONGEST_NAME - len(end.encode())].decode("utf-8", "ignore") + end


def _encoded(subject: str) -> str:
    text = _UNSAFE.sub(lambda at: "".join(f"~{byte:02X}" for byte in _bytes(at[0])), subject)
    # No other encoded subject contains `~~`.
    return text if len(text) <= _LONGEST_SUBJECT else f"~~{sha256(_bytes(subject)).hexdigest()}"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
