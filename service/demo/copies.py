"""The conditions of copies, which moto 5.2.5 ignores.

docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html and …/API_UploadPartCopy.html
"""

from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from werkzeug.test import Client

from service.demo.received import ReceivedRequest
from service.demo.store_errors import StoreError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_SOURCE: Final = "x-amz-copy-source"
# moto verifies nothing, but shows nothing to nobody.
_SCOPE: Final = "20260101/us-east-1/s3/aws4_request"
_SOMEBODY: Final = {"Authorization": f"AWS4-HMAC-SHA256 Credential=demo/{_SCOPE}"}


def check_conditions(request: ReceivedRequest, store: "WSGIApplication") -> None:
    """Raises StoreError for a copy whose conditions do not hold. `store` verifies no signature."""
    source = request.headers.get(_SOURCE)
    if request.method != "PUT" or source is None:
        return
    creates = request.headers.get("if-none-match") == "*"
    if creates and _etag(store, quote(request.path, safe="/")) is not None:
        raise _failed("If-None-Match")
    expected = request.headers.get(f"{_SOURCE}-if-match")
    path, _, version = source.removeprefix("/").partition("?")
    target = f"/{quote(unquote(path), safe='/')}{f'?{version}' if version else ''}"
    if expected is not None and _etag(store, target) not in {None, expected}:
        raise _failed(f"{_SOURCE}-If-Match")


def _etag(store: "WSGIApplication", target: str) -> str | None:
    """Return the ETag of an object, or None if there is none."""
    answer = Client(store).head(target, headers=_SOMEBODY)
    return answer.headers.get("ETag") if answer.status_code == 200 else None


def _failed(condition: str) -> StoreError:
    message = "At least one of the pre-conditions you specified did not hold"
    return StoreError(412, "PreconditionFailed", message, Condition=condition)
