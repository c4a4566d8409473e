"""The calls of a botocore client: our actions in its terms."""

from typing import Any

from botocore.utils import percent_encode

from service.signing.actions import (
    Checksum,
    DeleteObject,
    Encryption,
    GetObject,
    HeadObject,
    ListObjects,
    ListObjectVersions,
    NewObject,
    PutObject,
)
from service.signing.copy_object import CopyObject
from service.signing.metadata import Pairs
from service.signing.multipart_actions import (
    FULL_OBJECT_ALGORITHMS,
    AbortMultipartUpload,
    CreateMultipartUpload,
    ListParts,
    MultipartAction,
    UploadPart,
    UploadPartOfUnknownLength,
)
from service.signing.redirected_put import RedirectedPut
from service.signing.signer import Signable


def operation(action: Signable) -> tuple[str, dict[str, Any]]:
    """Return botocore's method, and its parameters without bucket and key."""
    match action:
        case GetObject() | HeadObject():
            is_get = isinstance(action, GetObject)
            checksums = isinstance(action, HeadObject) and action.checksums
            return "get_object" if is_get else "head_object", {
                "ChecksumMode": "ENABLED" if checksums else None,
                "VersionId": action.version_id,
                "ResponseContentType": action.content_type,
                "ResponseContentDisposition": action.content_disposition,
                "ResponseCacheControl": action.cache_control,
            }
        case DeleteObject():
            return "delete_object", {"VersionId": action.version_id}
        case ListObjects():
            return "list_objects_v2", {
                "Prefix": action.prefix,
                "Delimiter": action.delimiter,
                "EncodingType": action.encoding_type,
                "MaxKeys": action.max_keys,
                "ContinuationToken": action.continuation_token,
                "StartAfter": action.start_after,
            }
        case ListObjectVersions():
            return "list_object_versions", {
                "Prefix": action.prefix,
                "Delimiter": action.delimiter,
                "EncodingType": "url",
                "MaxKeys": action.max_keys,
                "KeyMarker": action.key_marker,
                "VersionIdMarker": action.version_id_marker,
            }
        case PutObject():
            return "put_object", {
                "ContentLength": action.content_length,
                "IfMatch": action.if_match,
                "IfNoneMatch": None if action.overwrite or action.if_match else "*",
                **_checksum(action.checksum),
                **_properties(action),
            }
        case _:
            return _other_operation(action)


def _other_operation(
    action: CopyObject | MultipartAction | RedirectedPut,
) -> tuple[str, dict[str, Any]]:
    match action:
        case CopyObject():
            return "copy_object", _copy(action)
        case CreateMultipartUpload():
            full = action.checksum_algorithm in FULL_OBJECT_ALGORITHMS
            return "create_multipart_upload", {
                "ChecksumAlgorithm": action.checksum_algorithm,
                "ChecksumType": "FULL_OBJECT" if full else "COMPOSITE",
                **_properties(action),
            }
        case UploadPartOfUnknownLength():
            part = {"UploadId": action.upload_id, "PartNumber": action.part_number}
            if isinstance(action, UploadPart):
                part |= {"ContentLength": action.content_length, **_checksum(action.checksum)}
            return "upload_part", part
        case ListParts():
            page = {"UploadId": action.upload_id, "PartNumberMarker": action.after}
            return "list_parts", {**page, "MaxParts": 1000}
        case AbortMultipartUpload():
            return "abort_multipart_upload", {"UploadId": action.upload_id}
        case _:
            raise AssertionError(action)


def _properties(new: NewObject) -> dict[str, Any]:
    return {
        "ContentType": new.content_type,
        "Metadata": dict(new.metadata) or None,
        "Tagging": _tagging(new.tags),
        "ContentDisposition": new.content_disposition,
        "CacheControl": new.cache_control,
        "ContentEncoding": new.content_encoding,
        "StorageClass": new.storage_class,
        **_encryption(new.encryption),
    }


def _encryption(encryption: Encryption | None) -> dict[str, Any]:
    return {
        "ServerSideEncryption": encryption and encryption.algorithm,
        "SSEKMSKeyId": encryption and encryption.kms_key_id,
    }


def _copy(action: CopyObject) -> dict[str, Any]:
    source = action.source
    version = {} if source.version_id is None else {"VersionId": source.version_id}
    return {
        "CopySource": {"Bucket": source.bucket, "Key": source.key, **version},
        "CopySourceIfMatch": source.etag,
        "IfNoneMatch": None if action.overwrite else "*",
        **_encryption(action.encryption),
    }


def _checksum(checksum: Checksum | None) -> dict[str, str]:
    return {f"Checksum{checksum.algorithm}": checksum.value} if checksum else {}


def _tagging(tags: Pairs) -> str | None:
    """The header is a URL query, which botocore does not build: …/latest/API/API_PutObject.html."""
    return "&".join(f"{percent_encode(k)}={percent_encode(v)}" for k, v in tags) or None
