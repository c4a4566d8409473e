"""The keys that are a caller's own: what it uploads lies below a part of the bucket that is nobody else's. Pure.

A template such as `uploads/{caller}/` says where that part is. Rules of this file:
- No caller's part holds another's: a caller is always two segments, the issuer and the subject, and
  an issuer's name never begins as what stands there for an API key.
- Two callers are never alike in a key: what is written in another way can be read back, or is a digest.
- The rest of a key is an id that no other has, and the file's name, made so that it can be signed.
"""

import re
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from service.access.callers import LONGEST_CLAIM, Identity, pointers, without_placeholders
from service.access.grants import Caller
from service.signing.post_policy import FILENAME_VARIABLE
from service.signing.validation import CONTROL, MAX_KEY_BYTES

CALLER: Final = "{caller}"
API_KEYS: Final = "_key"  # the names of issuers begin with a letter or a digit
UNIQUE_ID: Final = 32  # characters
LONGEST_NAME: Final = 255  # bytes, as most file systems have it
_LONGEST_SUBJECT: Final = 128
_LONGEST_ISSUER: Final = 63
# Room for a caller and claims as long as they may be, an id and a name
MAX_PREFIX_BYTES: Final = MAX_KEY_BYTES - UNIQUE_ID - len("/") - LONGEST_NAME

_UNSAFE = re.compile(r"^\.|[^A-Za-z0-9._-]")
_SEPARATORS = re.compile(r"[/\\]")
_DOTS = re.compile(r"\.{1,2}")
_LONGEST_EXTENSION: Final = 32


def caller_prefix(template: str, identity: Identity) -> str | None:
    """The caller's own part. None where the template names a claim which that caller has not."""
    if not identity.claims.keys() >= set(pointers(template)):
        return None
    filled = without_placeholders(template, identity.claims.__getitem__)
    return filled.replace(CALLER, _segments(identity.caller))


def longest_prefix(template: str) -> int:
    """The bytes that a caller's part may have."""
    filled = without_placeholders(template, lambda _: "x" * LONGEST_CLAIM)
    caller = "x" * (_LONGEST_ISSUER + len("/") + _LONGEST_SUBJECT)
    return len(filled.replace(CALLER, caller).encode())


def new_object_key(prefix: str, name: str, unique_id: Callable[[], str]) -> str:
    """A new key of the caller's whose own part `prefix` is, for a file of this name."""
    return f"{prefix}{unique_id()}/{safe_name(name)}"


def safe_name(name: str) -> str:
    """The name, as far as a key may have it as its last segment."""
    name = _SEPARATORS.sub("_", CONTROL.sub("_", name)).replace(FILENAME_VARIABLE, "_")
    if not name or _DOTS.fullmatch(name):
        return "_" * (len(name) or 1)
    return _shortened(name)


def _segments(caller: Caller) -> str:
    return f"{API_KEYS if caller.issuer is None else caller.issuer}/{_safe(caller.subject)}"


def _safe(subject: str) -> str:
    text = _UNSAFE.sub(lambda at: "".join(f"~{byte:02X}" for byte in _bytes(at[0])), subject)
    # What is written as it is has no `~~`
    return text if len(text) <= _LONGEST_SUBJECT else f"~~{sha256(_bytes(subject)).hexdigest()}"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _shortened(name: str) -> str:
    """What an end of the name says of its kind stays."""
    if len(name.encode()) <= LONGEST_NAME:
        return name
    stem, dot, extension = name.rpartition(".")
    end = f"{dot}{extension}"
    if not stem or len(end.encode()) > _LONGEST_EXTENSION:
        stem, end = name, ""
    return stem.encode()[: LONGEST_NAME - len(end.encode())].decode("utf-8", "ignore") + end
