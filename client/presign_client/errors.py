"""The one exception that calls raise, besides OSError for local files."""

from dataclasses import dataclass, field

UNREACHABLE = "unreachable"
NOT_PRESIGN = "not_presign"
INVALID_TOKEN = "invalid_token"  # noqa: S105 - a code, no token
SOURCE_CHANGED = "source_changed"
PRECONDITION_FAILED = "precondition_failed"
FATAL = frozenset({UNREACHABLE, NOT_PRESIGN, INVALID_TOKEN, "unauthenticated"})  # for all files


@dataclass(frozen=True, slots=True)
class InvalidField:
    """A field of a request that the service refused, by its JSON pointer."""

    pointer: str
    detail: str


@dataclass(eq=False)
class PresignError(Exception):
    """A refusal of the service or of the store, or a failure to reach them.

    `code` is one of the codes of the API, which a store's refusal gets too, or one of:

    - `unreachable`: no answer;
    - `not_presign`: an answer, but not from presign;
    - `invalid_token`: the token was not sent;
    - `source_changed`: the file or the object changed while it was read, or before it was copied;
    - `precondition_failed`: the target of a copy exists, or its source has changed: nothing says
      which;
    - `in_progress`: another process transfers the file;
    - `copy_too_large`: the store copies less at once;
    - `too_many_parts`: a stream is too long for its part size;
    - `invalid_webhook`: a request to a hook that presign has not signed.

    `status` is the HTTP status, or 0 if there was none. A store's refusal has no `request_id`.
    """

    code: str
    detail: str
    status: int = 0
    errors: tuple[InvalidField, ...] = field(default=())
    request_id: str | None = None

    def __str__(self) -> str:
        fields = "; ".join(f"{error.pointer}: {error.detail}" for error in self.errors)
        return f"{self.code}: {fields or self.detail}"
