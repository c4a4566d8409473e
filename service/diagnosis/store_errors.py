"""What the other words of a store mean to whoever sent a signed request or a form.

docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from service.diagnosis.findings import Code, Finding, certain, likely
from service.diagnosis.request import ParsedRequest
from service.diagnosis.response import StoreResponse

Words = tuple[Code, str, str]

_MISSING_OBJECT: Final = (
    Code.OBJECT_MISSING,
    "There is no object of this key. The signature is right: S3 looks at it first.",
    "Check the key, its case and its encoding, and that the upload has ended.",
)
_MISSING_UPLOAD: Final = (
    Code.UPLOAD_MISSING,
    "The store has no such upload in parts: it was completed, aborted, or never was of this key.",
    "Begin another upload, and send its parts to its own URLs.",
)
_CHECKSUM: Final = (
    Code.CHECKSUM_MISMATCH,
    "The store received other bytes than the signed checksum or MD5 is of.",
    "Compute the checksum of exactly the bytes that are sent: no compression, no text mode.",
)
_CONFLICT: Final = (
    Code.WRITE_CONFLICT,
    "Somebody wrote the same key at the same time.",
    "Send it again; of an upload in parts, begin another.",
)
_MALFORMED_FORM: Final = (
    Code.FORM_MALFORMED,
    "The store cannot read the form, or one of the fields that sign it is missing.",
    "Send multipart/form-data with all of `fields` as they were answered, then the file as the last field, `file`.",
)
_INCOMPLETE: Final = (
    Code.BODY_INCOMPLETE,
    "Fewer bytes arrived than `content-length` promised, or they came too slowly.",
    "Send exactly as many bytes as were signed; for a slow line use an upload in parts.",
)
_BUSY: Final = (
    Code.STORE_BUSY,
    "The store could not serve the request at that time.",
    "Send it again a little later, with growing pauses, while the URL holds.",
)
_LENGTH: Final = (
    Code.LENGTH_MISSING,
    "The body came without `content-length`, in chunks, and S3 takes no such upload.",
    "Send a body of known size: `curl -X PUT -T FILE '<url>'`, not a pipe or a stream.",
)
_CONDITION: Final = (
    Code.CONDITION_FAILED,
    "The object is not as `if-match`, or another condition that was sent, wants it.",
    "Look at the object's ETag, and ask for a URL with that one.",
)
_RANGE: Final = (
    Code.RANGE_INVALID,
    "The object has no byte in the `Range` that was asked for: it is shorter, or empty. The signature is right.",
    "Look at the object's length (`POST /v1/object-checks`), and ask for bytes that it has; to resume a download, compare its ETag first.",
)

_BY_CODE: Final[Mapping[str, Words]] = {
    "NoSuchKey": _MISSING_OBJECT,
    "NotFound": _MISSING_OBJECT,
    "NoSuchVersion": (
        Code.VERSION_MISSING,
        "There is no such version of the object.",
        "Ask for a URL of a version that is there, or of none for the newest.",
    ),
    "NoSuchBucket": (
        Code.BUCKET_MISSING,
        "There is no such bucket at this address.",
        "Send the URL to the host it was signed for; if it is, the bucket's name or endpoint in the configuration is wrong.",
    ),
    "NoSuchUpload": _MISSING_UPLOAD,
    "PreconditionFailed": _CONDITION,
    "ConditionalRequestConflict": _CONFLICT,
    "OperationAborted": _CONFLICT,
    "InvalidRange": _RANGE,
    "EntityTooLarge": (
        Code.TOO_LARGE,
        "The file is larger than the form's policy, or the store, allows.",
        "Send a smaller file, or ask for a form with a larger `max_content_length`; over 5 GiB use an upload in parts.",
    ),
    "EntityTooSmall": (
        Code.TOO_SMALL,
        "The file is smaller than the form's policy allows, or a part than the store takes.",
        "Send what was asked for; an empty file often means that the field `file` was not the last.",
    ),
    "BadDigest": _CHECKSUM,
    "InvalidDigest": _CHECKSUM,
    "XAmzContentChecksumMismatch": _CHECKSUM,
    "MissingContentLength": _LENGTH,
    "IncompleteBody": _INCOMPLETE,
    "RequestTimeout": _INCOMPLETE,
    "InvalidObjectState": (
        Code.OBJECT_ARCHIVED,
        "The object is archived (Glacier), so it cannot be read before it is restored.",
        "Have whoever owns the bucket restore it, then send the request again.",
    ),
    "KeyTooLongError": (
        Code.KEY_TOO_LONG,
        "The key has more than 1,024 bytes in UTF-8, or than this store takes.",
        "Choose a shorter key.",
    ),
    "MethodNotAllowed": (
        Code.METHOD_NOT_ALLOWED,
        "The store knows no such method here: a delete marker is read, or a form's URL is sent as no form.",
        "Send the `method` that was answered with the URL; a form is a POST of its fields.",
    ),
    "MalformedPOSTRequest": _MALFORMED_FORM,
    "IncorrectNumberOfFilesInPostRequest": _MALFORMED_FORM,
    "PostPolicyInvalidKeyName": _MALFORMED_FORM,
    "MaxPostPreDataLengthExceededError": _MALFORMED_FORM,
    "SlowDown": _BUSY,
    "ServiceUnavailable": _BUSY,
    "InternalError": _BUSY,
}
_BY_STATUS: Final[Mapping[int, Words]] = {
    404: _MISSING_OBJECT,
    409: _CONFLICT,
    411: _LENGTH,
    412: _CONDITION,
    416: _RANGE,
    500: _BUSY,
    503: _BUSY,
}
_PLAIN_STATUSES: Final = frozenset({411, 412, 416})  # which mean one thing only
_EXISTS: Final = (
    Code.OBJECT_EXISTS,
    "There is an object of this key already, and the URL was signed to create one only (`if-none-match: *`).",
    "Choose another key, or ask for the URL with `overwrite`, which your grant must allow.",
)
_POLICY = re.compile(
    "no (session|identity-based|resource-based) policy|deny in an? ([a-z -]{3,40}policy)"
)
_SIGNATURES_OWN: Final = frozenset(
    {
        *("SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidToken", "ExpiredToken"),
        *("AuthorizationQueryParametersError", "AuthorizationHeaderMalformed", "InvalidArgument"),
        *("RequestTimeTooSkewed", "PermanentRedirect", "TemporaryRedirect", "AccessDenied"),
        *("InvalidRequest", "ExpiredRequest", "ExpiredTokenException"),
    }
)


def explain_error_code(sent: ParsedRequest, reply: StoreResponse) -> Finding | None:
    """What the store's code, or without one its status, says of a request whose signature is right."""
    words = _words(sent, reply)
    if words is None:
        return None
    known = reply.status in _PLAIN_STATUSES if reply.code is None else words is not _UNKNOWN
    return Finding(words[0], known, *words[1:])


def unknown(reply: StoreResponse) -> Finding | None:
    """For when nothing else is found."""
    return None if reply.code is None else likely(_UNKNOWN[0], *_UNKNOWN[1:])


def denied(reply: StoreResponse, *, proven: bool) -> Finding:
    """Authenticated, and not allowed."""
    found = _POLICY.search(reply.message)
    whose = (
        "" if found is None else f" It names: {found[1] or found[2]}{' policy' * bool(found[1])}."
    )
    summary = (
        f"The store knows who signed, and refuses what is asked.{whose} The role, the session, the bucket's "
        "policy or its KMS key do not allow it; or the object is not there, and S3 does not tell whoever may not list."
    )
    fix = "Check that the object is there (`POST /v1/object-checks`), then the policies of role, bucket and key."
    return Finding(Code.ACCESS_DENIED, proven, summary, fix)


def no_error_body() -> Finding:
    """Of a HEAD's answer, which has no body."""
    summary = (
        "The store refused without a word, as it does to a HEAD: why cannot be told from here."
    )
    fix = "Ask for a download of the same key and send that: its answer has words. Or ask the replica that signed."
    return likely(Code.STORE_REFUSED, summary, fix)


def form_faults(reply: StoreResponse) -> Iterator[Finding]:
    """A form's fields are not told, so the store's words are all there is."""
    if reply.says("AccessDenied", "according to policy") and "expired" not in reply.message:
        extra = "extra input fields" in reply.message
        summary = "A field of the form is not as its signed policy wants it."
        if extra:
            summary = "The form has a field that its signed policy does not name."
        fix = (
            "Send exactly `fields` as they were answered, none changed, none added, then the file."
        )
        yield certain(Code.FORM_REFUSED, summary, fix)
    elif reply.code in {"SignatureDoesNotMatch", "InvalidPolicyDocument"}:
        summary = (
            "`policy`, `x-amz-signature` or the other signing fields are not as they were answered."
        )
        fix = "Send exactly `fields` as they were answered: do not decode, trim or re-order them into another form."
        yield certain(Code.SIGNATURE_MISMATCH, summary, fix)
    elif reply.code in {"InvalidArgument", "InvalidRequest"}:
        yield likely(_MALFORMED_FORM[0], *_MALFORMED_FORM[1:])
    elif reply.says("AccessDenied") and "expired" not in reply.message:
        yield denied(reply, proven=False)


def _words(sent: ParsedRequest, reply: StoreResponse) -> Words | None:
    if reply.code is None:
        words = _BY_STATUS.get(reply.status or 0)
    elif reply.code in _SIGNATURES_OWN:
        return None
    else:
        words = _BY_CODE.get(reply.code, _UNKNOWN)
    creates = "if-none-match" in sent.signed_headers
    return _EXISTS if words is _CONDITION and creates else words


_UNKNOWN: Final = (
    Code.STORE_REFUSED,
    "The store refused, and its error code is none that signed requests usually meet.",
    "Look the code up in the store's documentation, and mend what it names.",
)
