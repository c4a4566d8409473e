"""Reads a path below `/hf/`: the action, the repository, the revision and the file. Pure.

A path is read as it was sent: clients send a revision with `/` as one segment with `%2F`.
github.com/huggingface/huggingface_hub: src/huggingface_hub/hf_api.py, file_download.py
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from service.errors import NotFound
from service.protocols.hugging_face.errors import RepositoryNotFound
from service.protocols.url_paths import decode
from service.signing.validation import is_valid_key

DEFAULT_REVISION: Final = "main"
_KINDS: Final = frozenset({b"models", b"datasets"})
# utils/_validators.py, `validate_repo_id`. A client's folder of a repository begins with
# `models--{organization}--{name}`: with `--` in a name two repositories could share it.
_NAME: Final = re.compile(r"(?!.*(?:--|\.\.))\w(?:[\w.-]{0,94}\w)?", re.ASCII)
_LONGEST_REVISION: Final = 255  # bytes, as of a file's name


class HubAction(StrEnum):
    WHOAMI = "whoami-v2"
    INFO = "revision"
    TREE = "tree"
    PATHS_INFO = "paths-info"
    REFS = "refs"
    RESOLVE = "resolve"
    WRITE = "write"


# The actions on one repository, and whether a revision follows.
_OF_REPOSITORIES: Final = {
    "revision": (HubAction.INFO, True),
    "tree": (HubAction.TREE, True),
    "paths-info": (HubAction.PATHS_INFO, True),
    "refs": (HubAction.REFS, False),
    "preupload": (HubAction.WRITE, True),
    "commit": (HubAction.WRITE, True),
}
_WITH_PATH: Final = frozenset({HubAction.TREE, HubAction.RESOLVE})


@dataclass(frozen=True, slots=True)
class Repository:
    """`kind` is `models` or `datasets`."""

    kind: str
    organization: str
    name: str

    @property
    def id(self) -> str:
        return f"{self.organization}/{self.name}"


@dataclass(frozen=True, slots=True)
class HubAddress:
    """`revision` is a folder's name, or a sha. `path` is a file or a folder in it."""

    action: HubAction
    repository: Repository | None = None
    revision: str = DEFAULT_REVISION
    path: str = ""

    @property
    def of_repository(self) -> Repository:
        assert self.repository is not None  # the address of any read but `whoami-v2` has one
        return self.repository


def parse(path: bytes) -> HubAddress:
    """Return what the path, without `/hf/`, asks for.

    Raises NotFound, RepositoryNotFound for a name that no repository can have, and InvalidRequest
    for a path that is not UTF-8.
    """
    match path.split(b"/"):
        case [b"api", b"whoami-v2"]:
            return HubAddress(HubAction.WHOAMI)
        case [b"api", b"repos", *_]:
            return HubAddress(HubAction.WRITE)
        case [b"api", kind, organization, name, *rest] if kind in _KINDS:
            return _api_address(_repository(kind, organization, name), rest)
        case [b"datasets" as kind, organization, name, b"resolve", revision, *rest] if rest:
            return _file_address(_repository(kind, organization, name), revision, rest)
        case [organization, name, b"resolve", revision, *rest] if rest:
            return _file_address(_repository(b"models", organization, name), revision, rest)
    raise NotFound("No such resource.")


def is_revision_name(revision: str) -> bool:
    """Whether a folder below a repository can have this name: it is one segment."""
    is_short = len(revision.encode()) <= _LONGEST_REVISION
    return is_short and "/" not in revision and is_valid_key(revision)


def _api_address(repository: Repository, rest: list[bytes]) -> HubAddress:
    if not rest:
        return HubAddress(HubAction.INFO, repository)
    action, has_revision = _OF_REPOSITORIES.get(rest[0].decode("latin-1"), (None, False))
    match rest[1:]:
        case [] if action is not None and not has_revision:
            return HubAddress(action, repository)
        case [revision] if action is not None and has_revision:
            return HubAddress(action, repository, decode(revision))
        case [revision, *path] if action in _WITH_PATH:
            folder = decode(b"/".join(path)).removesuffix("/")
            return HubAddress(HubAction.TREE, repository, decode(revision), folder)
    raise NotFound("No such resource.")


def _file_address(repository: Repository, revision: bytes, path: list[bytes]) -> HubAddress:
    return HubAddress(HubAction.RESOLVE, repository, decode(revision), decode(b"/".join(path)))


def _repository(kind: bytes, organization: bytes, name: bytes) -> Repository:
    names = decode(organization), decode(name)
    if any(_NAME.fullmatch(text) is None for text in names):
        raise RepositoryNotFound
    return Repository(kind.decode("latin-1"), *names)
