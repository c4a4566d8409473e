"""The errors that the Hub has, and other protocols do not."""

from typing import ClassVar, Final

from service.errors import NotFound

UNKNOWN: Final = "There is no such repository, or you have no grant for it."


class HubNotFound(NotFound):
    """`error_code` is the Hub's own."""

    error_code: ClassVar[str]

    def __init__(self, detail: str, commit: str | None = None) -> None:
        super().__init__(detail)
        self.commit = commit


class RepositoryNotFound(HubNotFound):
    error_code = "RepoNotFound"

    def __init__(self) -> None:
        super().__init__(UNKNOWN)


class RevisionNotFound(HubNotFound):
    error_code = "RevisionNotFound"


class EntryNotFound(HubNotFound):
    """`commit` is the sha of the revision that does not have the file or folder."""

    error_code = "EntryNotFound"


class ReadOnly(NotFound):
    """A request that would write."""


class SameHost(NotFound):
    """A download whose store clients would take for the Hub itself."""
