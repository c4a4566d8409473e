"""The errors of the domain, without HTTP: `api/problems.py` has the statuses, and HTTP's own
errors.

`code` is part of the API. The caller reads `detail`, so it never repeats what the caller sent, and
never reveals anything outside the caller's grants.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final


class PresignError(Exception):
    """An error that is reported to the caller. Raise a subclass."""

    code: ClassVar[str]

    def __init__(
        self,
        detail: str,
        *,
        pointer: str | None = None,
        pointers: Mapping[str, str] | None = None,
        retry_after: int | None = None,
    ) -> None:
        """`pointer` is the place in the request that `detail` is about, such as `#/key`.

        `pointers` has a detail for each of several places. `retry_after` is in seconds.
        """
        super().__init__(detail)
        self.detail = detail
        self.pointers = dict(pointers or {})
        if pointer is not None:
            self.pointers[pointer] = detail
        self.retry_after = retry_after

    def sentence(self) -> str:
        """Return `detail`, and after it what is said of several places, each with its pointer."""
        others = [f"{at}: {text}" for at, text in self.pointers.items() if text != self.detail]
        return " ".join([self.detail, *others])


class InvalidRequest(PresignError):
    code = "invalid_request"


class InvalidJson(PresignError):
    code = "invalid_json"


class BodyTooLarge(PresignError):
    code = "body_too_large"


class LengthRequired(PresignError):
    """An upload without Content-Length: its length cannot be signed."""

    code = "length_required"


class PreconditionRequired(PresignError):
    """An upload that might overwrite an object, by a caller that may not overwrite."""

    code = "precondition_required"


class UnsupportedMediaType(PresignError):
    """An upload of a type that the caller's grants do not allow, or a JSON body that is encoded."""

    code = "unsupported_media_type"


class Unauthenticated(PresignError):
    code = "unauthenticated"


class TokenExpired(Unauthenticated):
    """A token that was valid. Only routes of programs that can get another one say so."""

    def __init__(self) -> None:
        super().__init__("The token has expired. Get another one.")


class Forbidden(PresignError):
    """No grant covers bucket, key and operation. The detail never says why."""

    code = "forbidden"

    def __init__(self) -> None:
        super().__init__("You have no grant for this bucket, key and operation.")


class ForeignOrigin(PresignError):
    """A page of another origin that would act with the password that its browser has saved."""

    code = "forbidden"

    def __init__(self) -> None:
        super().__init__(
            "A page of another origin may change nothing with a saved password: its origin is not "
            "one of `cors_origins`."
        )


class LimitExceeded(PresignError):
    code = "limit_exceeded"


class LifetimeUnavailable(PresignError):
    code = "lifetime_unavailable"


class CreateOnlyUnsupported(PresignError):
    code = "create_only_unsupported"


class UnsafeContentType(PresignError):
    code = "unsafe_content_type"


class NotFound(PresignError):
    """There is no such link, or no such route in the configuration of this moment."""

    code = "not_found"


class NotConfigured(NotFound):
    """A feature that the configuration does not turn on. Only authenticated callers read so."""

    def __init__(self, feature: str) -> None:
        super().__init__(f"This service does not offer {feature}: it is not configured here.")


class LinkExpired(PresignError):
    """A genuine share link whose time or uses are over."""

    code = "link_expired"


class UploadNotFound(PresignError):
    """The store has no such upload: it never existed, or was completed or aborted."""

    code = "upload_not_found"


class InvalidPart(PresignError):
    """The store does not have the parts of a completion. The upload is unchanged."""

    code = "invalid_part"


class LengthMismatch(PresignError):
    """The parts do not add up to the promised length."""

    code = "length_mismatch"


class ChecksumMismatch(PresignError):
    """The checksum is not that of the bytes in the store."""

    code = "checksum_mismatch"


class ObjectExists(PresignError):
    code = "object_exists"


class WriteConflict(PresignError):
    """Another client wrote the same key at the same time."""

    code = "write_conflict"


class StorageRefused(PresignError):
    """The store refused a request of the service, and would refuse it again."""

    code = "storage_refused"


class StorageUnavailable(PresignError):
    """The store timed out, or reported a temporary failure."""

    code = "storage_unavailable"


class HookUnavailable(PresignError):
    """A hook has not accepted an event of a push: its sender must send it again."""

    code = "hook_unavailable"


class CredentialsUnavailable(PresignError):
    code = "credentials_unavailable"


class RateLimited(PresignError):
    code = "rate_limited"

    def __init__(self, detail: str, *, retry_after: int | None = None, urls: int = 1) -> None:
        """`urls` are what the request counts as: one for fewer may be within the rate.

        0 if it was not counted, so that the next ones may be.
        """
        super().__init__(detail, retry_after=retry_after)
        self.urls = urls


class Overloaded(PresignError):
    """Too many requests are in progress, or the audit line or an issuer's keys are unavailable."""

    code = "overloaded"


Location = tuple[str | int, ...]
# In the message of a problem: the place of another setting, and the value as the file has it
OTHER: Final = "{other}"
FOUND: Final = "{found}"


@dataclass(frozen=True, slots=True)
class ConfigurationProblem:
    """An error in the configuration, or a warning about it: a sentence for the operator.

    `location` is the setting's names and indexes, from the top of its `file`, or the name of a
    variable of the environment. `line` counts from 1. `other` is the location of a setting whose
    place the message names. A warning is `grave` if somebody may get more than was meant.
    """

    message: str
    location: Location = ()
    file: str | None = None
    line: int | None = None
    other: Location | None = None
    grave: bool = False

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(filter(None, [where, self.path, self.message]))

    @property
    def path(self) -> str:
        return ".".join(map(str, self.location))

    @property
    def place(self) -> tuple[str, int]:
        """The file and the line, to sort by. What is not in a file comes first."""
        return self.file or "", self.line or 0


class ConfigurationError(Exception):
    """The configuration is not valid. A text is a problem without a place."""

    def __init__(self, problems: Sequence[ConfigurationProblem | str]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = [
            ConfigurationProblem(each) if isinstance(each, str) else each for each in problems
        ]
