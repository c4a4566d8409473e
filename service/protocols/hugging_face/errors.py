"""The errors that the Hub has, and other protocols do not."""

from typing import ClassVar, Final

from service.errors import NotFound

UNKNOWN: Final = "There is no such repository, or you have no grant for it."
_READ_ONLY: Final = (
    "This hub is read-only. Upload with `presign put -r DIR BUCKET/PREFIX/ORG/NAME/main/`, or with "
    "any S3 program."
)
_SAME_HOST: Final = (
    "The store has the same host name as this service, so clients would send it the token, and "
    "each download would fail. Use another name for one of them."
)


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

    def __init__(self) -> None:
        super().__init__(_READ_ONLY)


class SameHost(NotFound):
    """A download whose store clients would take for the Hub itself."""

    def __init__(self) -> None:
        super().__init__(_SAME_HOST)
