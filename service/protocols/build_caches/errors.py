"""Why a build cache refuses, as far as it has reasons of its own."""

from typing import Final

from service.errors import NotFound, ObjectExists, PresignError, Unauthenticated

_ENCRYPTION: Final = (
    "The bucket has `encryption`, whose headers neither program sends. Use its default at the "
    "store."
)
_PREFLIGHT: Final = (
    "Set TURBO_PREFLIGHT=true: without it Turborepo sends its uploads to this service, not to the "
    "store."
)


class ArtifactMissing(NotFound):
    def __init__(self) -> None:
        super().__init__("The cache has no such artifact.")


class ArtifactExists(ObjectExists):
    """`key` is where it is."""

    def __init__(self, key: str) -> None:
        super().__init__("The cache has this artifact already.")
        self.key = key


class EncryptionNeeded(PresignError):
    """An upload to a bucket whose uploads need headers that no program sends."""

    code = "forbidden"

    def __init__(self) -> None:
        super().__init__(_ENCRYPTION)


class PreflightMissing(PresignError):
    """An upload of Turborepo that would be granted, but did not ask for the store's address."""

    code = "forbidden"

    def __init__(self) -> None:
        super().__init__(_PREFLIGHT)


class TicketOver(Unauthenticated):
    """A genuine ticket whose time is over, or whose caller is no longer one."""

    def __init__(self) -> None:
        super().__init__("The ticket is over. Make another one.")
