"""A WSGI middleware that refuses what S3 refuses, in front of a store that verifies nothing.

It verifies signatures, lifetimes, headers, lengths, checksums, POST policies and the conditions of
copies. It leaves to the store what IAM decides. The chunks of `aws-chunked` bodies are not
verified, only the headers.
"""

import hashlib
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, Final
from urllib.parse import parse_qs, quote, unquote

from werkzeug.http import parse_options_header
from werkzeug.test import Client
from werkzeug.wsgi import ClosingIterator

from service.demo.bodies import read_form, spool
from service.demo.checksums import BodyChecks
from service.demo.policies import verify_form
from service.demo.received import ReceivedRequest, parse_authentication, parse_target
from service.demo.signatures import FindKey, verify
from service.demo.store_errors import StoreError, access_denied, query_api_document, s3_document
from service.signing import sigv4
from service.signing.signer import SERVICE

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# What the server adds to the environment: the header lines as they were sent.
RAW_HEADERS: Final = "presign.raw_headers"
HEALTH: Final = "/moto-api/"
MAX_PUT_BYTES: Final = 5 * 1024**3  # …/AmazonS3/latest/userguide/upload-objects.html
_STREAMING: Final = "STREAMING-"
_FORM: Final = "multipart/form-data"
_QUERY_API: Final = "application/x-www-form-urlencoded"
_COPY_SOURCE: Final = "x-amz-copy-source"
# moto verifies nothing, but shows nothing to nobody.
_ANY_SCOPE: Final = "20260101/us-east-1/s3/aws4_request"
_SOMEBODY: Final = {"Authorization": f"AWS4-HMAC-SHA256 Credential=demo/{_ANY_SCOPE}"}
# STS answers these without a signature.
_UNSIGNED_ACTIONS: Final = frozenset({"AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"})


class Gate:
    def __init__(
        self,
        store: "WSGIApplication",
        *,
        find_key: FindKey,
        region: str,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._find_key = find_key
        self._region = region
        self._clock = clock

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        with ExitStack() as bodies:
            try:
                body = self._verified_body(environ, bodies)
            except StoreError as error:
                return _refuse(environ, start_response, error)
            if body is not None:
                environ["wsgi.input"] = body
            return ClosingIterator(self._store(environ, start_response), bodies.pop_all().close)

    def _verified_body(self, environ: "WSGIEnvironment", bodies: ExitStack) -> IO[bytes] | None:
        """Return the body if it was read, which `bodies` closes.

        Raises StoreError if the request is refused.
        """
        if environ["REQUEST_METHOD"] == "OPTIONS" or (
            environ["REQUEST_METHOD"] == "GET" and environ["RAW_URI"] == HEALTH
        ):
            return None
        request, source = _received(environ), environ["wsgi.input"]
        authentication = parse_authentication(request)
        if authentication is None:
            return self._unsigned(request, source, bodies)
        in_the_header = authentication.expires_in is None
        body = None
        if in_the_header and authentication.credential.service != SERVICE:
            digest = hashlib.sha256()
            body = bodies.enter_context(spool(source, _length(request), digest.update))
            payload_hash = digest.hexdigest()
        else:
            payload_hash = _payload_hash(request, is_required=in_the_header)
        verify(
            request,
            authentication,
            find_key=self._find_key,
            payload_hash=payload_hash,
            region=self._region,
            now=self._clock(),
        )
        body = body or _checked_body(source, request, payload_hash, bodies)
        _check_conditions(request, self._store)
        return body

    def _unsigned(
        self, request: ReceivedRequest, source: IO[bytes], bodies: ExitStack
    ) -> IO[bytes]:
        """A form, which is sent to a bucket, or a call of STS, which is sent to `/`."""
        kind, options = parse_options_header(request.headers.get("content-type"))
        bucket = request.path.strip("/")
        is_form = kind == _FORM and "boundary" in options and bool(bucket) and "/" not in bucket
        is_call = kind == _QUERY_API and not bucket
        if request.method != "POST" or request.query or not (is_form or is_call):
            raise access_denied()
        body = bodies.enter_context(spool(source, _length(request), lambda _: None))
        if is_form:
            fields, size = read_form(body, options["boundary"].encode())
            verify_form(
                bucket,
                fields,
                size,
                find_key=self._find_key,
                region=self._region,
                now=self._clock(),
            )
        elif parse_qs(body.read().decode(errors="replace")).get("Action", [""])[0] not in (
            _UNSIGNED_ACTIONS
        ):
            raise access_denied()
        body.seek(0)
        return body


def _received(environ: "WSGIEnvironment") -> ReceivedRequest:
    headers: dict[str, str] = {}
    for name, value in environ[RAW_HEADERS]:
        text = value.strip().encode("latin-1").decode("utf-8", "replace")
        earlier = headers.get(name.lower())
        headers[name.lower()] = text if earlier is None else f"{earlier},{text}"
    path, query = parse_target(environ["RAW_URI"])
    return ReceivedRequest(
        method=environ["REQUEST_METHOD"], path=path, query=query, headers=headers
    )


def _length(request: ReceivedRequest) -> int | None:
    """None for a body in chunks."""
    if "transfer-encoding" in request.headers:
        return None
    text = request.headers.get("content-length", "0")
    if not text.isdecimal():
        raise StoreError(400, "InvalidArgument", "The Content-Length is not a number.")
    return int(text)


def _payload_hash(request: ReceivedRequest, *, is_required: bool) -> str:
    declared = request.headers.get("x-amz-content-sha256")
    if declared is None and is_required:
        message = "Missing required header for this request: x-amz-content-sha256"
        raise StoreError(400, "InvalidRequest", message)
    return declared or sigv4.UNSIGNED_PAYLOAD


def _checked_body(
    source: IO[bytes], request: ReceivedRequest, payload_hash: str, bodies: ExitStack
) -> IO[bytes]:
    """Read a body that is what its headers declare. Raises StoreError."""
    length = _length(request)
    if request.method == "PUT" and length is None:
        message = "You must provide the Content-Length HTTP header."
        raise StoreError(411, "MissingContentLength", message)
    if length is not None and length > MAX_PUT_BYTES:
        message = "Your proposed upload exceeds the maximum allowed size"
        sizes = {"ProposedSize": str(length), "MaxSizeAllowed": str(MAX_PUT_BYTES)}
        raise StoreError(400, "EntityTooLarge", message, **sizes)
    is_streaming = payload_hash.startswith(_STREAMING)
    # CompleteMultipartUpload's checksum is that of the object.
    is_completion = request.method != "PUT" and request.parameter("uploadId") is not None
    has_checksums = not is_streaming and not is_completion
    checks = BodyChecks(request.headers if has_checksums else {})
    digest = hashlib.sha256()

    def check(piece: bytes) -> None:
        checks.update(piece)
        digest.update(piece)

    body = bodies.enter_context(spool(source, length, check))
    _compare(payload_hash, digest.hexdigest())
    checks.finish()
    return body


def _compare(declared: str, computed: str) -> None:
    if declared not in {sigv4.UNSIGNED_PAYLOAD, computed} and not declared.startswith(_STREAMING):
        message = "The provided 'x-amz-content-sha256' header does not match what was computed."
        raise StoreError(
            400,
            "XAmzContentSHA256Mismatch",
            message,
            ClientComputedContentSHA256=declared,
            S3ComputedContentSHA256=computed,
        )


def _refuse(
    environ: "WSGIEnvironment", start_response: "StartResponse", error: StoreError
) -> list[bytes]:
    is_query_api = environ["REQUEST_METHOD"] == "POST" and environ["RAW_URI"] == "/"
    document = query_api_document(error) if is_query_api else s3_document(error)
    headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(document)))]
    if "HTTP_ORIGIN" in environ:  # the demo's bucket has CORS for any origin
        headers.append(("Access-Control-Allow-Origin", "*"))
    start_response(f"{error.status} {HTTPStatus(error.status).phrase}", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [document]


def _check_conditions(request: ReceivedRequest, store: "WSGIApplication") -> None:
    """Raises StoreError for a copy whose conditions do not hold, which moto 5.2.5 ignores.

    docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html and …/API_UploadPartCopy.html
    """
    source = request.headers.get(_COPY_SOURCE)
    if request.method != "PUT" or source is None:
        return
    creates = request.headers.get("if-none-match") == "*"
    if creates and _etag(store, quote(request.path, safe="/")) is not None:
        raise _failed_condition("If-None-Match")
    expected = request.headers.get(f"{_COPY_SOURCE}-if-match")
    path, _, version = source.removeprefix("/").partition("?")
    target = f"/{quote(unquote(path), safe='/')}{f'?{version}' if version else ''}"
    if expected is not None and _etag(store, target) not in {None, expected}:
        raise _failed_condition(f"{_COPY_SOURCE}-If-Match")


def _etag(store: "WSGIApplication", target: str) -> str | None:
    """Return the ETag of an object, or None if there is none."""
    answer = Client(store).head(target, headers=_SOMEBODY)
    return answer.headers.get("ETag") if answer.status_code == 200 else None


def _failed_condition(condition: str) -> StoreError:
    message = "At least one of the pre-conditions you specified did not hold"
    return StoreError(412, "PreconditionFailed", message, Condition=condition)
