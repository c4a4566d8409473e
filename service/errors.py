"""What can go wrong, in the domain's words. No HTTP here: `api/problems.py` has the statuses.

`code` is part of the contract. `detail` is shown to the caller as it stands, so it never repeats
what the caller sent, and never tells what lies outside the caller's grants.
"""

from collections.abc import Mapping
from typing import ClassVar, final


class PresignError(Exception):
    """What a caller can be told. Raise a leaf, never this."""

    code: ClassVar[str]

    def __init__(
        self,
        detail: str,
        *,
        pointer: str | None = None,
        pointers: Mapping[str, str] | None = None,
        retry_after: int | None = None,
    ) -> None:
        """`pointer` (`#/key`) is where `detail` belongs; `pointers` has a detail for each.

        `retry_after` is in seconds.
        """
        super().__init__(detail)
        self.detail = detail
        self.pointers = dict(pointers or {})
        if pointer is not None:
            self.pointers[pointer] = detail
        self.retry_after = retry_after


@final
class InvalidRequest(PresignError):
    code = "invalid_request"


@final
class InvalidJson(PresignError):
    code = "invalid_json"


@final
class BodyTooLarge(PresignError):
    code = "body_too_large"


@final
class Unauthenticated(PresignError):
    code = "unauthenticated"


@final
class Forbidden(PresignError):
    """Nothing of the caller's covers bucket, key and operation: always the same words."""

    code = "forbidden"

    def __init__(self) -> None:
        super().__init__("You have no grant for this bucket, key and operation.")


@final
class LimitExceeded(PresignError):
    code = "limit_exceeded"


@final
class LifetimeUnavailable(PresignError):
    code = "lifetime_unavailable"


@final
class CreateOnlyUnsupported(PresignError):
    code = "create_only_unsupported"


@final
class UnsafeContentType(PresignError):
    code = "unsafe_content_type"


@final
class NotFound(PresignError):
    """The route is off: the configuration has changed since the start."""

    code = "not_found"


@final
class UploadNotFound(PresignError):
    """The store knows no such upload: it never was, or was completed or aborted."""

    code = "upload_not_found"


@final
class InvalidPart(PresignError):
    """The store has not the parts that were named. Nothing is lost."""

    code = "invalid_part"


@final
class LengthMismatch(PresignError):
    """The parts do not add up to what was promised."""

    code = "length_mismatch"


@final
class ChecksumMismatch(PresignError):
    """The store has other bytes than the checksum is of."""

    code = "checksum_mismatch"


@final
class ObjectExists(PresignError):
    code = "object_exists"


@final
class WriteConflict(PresignError):
    """Somebody else wrote the same key at the same time."""

    code = "write_conflict"


@final
class StorageRefused(PresignError):
    """The store did not do what the service asked for, and would not if asked again."""

    code = "storage_refused"


@final
class StorageUnavailable(PresignError):
    """The store did not answer in time, or not that it could."""

    code = "storage_unavailable"


@final
class CredentialsUnavailable(PresignError):
    code = "credentials_unavailable"


@final
class RateLimited(PresignError):
    code = "rate_limited"


@final
class Overloaded(PresignError):
    """We cannot do our own part right now: write the audit line, or ask an issuer for its keys."""

    code = "overloaded"


class ConfigurationError(Exception):
    """The configuration cannot be served. Each of `problems` is a sentence for the operator."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
