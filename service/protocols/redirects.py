"""Redirects to signed URLs, and the upload that a client's headers announce."""

from collections.abc import Iterable, Mapping
from typing import Final

from starlette.responses import Response

from service.access.grants import Operation
from service.api.body import declared_length
from service.errors import (
    BodyTooLarge,
    InvalidRequest,
    LengthRequired,
    LimitExceeded,
    PreconditionRequired,
    PresignError,
    UnsupportedMediaType,
)
from service.presigning.presigner import Presigner
from service.presigning.requests import PresignRequest, Requester
from service.presigning.results import PresignedRequest
from service.sessions.lifetime import Lifetime
from service.signing.actions import MAX_UPLOAD_BYTES
from service.signing.redirected_put import RedirectedPut, sent_headers

Headers = Iterable[tuple[bytes, bytes]]

_TEMPORARY_REDIRECT: Final = 307  # the client keeps the method and the body: RFC 9110, 15.4.8
_HEADERS: Final = [
    (b"cache-control", b"private"),
    (b"vary", b"Authorization, Origin"),
    (b"content-length", b"0"),
]
# Headers that only the owner of a drop box may set, and no visitor: lifecycle rules, bucket
# policies and browsers obey them.
_OF_THE_OWNER: Final = frozenset(
    {
        *(b"cache-control", b"content-disposition", b"content-encoding", b"content-language"),
        *(b"expires", b"x-amz-tagging"),
    }
)
_META: Final = b"x-amz-meta-"
_NOT_ACCEPTED: Final = (
    "A drop box accepts a file with its type and checksums. It accepts no tags, no metadata and no "
    "Cache-Control, Content-Disposition, Content-Encoding, Content-Language or Expires."
)
_TOO_LARGE: Final = "Send larger objects in parts: `POST /v1/multipart-uploads`."


class Redirect(Response):
    """Starlette's own constructor would cost as much as the signature."""

    def __init__(
        self, url: str, status: int = _TEMPORARY_REDIRECT, more: Mapping[str, str] | None = None
    ) -> None:
        """`more` are additional headers."""
        self.status_code, self.body, self.background = status, b"", None
        self.raw_headers = [(b"location", url.encode("ascii")), *_HEADERS]
        if more:
            self.raw_headers += [(name.encode(), value.encode()) for name, value in more.items()]


async def sign(
    presigner: Presigner,
    requester: Requester,
    request: PresignRequest,
    *,
    too_large: str = _TOO_LARGE,
) -> PresignedRequest:
    """Return the signed request that a client is redirected to.

    `too_large` says what to do with a file that is too large. Raises what `Presigner.presign`
    raises. Refusals of an upload that HTTP has a status for become PreconditionRequired,
    BodyTooLarge or UnsupportedMediaType.
    """
    try:
        return await presigner.presign(requester, request)
    except (LimitExceeded, InvalidRequest) as error:
        raise _http_error(error, too_large) from None


def put_request(
    bucket: str, key: str, headers: Headers, lifetime: Lifetime, *, new_key: bool = False
) -> PresignRequest:
    """Return the upload of what the client's headers announce.

    With `new_key`, for a drop box, nothing can be overwritten, so no condition is needed, and
    headers that describe the object are refused. Raises LengthRequired, BodyTooLarge and
    InvalidRequest.
    """
    headers = [*headers]
    if new_key and any(name in _OF_THE_OWNER or name.startswith(_META) for name, _ in headers):
        raise InvalidRequest(_NOT_ACCEPTED, pointer="#/headers")
    if all(name != b"content-length" for name, _ in headers):
        raise LengthRequired("Send the object's Content-Length, and not chunked.")
    length = declared_length(headers)
    if length > MAX_UPLOAD_BYTES:
        more = "" if new_key else f" {_TOO_LARGE}"  # who has a link to a drop box has no API key
        raise BodyTooLarge(f"One PUT has at most {MAX_UPLOAD_BYTES} bytes.{more}")
    sent = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
    action = RedirectedPut(content_length=length, sent=sent_headers(sent), new_key=new_key)
    return PresignRequest(
        operation=Operation.UPLOAD, bucket=bucket, key=key, action=action, lifetime=lifetime
    )


def _http_error(error: LimitExceeded | InvalidRequest, too_large: str) -> PresignError:
    match list(error.pointers):
        case ["#/overwrite"]:
            return PreconditionRequired(
                "Your grant does not allow overwriting. Send `If-None-Match: *`."
            )
        case ["#/content_length"]:
            return BodyTooLarge(f"{error.detail} {too_large}")
        case ["#/content_type"]:
            return UnsupportedMediaType(error.detail)
    return error
