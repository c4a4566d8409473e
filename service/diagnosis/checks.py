"""What can be seen of a signed request without a secret, beside its URL's state and its times."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from service.diagnosis.bucket_lookup import BucketLocation
from service.diagnosis.differences import (
    REGION,
    curl,
    dot_segments,
    header_missing,
    method_changed,
    wrong_region,
)
from service.diagnosis.findings import Code, Finding, certain, is_safe_to_echo, likely, said
from service.diagnosis.request import ParsedRequest
from service.diagnosis.response import StoreResponse
from service.signing.validation import has_dot_segment

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_REDIRECTED: Final = frozenset({"PermanentRedirect", "TemporaryRedirect", "Redirect"})
_TEMPORARY: Final = "ASIA"  # docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes
_UNREADABLE: Final = frozenset(
    {"AuthorizationQueryParametersError", "AuthorizationHeaderMalformed"}
)
_AWS_HOST = re.compile(r"[a-z0-9.-]{1,100}\.amazonaws\.com(?:\.cn)?")
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "DELETE"})
_MOST_NAMES: Final = 5


def v2_refused(reply: StoreResponse) -> Iterator[Finding]:
    if reply.says("InvalidRequest", "aws4-hmac-sha256"):
        summary = "The store takes SigV4 only, and sees no signature of that kind in the URL."
        fix = "Sign with SigV4: ask this service for the URL, or set the SDK's signature version to `s3v4`."
        yield certain(Code.SIGNATURE_V2, summary, fix)


def authorizations(sent: ParsedRequest, reply: StoreResponse) -> Iterator[Finding]:
    refused = reply.says("InvalidArgument", "only one auth mechanism")
    if refused or (sent.headers is not None and "authorization" in sent.headers):
        summary = "An `Authorization` header was sent beside the signature in the URL, and S3 takes only one of them."
        fix = "Send no `Authorization` to the store: take it off the client, and off redirects that lead to it."
        yield Finding(Code.TWO_AUTHORIZATIONS, refused, summary, fix)


def key_id(reply: StoreResponse) -> Iterator[Finding]:
    if reply.code == "InvalidAccessKeyId":
        summary = "The store does not know the access key id in the URL: it was changed, deleted, or is another store's."
        fix = "Send the URL as it was answered, to the store it was signed for; else ask for a new one."
        yield certain(Code.KEY_ID_UNKNOWN, summary, fix)


def token(
    sent: ParsedRequest, reply: StoreResponse, right: str | None, *, known: bool
) -> Iterator[Finding]:
    """`right` is the token of the session that signed, if that is `known`."""
    given = sent.parameter("x-amz-security-token")
    refused = reply.code in {"InvalidToken", "InvalidAccessKeyId"}
    if given is None:
        temporary = (sent.access_key_id or "").startswith(_TEMPORARY)
        if right is not None or (not known and temporary):
            yield _token_lost(proven=right is not None or refused)
    elif known and given == right:
        return
    elif " " in given and (not known or given.replace(" ", "+") == right):
        yield _plus(proven=known)
    elif known or reply.code == "InvalidToken":
        yield token_changed()


def token_changed() -> Finding:
    summary = "`X-Amz-Security-Token` is not the token of the session that signed."
    fix = "Send it as it was answered: a token belongs to one key id, and neither can be replaced."
    return certain(Code.TOKEN_CHANGED, summary, fix)


def _token_lost(*, proven: bool) -> Finding:
    summary = (
        "`X-Amz-Security-Token` is missing, and without it the store does not know the session."
    )
    fix = "Send the whole query as it was answered: a limit of a field's length or a filter may have dropped the token."
    return Finding(Code.TOKEN_LOST, proven, summary, fix)


def _plus(*, proven: bool) -> Finding:
    summary = (
        "The query was decoded: a `+` of the token stands there plainly, and stores read a space."
    )
    fix = "Do not decode a signed URL (`%2B` must stay `%2B`); send it byte for byte as it was answered."
    return Finding(Code.URL_REENCODED, proven, summary, fix)


def redirect(reply: StoreResponse) -> Iterator[Finding]:
    if reply.status not in REDIRECTS and reply.code not in _REDIRECTED:
        return
    endpoint = reply.fields.get("Endpoint", "").lower()
    where = (
        f" (`{endpoint}`)" if _AWS_HOST.fullmatch(endpoint) and is_safe_to_echo(endpoint) else ""
    )
    summary = f"The store sends the request to another host{where}, for which the signature does not hold."
    fix = "Do not follow the redirect: set the bucket's `region` or endpoint in the configuration of whoever signs, and sign anew."
    yield certain(Code.REDIRECTED, summary, fix)


def region(
    sent: ParsedRequest, reply: StoreResponse, place: BucketLocation | None
) -> Iterator[Finding]:
    was = None if sent.scope is None else sent.scope[2]
    right = reply.fields.get("Region", "")
    if reply.code in _UNREADABLE and "region" in reply.message and REGION.fullmatch(right):
        yield wrong_region(right, was or "")
    elif place is not None and was is not None and was != place.address.region:
        yield replace(wrong_region(place.address.region, was), proven=False)


def host(sent: ParsedRequest, place: BucketLocation | None) -> Iterator[Finding]:
    if place is None or sent.host in place.hosts:
        return
    summary = (
        f"The URL's host is not that of the bucket, which is {said(place.address.host, 'another')}."
    )
    fix = "Send the URL to the host that stood in it: the host is signed."
    yield likely(Code.HOST_CHANGED, summary, fix)


def unsigned_headers(
    sent: ParsedRequest, reply: StoreResponse, *, proven: bool
) -> Iterator[Finding]:
    named = [name.strip().lower() for name in reply.fields.get("HeadersNotSigned", "").split(",")]
    told = [name for name in sent.headers or {} if name.startswith("x-amz-")]
    unsigned = [name for name in told if name not in sent.signed_headers]
    said_so = any(named)
    names = [name for name in named if name] or unsigned
    if not names:
        return
    shown = ", ".join(said(name, "a header") for name in names[:_MOST_NAMES])
    summary = f"Headers were sent that are not signed: {shown}. S3 takes no `x-amz-*` header that the signature leaves out."
    fix = f"Leave them out, or ask for a URL that has them signed: {curl(sent)}"
    yield Finding(Code.HEADER_UNSIGNED, said_so or proven, summary, fix)


def shape(sent: ParsedRequest) -> Iterator[Finding]:
    """What must be amiss where the signature cannot be checked."""
    if "content-length" in sent.signed_headers and sent.method in _WITHOUT_BODY:
        yield method_changed(replace(sent, method="PUT"), sent, proven=False)
    elif sent.missing_headers:
        # What a sender does not tell of, it may have sent all the same.
        told = sent.headers is not None
        yield header_missing(list(sent.missing_headers), curl(sent), proven=told)


def query(sent: ParsedRequest) -> Iterator[Finding]:
    strange = [name for name, _ in sent.strange_parameters]
    if strange:
        shown = ", ".join(said(name, "a parameter") for name in strange[:_MOST_NAMES])
        summary = f"The query has what S3 does not know: {shown}. All of the query is signed."
        fix = "Send the query as it was answered: trackers and cache busters must not be added."
        yield likely(Code.QUERY_CHANGED, summary, fix)


def dots(sent: ParsedRequest, *, proven: bool) -> Iterator[Finding]:
    if has_dot_segment(sent.path):
        yield dot_segments(proven=proven)
