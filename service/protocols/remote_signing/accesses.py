"""The access requests of a request that is to be signed. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from service.access.conditions import names_in_header
from service.access.grants import AccessRequest, Grant, Operation
from service.errors import InvalidRequest
from service.protocols.remote_signing.deletions import DeletedObject
from service.protocols.remote_signing.policy import COPY_SOURCE, S3Call
from service.protocols.remote_signing.uris import S3Uri, decode
from service.signing.multipart_actions import MAX_PARTS, check_upload_id
from service.signing.validation import check_key, check_prefix

_SIGN: Final = Operation.SIGN
_DEFAULT_MAX_KEYS: Final = 1000  # …/AmazonS3/latest/API/API_ListObjectsV2.html
# The calls that may replace an object, and those that set its type.
_REPLACE: Final = frozenset({"PutObject", "CopyObject", "CompleteMultipartUpload"})
_DECLARE_TYPE: Final = frozenset({"PutObject", "CopyObject", "CreateMultipartUpload"})
_NUMBER: Final = re.compile("[0-9]{1,5}")


def access_requests(
    call: S3Call, bucket: str, s3_bucket: str, uri: S3Uri, signed: Mapping[str, str]
) -> list[AccessRequest]:
    """Return what a call for one key, or a list, needs: all of these must be granted.

    `bucket` is its name in the configuration, `s3_bucket` its name at the store.
    """
    if call.operation is Operation.LIST:
        return [_list_access(bucket, uri.parameters)]
    wanted = AccessRequest(
        operation=call.operation,
        bucket=bucket,
        key=uri.key,
        version="versionId" in uri.parameters,
        also_needs=_SIGN,
    )
    if (tagging := signed.get("x-amz-tagging")) is not None:
        wanted.tag_names, wanted.tags_pointer = names_in_header(tagging), "#/headers"
    _check_upload(uri.parameters)
    if call.action in _REPLACE:
        # Some stores ignore the condition of a copy: MiniStack 1.5.33 does.
        wanted.overwrite = "if-none-match" not in signed or call.action == "CopyObject"
        wanted.has_if_match = "if-match" in signed
    wanted.checks_content_type = call.action in _DECLARE_TYPE
    if COPY_SOURCE not in signed:
        length = signed.get("content-length")
        wanted.content_length = None if length is None else int(length)
        wanted.content_type = signed.get("content-type")
        return [wanted]
    # Its size is the source's, and unknown. So is its type, unless it is replaced.
    wanted.is_copy = True
    if signed.get("x-amz-metadata-directive") == "REPLACE":
        wanted.content_type = signed.get("content-type")
    return [wanted, _source_access(bucket, s3_bucket, signed[COPY_SOURCE])]


def deletions(bucket: str, objects: Iterable[DeletedObject]) -> list[AccessRequest]:
    return [
        AccessRequest(
            operation=Operation.DELETE,
            bucket=bucket,
            key=key,
            version=is_version,
            also_needs=_SIGN,
        )
        for key, is_version in objects
    ]


def deletion_without_body(bucket: str, grants: Iterable[Grant]) -> AccessRequest:
    """Return what some grant allows if the caller may delete at all: the session decides which."""
    needed = {Operation.DELETE, _SIGN}
    prefixes = (
        grant.prefix for grant in grants if grant.bucket == bucket and needed <= grant.allow
    )
    key = next(prefixes, "")
    return AccessRequest(operation=Operation.DELETE, bucket=bucket, key=key, also_needs=_SIGN)


def _list_access(bucket: str, parameters: Mapping[str, str]) -> AccessRequest:
    """A prefix is no folder: `a/b` lists `a/bc` too. So it must begin with a granted one."""
    prefix = parameters["prefix"]
    check_prefix(prefix)
    if parameters["list-type"] != "2":
        raise InvalidRequest("Lists are signed with list-type=2 only.")
    keys = parameters.get("max-keys", str(_DEFAULT_MAX_KEYS))
    return AccessRequest(
        operation=Operation.LIST,
        bucket=bucket,
        key=prefix,
        is_prefix=True,
        max_keys=_number("max-keys", keys, _DEFAULT_MAX_KEYS),
        also_needs=_SIGN,
    )


def _source_access(bucket: str, s3_bucket: str, source: str) -> AccessRequest:
    """`source` is a bucket, a key and perhaps a version, encoded as a path."""
    path, mark, version = source.removeprefix("/").partition("?versionId=")
    name, _, encoded = path.partition("/")
    key = decode(encoded, "/")
    if name != s3_bucket or key is None or (mark and decode(version) is None) or "//" in source:
        detail = "A copy's source is BUCKET/KEY in the same bucket, percent-encoded as SigV4 does."
        raise InvalidRequest(detail)
    check_key(key)
    return AccessRequest(
        operation=Operation.DOWNLOAD, bucket=bucket, key=key, version=bool(mark), also_needs=_SIGN
    )


def _check_upload(parameters: Mapping[str, str]) -> None:
    if (upload_id := parameters.get("uploadId")) is not None:
        check_upload_id(upload_id)
    if (number := parameters.get("partNumber")) is not None:
        _number("partNumber", number, MAX_PARTS)


def _number(name: str, text: str, most: int) -> int:
    if _NUMBER.fullmatch(text) is None or not 1 <= int(text) <= most:
        raise InvalidRequest(f"`{name}` is a number from 1 to {most}.")
    return int(text)
