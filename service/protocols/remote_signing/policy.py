"""The requests that may be signed: S3's calls, with their operation, query and headers.

Pure. Everything that is not in these lists is refused. To read against the API:
docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from service.access.grants import Operation
from service.errors import InvalidRequest
from service.signing.actions import CHECKSUM_BYTES
from service.signing.header_signatures import PAYLOAD_HASH
from service.signing.metadata import check_metadata
from service.signing.validation import check_header_value

COPY_SOURCE: Final = "x-amz-copy-source"
ENCRYPTION: Final = "x-amz-server-side-encryption"
MAX_HEADER_BYTES: Final = 8192  # docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
_META: Final = "x-amz-meta-"

_READ_QUERY: Final = frozenset(
    {
        *("partNumber", "versionId"),
        *("response-cache-control", "response-content-disposition", "response-content-encoding"),
        *("response-content-language", "response-content-type", "response-expires"),
    }
)
_LIST_QUERY: Final = frozenset(
    {
        *("continuation-token", "delimiter", "encoding-type", "fetch-owner"),
        *("max-keys", "start-after"),
    }
)

_READ: Final = frozenset({"x-amz-checksum-mode", "x-amz-te"})
_BODY: Final = frozenset(
    {
        *("x-amz-decoded-content-length", "x-amz-sdk-checksum-algorithm", "x-amz-te"),
        *("x-amz-trailer", *(f"x-amz-checksum-{name.lower()}" for name in CHECKSUM_BYTES)),
    }
)
# Metadata is allowed too, and encryption as the bucket needs it.
_NEW_OBJECT: Final = frozenset(
    {"x-amz-acl", "x-amz-storage-class", "x-amz-tagging", _META, ENCRYPTION}
)
_CHECKSUM_KIND: Final = frozenset({"x-amz-checksum-algorithm", "x-amz-checksum-type"})
_COPY: Final = frozenset(
    {
        *(COPY_SOURCE, f"{COPY_SOURCE}-if-match", f"{COPY_SOURCE}-if-modified-since"),
        *(f"{COPY_SOURCE}-if-none-match", f"{COPY_SOURCE}-if-unmodified-since"),
        "x-amz-source-expected-bucket-owner",
    }
)
_EVERY_CALL: Final = frozenset({PAYLOAD_HASH, "x-amz-expected-bucket-owner", "x-amz-request-payer"})


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Call:
    """A call by S3's own name, and what its request may have: `query`, and `x-amz-` `headers`.

    It must have the parameters `needs`.
    """

    action: str
    operation: Operation
    needs: frozenset[str] = frozenset()
    query: frozenset[str] = frozenset()
    headers: frozenset[str] = frozenset()


_UPLOAD_ID: Final = frozenset({"uploadId"})
_PART: Final = frozenset({"partNumber", "uploadId"})
# By method, whether there is a key, and what else tells the calls apart.
_CALLS: Final[Mapping[tuple[str, bool, str], S3Call]] = {
    ("GET", True, ""): S3Call(
        action="GetObject", operation=Operation.DOWNLOAD, query=_READ_QUERY, headers=_READ
    ),
    ("HEAD", True, ""): S3Call(
        action="HeadObject", operation=Operation.HEAD, query=_READ_QUERY, headers=_READ
    ),
    ("GET", False, "list-type"): S3Call(
        action="ListObjectsV2",
        operation=Operation.LIST,
        needs=frozenset({"list-type", "prefix"}),
        query=_LIST_QUERY,
    ),
    ("PUT", True, ""): S3Call(
        action="PutObject", operation=Operation.UPLOAD, headers=_BODY | _NEW_OBJECT
    ),
    ("PUT", True, COPY_SOURCE): S3Call(
        action="CopyObject",
        operation=Operation.UPLOAD,
        headers=_COPY | _NEW_OBJECT | {"x-amz-checksum-algorithm", "x-amz-metadata-directive"},
    ),
    ("POST", True, "uploads"): S3Call(
        action="CreateMultipartUpload",
        operation=Operation.MULTIPART,
        needs=frozenset({"uploads"}),
        headers=_NEW_OBJECT | _CHECKSUM_KIND,
    ),
    ("PUT", True, "uploadId"): S3Call(
        action="UploadPart", operation=Operation.MULTIPART, needs=_PART, headers=_BODY
    ),
    ("PUT", True, f"uploadId {COPY_SOURCE}"): S3Call(
        action="UploadPartCopy",
        operation=Operation.MULTIPART,
        needs=_PART,
        headers=_COPY | {f"{COPY_SOURCE}-range"},
    ),
    ("POST", True, "uploadId"): S3Call(
        action="CompleteMultipartUpload",
        operation=Operation.MULTIPART,
        needs=_UPLOAD_ID,
        headers=_BODY | _CHECKSUM_KIND | {"x-amz-mp-object-size"},
    ),
    ("GET", True, "uploadId"): S3Call(
        action="ListParts",
        operation=Operation.MULTIPART,
        needs=_UPLOAD_ID,
        query=frozenset({"max-parts", "part-number-marker"}),
    ),
    ("DELETE", True, "uploadId"): S3Call(
        action="AbortMultipartUpload", operation=Operation.MULTIPART, needs=_UPLOAD_ID
    ),
    ("DELETE", True, ""): S3Call(
        action="DeleteObject",
        operation=Operation.DELETE,
        query=frozenset({"versionId"}),
        headers=frozenset({"x-amz-if-match-last-modified-time", "x-amz-if-match-size"}),
    ),
    ("POST", False, "delete"): S3Call(
        action="DeleteObjects",
        operation=Operation.DELETE,
        needs=frozenset({"delete"}),
        headers=_BODY,
    ),
}
SIGNABLE: Final = frozenset(call.operation for call in _CALLS.values())
_SELECTORS: Final = ("delete", "list-type", "uploadId", "uploads")

# Headers that are no `x-amz-` ones, and that a store acts on. A read signs none of them: what it
# covers beyond the URL would keep clients from using a signature again.
_SIGNED_WITH_WRITES: Final = frozenset(
    {
        *("cache-control", "content-disposition", "content-encoding", "content-language"),
        *("content-length", "content-md5", "content-type", "expires", "if-match", "if-none-match"),
    }
)
_OURS: Final = frozenset({"authorization", "x-amz-date", "x-amz-security-token"})
_DISPATCHED_ON: Final = ("x-", "cf-", "ibm-")  # stores have calls and settings in such headers
_UNSIGNED: Final = frozenset({"x-amzn-trace-id"})  # load balancers change it
# Fixed values. Other canned ACLs give the object to everybody.
_VALUES: Final[Mapping[str, frozenset[str]]] = {
    "x-amz-acl": frozenset({"private", "bucket-owner-read", "bucket-owner-full-control"}),
    "x-amz-metadata-directive": frozenset({"COPY", "REPLACE"}),
    "if-none-match": frozenset({"*"}),
}
_SHAPES: Final[Mapping[str, re.Pattern[str]]] = {
    "content-length": re.compile("[0-9]{1,15}"),
    "if-match": re.compile('"[!#-~]{1,255}"'),
}
_CLIENTS_HASH: Final = re.compile(
    "UNSIGNED-PAYLOAD|STREAMING-UNSIGNED-PAYLOAD-TRAILER|[0-9a-f]{64}"
)


def find_call(method: str, key: str, parameters: Mapping[str, str], *, copies: bool) -> S3Call:
    """Return the call that a request is. Raises InvalidRequest if it is none that is signed."""
    marks = [name for name in _SELECTORS if name in parameters] + [COPY_SOURCE] * copies
    call = _CALLS.get((method, bool(key), " ".join(marks)))
    if call is None:
        raise InvalidRequest(
            "Only requests that read, write, copy, list or remove objects are signed."
        )
    if not call.needs <= parameters.keys():
        raise InvalidRequest(f"{call.action} needs {', '.join(sorted(call.needs))} in its query.")
    if not parameters.keys() <= call.needs | call.query | {"x-id"}:
        raise InvalidRequest(f"A query parameter is not allowed in {call.action}.")
    if parameters.get("x-id", call.action) != call.action:
        raise InvalidRequest(f"`x-id` does not match the operation, which is {call.action}.")
    return call


def lower_names(headers: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Raises InvalidRequest for a name that proxies change, and for one in two spellings."""
    for name in headers:
        if not (name.isascii() and name.replace("-", "").isalnum()):
            raise InvalidRequest("A header's name has only letters, digits and hyphens.")
    lower = {name.lower(): values for name, values in headers.items()}
    if len(lower) < len(headers):
        raise InvalidRequest("A header name is given in different spellings.")
    return lower


def signed_headers(
    call: S3Call, host: str, headers: Mapping[str, Sequence[str]], *, is_read: bool
) -> dict[str, str]:
    """Return the client's headers that are to be signed. `headers` have lower-case names.

    Raises InvalidRequest for one that a store acts on and that the call may not have.
    """
    signed: dict[str, str] = {}
    for name, values in headers.items():
        if name in _OURS or (name == "host" and values != [host]):
            raise InvalidRequest("The signature, its date and its token are added here. Send none.")
        if name.startswith(_DISPATCHED_ON):
            if name in _UNSIGNED:
                continue
            if not _may_have(call, name):
                raise InvalidRequest(f"A header is not allowed in {call.action}.")
        elif is_read or name not in _SIGNED_WITH_WRITES:
            continue
        signed[name] = _value(name, values)
    if not is_read:
        _check_together(signed)
    return signed


def payload_hash(signed: dict[str, str], of_body: str | None) -> str:
    """Return the payload's hash to sign: the client's, or that of its body.

    A value that is no hash is taken out of `signed`, and so is replaced.
    """
    sent = signed.get(PAYLOAD_HASH)
    if sent is not None and _CLIENTS_HASH.fullmatch(sent) is not None:
        return sent
    if sent is not None and sent.startswith("STREAMING-"):
        raise InvalidRequest("The chunks of a streaming payload cannot be signed here.")
    signed.pop(PAYLOAD_HASH, None)
    return of_body or "UNSIGNED-PAYLOAD"


def _may_have(call: S3Call, name: str) -> bool:
    for family in (_META, ENCRYPTION):
        if name.startswith(family):
            return family in call.headers
    return name in call.headers or name in _EVERY_CALL


def _value(name: str, values: Sequence[str]) -> str:
    if len(values) != 1:
        raise InvalidRequest("A header that is signed has one value.")
    [value] = values
    if len(value) > MAX_HEADER_BYTES:
        raise InvalidRequest(f"A header that is signed has at most {MAX_HEADER_BYTES} bytes.")
    check_header_value(value, pointer="#/headers")
    fixed, shape = _VALUES.get(name), _SHAPES.get(name)
    if (fixed and value not in fixed) or (shape and shape.fullmatch(value) is None):
        raise InvalidRequest(f"`{name}` has a value that is not signed.")
    return value


def _check_together(signed: Mapping[str, str]) -> None:
    if {"if-match", "if-none-match"} <= signed.keys():
        raise InvalidRequest("Send If-Match or If-None-Match, not both.")
    metadata = [
        (name.removeprefix(_META), value) for name, value in signed.items() if _META in name
    ]
    if metadata:
        check_metadata(tuple(metadata))
