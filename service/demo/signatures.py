"""Whether a request was signed as SigV4 and S3 require: times, keys, headers, signature. Pure.

What is right comes from AWS's vectors and botocore, in tests/demo.
"""

import calendar
import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from service.clock import rfc3339
from service.demo.received import Authentication, ReceivedRequest
from service.demo.store_errors import StoreError, access_denied
from service.signing import sigv4
from service.signing.signer import SERVICE, encode_key

MAX_SKEW_SECONDS: Final = 900  # …/AmazonS3/latest/API/ErrorResponses.html, RequestTimeTooSkewed


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """An access key of the store. A session's has a token, and an end in epoch seconds."""

    secret_access_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    expires_at: float | None = None


FindKey = Callable[[str], StoredKey | None]


def verify(
    request: ReceivedRequest,
    authentication: Authentication,
    *,
    find_key: FindKey,
    payload_hash: str,
    region: str,
    now: float,
) -> None:
    """Raise the StoreError that S3 answers with, unless all of the request was signed."""
    _check_scope(authentication, region)
    _check_time(authentication, now)
    key = valid_key(authentication, find_key, now)
    if authentication.credential.service == SERVICE:
        _check_headers(request, authentication)
    canonical = _canonical_request(request, authentication, payload_hash)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    scope = "/".join((*authentication.credential[1:], "aws4_request"))
    text = f"{sigv4.ALGORITHM}\n{authentication.timestamp}\n{scope}\n{digest}"
    check_signature(authentication, key, text, CanonicalRequest=canonical)


def valid_key(authentication: Authentication, find_key: FindKey, now: float) -> StoredKey:
    """Return the key that signed. Raises StoreError if it is unknown, or if its session ended."""
    key = find_key(authentication.credential.access_key_id)
    if key is None or (key.token is not None and authentication.token is None):
        message = "The AWS Access Key Id you provided does not exist in our records."
        raise StoreError(
            403,
            "InvalidAccessKeyId",
            message,
            AWSAccessKeyId=authentication.credential.access_key_id,
        )
    if not hmac.compare_digest((authentication.token or "").encode(), (key.token or "").encode()):
        message = "The provided token is malformed or otherwise invalid."
        raise StoreError(400, "InvalidToken", message)
    if key.expires_at is not None and now >= key.expires_at:
        raise StoreError(400, "ExpiredToken", "The provided token has expired.")
    return key


def check_signature(
    authentication: Authentication, key: StoredKey, string_to_sign: str, **details: str
) -> None:
    """Raise SignatureDoesNotMatch, with what the store signed, if it differs."""
    signing_key = f"AWS4{key.secret_access_key}".encode()
    for part in (*authentication.credential[1:], "aws4_request"):
        signing_key = hmac.digest(signing_key, part.encode(), "sha256")
    expected = hmac.digest(signing_key, string_to_sign.encode(), "sha256").hex()
    if hmac.compare_digest(expected.encode(), authentication.signature.encode()):
        return
    raise StoreError(
        403,
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
        AWSAccessKeyId=authentication.credential.access_key_id,
        StringToSign=string_to_sign,
        SignatureProvided=authentication.signature,
        **details,
    )


def _check_scope(authentication: Authentication, region: str) -> None:
    _, _, signed_region, service = authentication.credential
    in_the_header = authentication.expires_in is None
    if in_the_header and service != SERVICE:
        return  # IAM and STS, which are global here
    code = f"Authorization{'HeaderMalformed' if in_the_header else 'QueryParametersError'}"
    if service != SERVICE:
        message = f'Error parsing the Credential; incorrect service "{service}".'
        raise StoreError(400, code, message)
    if signed_region != region:
        message = (
            f"Error parsing the Credential; the region '{signed_region}' is wrong; "
            f"expecting '{region}'"
        )
        raise StoreError(400, code, message, Region=region)


def _check_time(authentication: Authentication, now: float) -> None:
    try:
        signed_at = calendar.timegm(time.strptime(authentication.timestamp, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise access_denied("The date is not valid") from None
    lifetime = authentication.expires_in
    if lifetime is None:
        if abs(now - signed_at) > MAX_SKEW_SECONDS:
            message = "The difference between the request time and the current time is too large."
            raise StoreError(403, "RequestTimeTooSkewed", message, ServerTime=rfc3339(int(now)))
        return
    if signed_at - now > MAX_SKEW_SECONDS:
        raise access_denied("Request is not yet valid", ServerTime=rfc3339(int(now)))
    if now >= signed_at + lifetime:
        raise access_denied(
            "Request has expired",
            **{"X-Amz-Expires": str(lifetime)},
            Expires=rfc3339(signed_at + lifetime),
            ServerTime=rfc3339(int(now)),
        )


def _check_headers(request: ReceivedRequest, authentication: Authentication) -> None:
    required = {name for name in request.headers if name.startswith("x-amz-")} | {"host"}
    if missing := sorted(required - set(authentication.signed_headers)):
        raise access_denied(
            "There were headers present in the request which were not signed",
            HeadersNotSigned=", ".join(missing),
        )


def _canonical_request(
    request: ReceivedRequest, authentication: Authentication, payload_hash: str
) -> str:
    """A signed header that is missing counts as empty."""
    return sigv4.canonical_request(
        request.method,
        encode_key(request.path),
        sigv4.canonical_query(pair for pair in request.query if pair[0] != "X-Amz-Signature"),
        {name: request.headers.get(name, "") for name in authentication.signed_headers},
        payload_hash,
    )
