"""What a request and its response show without any secret, apart from the URL's state and times."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from service.diagnosis import differences
from service.diagnosis.bucket_lookup import BucketLocation
from service.diagnosis.differences import REGION, curl, wrong_region
from service.diagnosis.findings import (
    Code,
    Finding,
    certain,
    is_safe_to_echo,
    likely,
    quote_if_safe,
    quote_names,
)
from service.diagnosis.request import ParsedRequest
from service.diagnosis.response import StoreResponse
from service.diagnosis.url_repair import SIGN_WITH_V4

# docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes
_TEMPORARY_KEY_ID: Final = "ASIA"
_UNREADABLE_SCOPE: Final = frozenset(
    {"AuthorizationQueryParametersError", "AuthorizationHeaderMalformed"}
)
_AWS_HOST = re.compile(r"[a-z0-9.-]{1,100}\.amazonaws\.com(?:\.cn)?")
_ADDED_TYPE: Final = re.compile(
    "(?i)[^;]+; ?charset=.*|application/x-www-form-urlencoded|multipart/form-data.*"
)
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "DELETE"})


def sigv2_refused(response: StoreResponse) -> Iterator[Finding]:
    if response.says("InvalidRequest", "aws4-hmac-sha256"):
        summary = "The store accepts SigV4 only, and found no such signature in the URL."
        yield certain(Code.SIGNATURE_V2, summary, SIGN_WITH_V4)


def two_authorizations(request: ParsedRequest, response: StoreResponse) -> Iterator[Finding]:
    refused = response.says("InvalidArgument", "only one auth mechanism")
    if refused or "authorization" in (request.headers or {}):
        summary = "An `Authorization` header was sent with a signed URL: S3 accepts only one."
        fix = "Do not send it to the store, nor with redirects that lead there."
        yield Finding(Code.TWO_AUTHORIZATIONS, refused, summary, fix)


def key_id_unknown(response: StoreResponse) -> Iterator[Finding]:
    if response.code == "InvalidAccessKeyId":
        summary = "The store does not know the URL's access key id: it was changed or deleted."
        fix = "Send the URL unchanged to the store it was signed for, or request a new one."
        yield certain(Code.KEY_ID_UNKNOWN, summary, fix)


def session_token(
    request: ParsedRequest, response: StoreResponse, expected: str | None, *, known: bool
) -> Iterator[Finding]:
    """`expected` is the token of the session that signed, if that session is `known`."""
    sent = request.parameter("x-amz-security-token")
    if sent is None:
        is_temporary = (request.access_key_id or "").startswith(_TEMPORARY_KEY_ID)
        if expected is not None or (not known and is_temporary):
            proven = expected is not None or response.code in {"InvalidToken", "InvalidAccessKeyId"}
            summary = "`X-Amz-Security-Token` is missing, so the store does not know the session."
            fix = "Send the whole query: a filter or a length limit may have dropped the token."
            yield Finding(Code.TOKEN_LOST, proven, summary, fix)
    elif known and sent == expected:
        return
    elif " " in sent and (not known or sent.replace(" ", "+") == expected):
        summary = "The query was decoded: the token has a plain `+`, which stores read as a space."
        fix = "Send the URL byte for byte as you received it: `%2B` must stay `%2B`."
        yield Finding(Code.URL_REENCODED, known, summary, fix)
    elif known or response.code == "InvalidToken":
        yield token_changed()


def token_changed() -> Finding:
    summary = "`X-Amz-Security-Token` is not the token of the session that signed."
    fix = "Send it unchanged: it belongs to the access key id."
    return certain(Code.TOKEN_CHANGED, summary, fix)


def redirected(response: StoreResponse) -> Iterator[Finding]:
    if not response.is_redirect:
        return
    host = response.fields.get("Endpoint", "").lower()
    where = f" ({quote_if_safe(host, 'of AWS')})" if _AWS_HOST.fullmatch(host) else ""
    summary = f"The store redirects to another host{where}, where the signature is not valid."
    fix = f"Do not follow the redirect. {differences.NEW_REGION}"
    yield certain(Code.REDIRECTED, summary, fix)


def region(
    request: ParsedRequest, response: StoreResponse, location: BucketLocation | None
) -> Iterator[Finding]:
    signed = None if request.scope is None else request.scope[2]
    expected = response.fields.get("Region", "")
    named = response.code in _UNREADABLE_SCOPE and "region" in response.message
    if named and REGION.fullmatch(expected):
        yield wrong_region(expected, signed or "", proven=True)
    elif location is not None and signed is not None and signed != location.address.region:
        yield wrong_region(location.address.region, signed, proven=False)


def other_host(request: ParsedRequest, location: BucketLocation | None) -> Iterator[Finding]:
    if location is not None and request.host not in location.hosts:
        expected = quote_if_safe(location.address.host, "another")
        summary = f"The URL's host is not the bucket's host, which is {expected}."
        fix = "Send the URL to its original host, which is part of the signature."
        yield likely(Code.HOST_CHANGED, summary, fix)


def unsigned_headers(
    request: ParsedRequest, response: StoreResponse, *, proven: bool
) -> Iterator[Finding]:
    listed = response.fields.get("HeadersNotSigned", "").lower().split(",")
    refused = [name.strip() for name in listed if name.strip()]
    names = refused or [
        name
        for name in request.headers or {}
        if name.startswith("x-amz-") and name not in request.signed_headers
    ]
    if names:
        shown = quote_names(names, "a header")
        summary = f"Unsigned headers were sent: {shown}. S3 accepts no unsigned `x-amz-*` header."
        command = curl(request if proven else _without_added_type(request))
        fix = f"Do not send them, or request a URL that signs them: {command}"
        yield Finding(Code.HEADER_UNSIGNED, bool(refused) or proven, summary, fix)


def missing_headers(request: ParsedRequest) -> Iterator[Finding]:
    """Return what must be wrong even if the signature cannot be checked."""
    if methods := [*method_of_upload(request)]:
        yield from methods
    elif request.missing_headers:
        # Without reported headers, they may have been sent all the same.
        proven = request.headers is not None
        command = curl(_without_added_type(request))
        yield differences.header_missing(request.missing_headers, command, proven=proven)


def method_of_upload(request: ParsedRequest) -> Iterator[Finding]:
    """For a URL that signs the length of an upload, but was sent without a body."""
    if "content-length" in request.signed_headers and request.method in _WITHOUT_BODY:
        yield differences.method_changed(replace(request, method="PUT"), request, proven=False)


def method_of_download(request: ParsedRequest) -> Iterator[Finding]:
    """For a URL that was sent as an upload, but signs no header of one."""
    if request.method == "PUT" and request.signed_headers == ("host",):
        yield differences.method_changed(replace(request, method="GET"), request, proven=False)


def added_type(request: ParsedRequest) -> Iterator[Finding]:
    """A signed type that libraries and browsers set, or to which they add a charset."""
    sent = request.header("content-type") or ""
    if "content-type" not in request.signed_headers or not _ADDED_TYPE.fullmatch(sent):
        return
    signed, probably = _without_added_type(request), "another type"
    bare, semicolon, _ = sent.partition(";")
    if semicolon and is_safe_to_echo(bare):
        signed, probably = request.with_header("content-type", bare), f"the type `{bare}`"
    summary = (
        f"The type was sent as {quote_if_safe(sent, 'another')}, which a library or browser may "
        f"have set: the URL is probably signed for {probably}."
    )
    fix = (
        "Send exactly the `content-type` that you received with the URL, and check that no library "
        f"adds a charset: {curl(signed)}"
    )
    yield likely(Code.CONTENT_TYPE_CHANGED, summary, fix)


def _without_added_type(request: ParsedRequest) -> ParsedRequest:
    """Without a type that may be a library's, so that no command repeats it."""
    if not _ADDED_TYPE.fullmatch(request.header("content-type") or ""):
        return request
    return request.with_header("content-type", "")


def unknown_parameters(request: ParsedRequest) -> Iterator[Finding]:
    names = [name for name, _ in request.unknown_parameters]
    if names:
        shown = quote_names(names, "a parameter")
        summary = f"The query has parameters that S3 does not know: {shown}. All of it is signed."
        fix = "Send the query unchanged: do not add trackers or cache busters."
        yield likely(Code.QUERY_CHANGED, summary, fix)
