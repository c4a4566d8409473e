"""What a store's error codes mean to the sender of a signed request or form.

docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from service.diagnosis.findings import Code, Finding, certain, likely
from service.diagnosis.request import ParsedRequest
from service.diagnosis.response import StoreResponse

_TEXTS: Final = {
    Code.OBJECT_MISSING: (
        "There is no object with this key.",
        "Check the key, its case and its encoding, and that the upload has completed.",
    ),
    Code.VERSION_MISSING: (
        "The object has no such version.",
        "Request a URL for another version, or for the newest.",
    ),
    Code.BUCKET_MISSING: (
        "There is no such bucket at this address.",
        "Send the URL to the host it was signed for, or correct the bucket's configuration.",
    ),
    Code.UPLOAD_MISSING: (
        "The store has no such multipart upload: it was completed or aborted, or is another key's.",
        "Start a new one, and send its parts to its URLs.",
    ),
    Code.OBJECT_EXISTS: (
        "An object with this key exists, and the URL may only create one (`if-none-match: *`).",
        "Choose another key, or request `overwrite`, which your grant must allow.",
    ),
    Code.CONDITION_FAILED: (
        "The object does not meet `if-match`, or another condition that was sent.",
        "Read the object's ETag, and request a URL with that one.",
    ),
    Code.WRITE_CONFLICT: (
        "Another request wrote the same key at the same time.",
        "Send the request again. For a multipart upload, start a new one.",
    ),
    Code.RANGE_INVALID: (
        "The object is too short for the requested `Range`.",
        "Read its length (`POST /v1/object-checks`), and request bytes that it has.",
    ),
    Code.TOO_LARGE: (
        "The file is larger than the form's policy or the store allows.",
        "Request a form with a larger `max_content_length`. Above 5 GiB, use a multipart upload.",
    ),
    Code.TOO_SMALL: (
        "The file, or a part of a multipart upload, is smaller than allowed.",
        "Send the whole file; in a form, as the last field.",
    ),
    Code.CHECKSUM_MISMATCH: (
        "The bytes that the store received do not match the signed checksum or MD5.",
        "Compute the checksum from exactly the bytes you send: no compression, no text mode.",
    ),
    Code.LENGTH_MISSING: (
        "The body was sent in chunks, without `content-length`.",
        "Send a body of known size: `curl -X PUT -T FILE '<url>'`, not a pipe or a stream.",
    ),
    Code.BODY_INCOMPLETE: (
        "Fewer bytes arrived than `content-length` says, or too slowly.",
        "Send all of them. On a slow line, use a multipart upload.",
    ),
    Code.OBJECT_ARCHIVED: (
        "The object is archived (Glacier).",
        "Have the bucket's owner restore it first.",
    ),
    Code.KEY_TOO_LONG: (
        "The key is longer than 1,024 bytes in UTF-8, or than this store allows.",
        "Choose a shorter key.",
    ),
    Code.METHOD_NOT_ALLOWED: (
        "The key has a delete marker, or a form was not sent as a form.",
        "Use the `method` that came with the URL. Send a form as a POST of its fields.",
    ),
    Code.FORM_MALFORMED: (
        "The store cannot read the form, or a field of its signature is missing.",
        "Send multipart/form-data: all `fields` unchanged, then the file as the last one, `file`.",
    ),
    Code.STORE_BUSY: (
        "The store could not serve the request then.",
        "Try again with growing pauses, while the URL is valid.",
    ),
    Code.STORE_REFUSED: (
        "The store refused with an error code that is unusual for signed requests.",
        "Look up the code in the store's documentation.",
    ),
}
_BY_ERROR_CODE: Final = {
    "NoSuchKey": Code.OBJECT_MISSING,
    "NotFound": Code.OBJECT_MISSING,
    "NoSuchVersion": Code.VERSION_MISSING,
    "NoSuchBucket": Code.BUCKET_MISSING,
    "NoSuchUpload": Code.UPLOAD_MISSING,
    "PreconditionFailed": Code.CONDITION_FAILED,
    "ConditionalRequestConflict": Code.WRITE_CONFLICT,
    "OperationAborted": Code.WRITE_CONFLICT,
    "InvalidRange": Code.RANGE_INVALID,
    "EntityTooLarge": Code.TOO_LARGE,
    "EntityTooSmall": Code.TOO_SMALL,
    "BadDigest": Code.CHECKSUM_MISMATCH,
    "InvalidDigest": Code.CHECKSUM_MISMATCH,
    "XAmzContentChecksumMismatch": Code.CHECKSUM_MISMATCH,
    "MissingContentLength": Code.LENGTH_MISSING,
    "IncompleteBody": Code.BODY_INCOMPLETE,
    "RequestTimeout": Code.BODY_INCOMPLETE,
    "InvalidObjectState": Code.OBJECT_ARCHIVED,
    "KeyTooLongError": Code.KEY_TOO_LONG,
    "MethodNotAllowed": Code.METHOD_NOT_ALLOWED,
    "MalformedPOSTRequest": Code.FORM_MALFORMED,
    "IncorrectNumberOfFilesInPostRequest": Code.FORM_MALFORMED,
    "PostPolicyInvalidKeyName": Code.FORM_MALFORMED,
    "MaxPostPreDataLengthExceededError": Code.FORM_MALFORMED,
    "SlowDown": Code.STORE_BUSY,
    "ServiceUnavailable": Code.STORE_BUSY,
    "InternalError": Code.STORE_BUSY,
}
_BY_STATUS: Final = {
    404: Code.OBJECT_MISSING,
    409: Code.WRITE_CONFLICT,
    411: Code.LENGTH_MISSING,
    412: Code.CONDITION_FAILED,
    416: Code.RANGE_INVALID,
    500: Code.STORE_BUSY,
    503: Code.STORE_BUSY,
}
_UNAMBIGUOUS_STATUSES: Final = frozenset({411, 412, 416})
# The other checks explain these, which may be about the signature.
_ABOUT_SIGNATURE: Final = frozenset({
    "SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidToken", "ExpiredToken", "InvalidRequest",
    "AuthorizationQueryParametersError", "AuthorizationHeaderMalformed", "InvalidArgument",
    "RequestTimeTooSkewed", "PermanentRedirect", "TemporaryRedirect", "AccessDenied",
    "ExpiredRequest", "ExpiredTokenException",
})  # fmt: skip
_POLICY = re.compile(
    "no (session|identity-based|resource-based) policy|deny in an? ([a-z -]{3,40}policy)"
)


def explain_error_code(request: ParsedRequest, response: StoreResponse) -> Finding | None:
    """What the error code, or without one the status, means if the signature is valid."""
    if response.code is None:
        code = _BY_STATUS.get(response.status or 0)
        proven = response.status in _UNAMBIGUOUS_STATUSES
    elif response.code in _ABOUT_SIGNATURE:
        return None
    else:
        code = _BY_ERROR_CODE.get(response.code, Code.STORE_REFUSED)
        proven = code is not Code.STORE_REFUSED
    if code is Code.CONDITION_FAILED and "if-none-match" in request.signed_headers:
        code = Code.OBJECT_EXISTS
    return None if code is None else Finding(code, proven, *_TEXTS[code])


def unknown_error(response: StoreResponse) -> Finding | None:
    """The fallback finding for an error code if nothing else was found."""
    return (
        None if response.code is None else likely(Code.STORE_REFUSED, *_TEXTS[Code.STORE_REFUSED])
    )


def denied(
    response: StoreResponse, conditions: Sequence[str], *, is_list: bool, proven: bool
) -> Iterator[Finding]:
    """For a request that was authenticated, but is not allowed.

    `conditions` are those of the caller's grant in words. A session policy allows all else that was
    signed: if the store names it, one of them did not hold. If the store names another policy, or
    looks whether there is such a key, none of them is the reason.
    """
    match = _POLICY.search(response.message)
    by_session = match is not None and match[1] == "session"
    looks_for_key = "s3:listbucket" in response.message and not is_list
    if not conditions or looks_for_key or (match is not None and not by_session):
        yield access_denied(response, proven=proven)
        return
    yield _condition(conditions, proven=proven and by_session)
    if not by_session:
        yield access_denied(response, proven=False)


def _condition(conditions: Sequence[str], *, proven: bool) -> Finding:
    summary = (
        "The store accepts the signature, but a condition of your grant "
        f"{'does' if proven else 'may'} not hold: {', '.join(conditions)}."
    )
    fix = (
        "Send it from there, as the store sees it: behind NAT, from the gateway's address. A "
        "scanner tags an object some time after the upload; a missing object has no tag."
    )
    return Finding(Code.GRANT_CONDITION, proven, summary, fix)


def access_denied(response: StoreResponse, *, proven: bool) -> Finding:
    """For a request that was authenticated, but is not allowed."""
    match = _POLICY.search(response.message)
    named = "" if match is None else match[2] or f"{match[1]} policy"
    reason = f" It names: {named}." if named else ""
    summary = (
        f"The store accepts the signature, but denies the request.{reason} The role, the session, "
        "the bucket policy or the KMS key does not allow it. Or there is no such object, which S3 "
        "hides from those who may not list."
    )
    fix = "Check that the object exists (`POST /v1/object-checks`), then those policies."
    return Finding(Code.ACCESS_DENIED, proven, summary, fix)


def no_error_body() -> Finding:
    """For a refusal whose body is not reported, or was a HEAD's, which has none."""
    summary = "No error document of the store is reported, so no cause is known."
    fix = (
        "Report the body of the store's response (`presign diagnose --response FILE`), or diagnose "
        "at the service that signed the URL (`--service`). HEAD has no body: send a download URL."
    )
    return likely(Code.STORE_REFUSED, summary, fix)


def explain_form_error(response: StoreResponse) -> Iterator[Finding]:
    """A form's fields are not reported, so only the store's error can be explained."""
    if response.says("AccessDenied", "according to policy"):
        if "expired" in response.message:
            return
        summary = "A field of the form does not meet the signed policy."
        if "extra input fields" in response.message:
            summary = "The form has a field that the signed policy does not name."
        fix = "Send exactly the `fields` you received, then the file."
        yield certain(Code.FORM_REFUSED, summary, fix)
    elif response.code in {"SignatureDoesNotMatch", "InvalidPolicyDocument"}:
        summary = "`policy`, `x-amz-signature` or another field of the signature was changed."
        fix = "Send exactly the `fields` you received: do not decode, trim or convert them."
        yield certain(Code.SIGNATURE_MISMATCH, summary, fix)
    elif response.code in {"InvalidArgument", "InvalidRequest"}:
        yield likely(Code.FORM_MALFORMED, *_TEXTS[Code.FORM_MALFORMED])
    elif response.code == "AccessDenied" and "expired" not in response.message:
        yield access_denied(response, proven=False)
