"""Reads the path of an artifact, and finds its key. Pure.

MLflow decodes a path until nothing is left to decode, and refuses what leaves its folder or is a
path of another system. Here a path is decoded once, and what MLflow would refuse or read
differently is refused: mlflow/utils/uri.py, `validate_path_is_safe`.
"""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final

from service.errors import InvalidRequest, NotFound
from service.protocols.roots import ROOT_NAME, ProtocolRoot, Roots
from service.signing.validation import has_dot_segment, is_valid_key

_ROOT: Final = re.compile(ROOT_NAME)
# Text that a URL or another system reads differently: separators, drive letters, encoded text.
# MLflow itself reads `file:a` as `a`, as urllib finds the scheme, in any case and after spaces.
_UNSAFE: Final = re.compile(r"[\\#?]|%[0-9A-Fa-f]{2}|(?:^|/)(?:[A-Za-z]:|/| *(?i:file):)")
_DETAIL: Final = (
    "MLflow cannot name such an artifact: a path has no `..`, `//`, `\\`, `#`, `?`, `file:`, drive "
    "letter or percent-encoded text."
)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file, or a folder with files below `{key}/`. A root's own `path` is empty."""

    root: ProtocolRoot
    path: str

    @property
    def bucket(self) -> str:
        return self.root.bucket

    @property
    def key(self) -> str:
        return f"{self.root.prefix}{self.path}"

    @property
    def below(self) -> str:
        """The prefix of all keys in the folder."""
        return f"{self.key}/" if self.path else self.root.prefix


def artifact(roots: Roots, path: str) -> Artifact:
    """Return what a path, whose first segment is the name of a root, points to.

    Raises NotFound for an invalid root name, and InvalidRequest.
    """
    name, _, rest = path.partition("/")
    if _ROOT.fullmatch(name) is None or has_dot_segment(name):
        raise NotFound("There is no such artifact root.")
    return _checked(Artifact(roots.find(name), rest.removesuffix("/")), rest)


def uploaded_artifact(folder: Artifact, local_path: str) -> Artifact:
    """Return the artifact that a client's file becomes in a folder: it keeps its name there.

    Raises InvalidRequest.
    """
    system = PurePosixPath if local_path.startswith("/") else PureWindowsPath
    if not (name := system(local_path).name):
        raise InvalidRequest("The path has no file name.", pointer="#/path")
    return _checked(Artifact(folder.root, f"{folder.path}/{name}".removeprefix("/")), name)


def is_listed(name: str) -> bool:
    """Whether a listing may have this name. MLflow's client refuses a whole listing with another.

    An empty name is that of the object that some programs make for a folder.
    """
    return is_valid_key(name) and _UNSAFE.search(name) is None


def _checked(found: Artifact, path: str) -> Artifact:
    """Return what a path points to. Raises InvalidRequest for one that MLflow reads differently.

    The authorizer refuses dot segments and control characters, as in all keys.
    """
    if _UNSAFE.search(path) is not None:
        raise InvalidRequest(_DETAIL, pointer="#/path")
    return found
