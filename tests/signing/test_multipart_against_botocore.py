"""Our signatures of multipart actions are botocore's, byte for byte."""

from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from service.signing.actions import HeadObject
from service.signing.multipart_actions import (
    FULL_OBJECT_ALGORITHMS,
    AbortMultipartUpload,
    CompleteMultipartUpload,
    CreateMultipartUpload,
    ListMultipartUploads,
    ListParts,
    MultipartAction,
    UploadPart,
    UploadPartOfUnknownLength,
)
from service.signing.signer import Address, Signer
from service.signing.sigv4 import Credentials
from tests.signing import oracle
from tests.signing.strategies import (
    CHECKSUMS,
    CREDENTIALS,
    DISPOSITIONS,
    ENCRYPTIONS,
    EXPIRES,
    KEYS,
    METADATA,
    TAGS,
    TEXT,
    TIMES,
    TYPES,
    examples,
)

AWS: Final = Address(
    scheme="https",
    host="acme-bucket.s3.eu-west-1.amazonaws.com",
    path_prefix="/",
    region="eu-west-1",
)
STORE: Final = Address(
    scheme="http", host="127.0.0.1:9000", path_prefix="/acme-bucket/", region="us-east-1"
)
TARGETS: Final = [(AWS, None, "virtual"), (STORE, "http://127.0.0.1:9000", "path")]
# Making a client is slow, so there is one for each target.
KEY_PAIR: Final = Credentials(
    access_key_id="ASIAEXAMPLE",
    secret_access_key="wJalrXUtnFEMI/K7MDENG+bPx",
    session_token="FwoGZXIvYXdzE/+//a+b==",
)
IDS: Final = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
CREATES: Final = st.builds(
    CreateMultipartUpload,
    content_type=TYPES,
    metadata=METADATA,
    tags=TAGS,
    content_disposition=st.none() | DISPOSITIONS,
    encryption=ENCRYPTIONS,
    # Without one, a botocore client adds its own.
    checksum_algorithm=st.sampled_from(["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]),
)
PARTS: Final = st.builds(
    UploadPart,
    upload_id=IDS,
    part_number=st.integers(1, 10_000),
    content_length=st.integers(1, 5 * 1024**3),
    checksum=st.none() | CHECKSUMS,
)
UNKNOWN_LENGTH: Final = st.builds(
    UploadPartOfUnknownLength, upload_id=IDS, part_number=st.integers(1, 10_000)
)
COMPLETES: Final = st.builds(
    CompleteMultipartUpload,
    upload_id=IDS,
    content_length=st.integers(1, 48 * 1024**4),
    overwrite=st.booleans(),
    checksum=st.none() | CHECKSUMS.filter(lambda each: each.algorithm in FULL_OBJECT_ALGORITHMS),
)
PAGES: Final = st.builds(
    ListMultipartUploads,
    key_marker=st.none() | KEYS,
    upload_id_marker=st.none() | IDS | TEXT.filter(bool),
)
LISTS: Final = st.builds(ListParts, upload_id=IDS, after=st.integers(0, 10_000))
ABORTS: Final = st.builds(AbortMultipartUpload, upload_id=IDS)
Request = tuple[MultipartAction | HeadObject, str]


def requests(*strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[Request]:
    with_key = st.tuples(st.one_of(*strategies, st.just(HeadObject(checksums=True))), KEYS)
    return with_key | st.tuples(PAGES, st.just(""))


@examples(600)
@given(
    request=requests(CREATES, PARTS, UNKNOWN_LENGTH, LISTS, COMPLETES, ABORTS),
    address=st.sampled_from([AWS, STORE]),
    credentials=CREDENTIALS,
    now=TIMES,
    expires_in=EXPIRES,
)
def test_a_url_equals_that_of_botocores_signer(
    request: Request, address: Address, credentials: Credentials, now: int, expires_in: int
) -> None:
    action, key = request
    ours = Signer(credentials, address).presign(action, key, now=now, expires_in=expires_in)
    theirs = oracle.sign(
        action, key, address=address, credentials=credentials, now=now, expires_in=expires_in
    )
    assert oracle.parts(ours) == oracle.parts(theirs)


@examples(600)
@given(
    # No completions: we sign the content type, and botocore sets it after signing.
    request=requests(CREATES, PARTS, UNKNOWN_LENGTH, LISTS, ABORTS),
    target=st.sampled_from(TARGETS),
    now=TIMES,
    expires_in=EXPIRES,
)
def test_a_url_equals_that_of_a_botocore_client(
    request: Request, target: tuple[Address, str | None, str], now: int, expires_in: int
) -> None:
    action, key = request
    address, endpoint_url, style = target
    client = oracle.client(KEY_PAIR, address.region, endpoint_url, style)
    ours = Signer(KEY_PAIR, address).presign(action, key, now=now, expires_in=expires_in)
    method, parameters = _operation(action)
    given = {"Bucket": "acme-bucket", "Key": key or None, **parameters}
    with oracle.clock(now):
        theirs = client.generate_presigned_url(
            method,
            Params={name: value for name, value in given.items() if value is not None},
            ExpiresIn=expires_in,
        )
    assert oracle.parts(ours) == oracle.parts(theirs)


def _operation(action: MultipartAction | HeadObject) -> tuple[str, dict[str, Any]]:
    """Return botocore's method and parameters."""
    match action:
        case CreateMultipartUpload():
            full = action.checksum_algorithm in FULL_OBJECT_ALGORITHMS
            return "create_multipart_upload", {
                "ChecksumAlgorithm": action.checksum_algorithm,
                "ChecksumType": "FULL_OBJECT" if full else "COMPOSITE",
                "ContentType": action.content_type,
                "ContentDisposition": action.content_disposition,
                "Metadata": dict(action.metadata) or None,
                "Tagging": oracle.tagging(action.tags),
                **oracle._encryption_parameters(action.encryption),
            }
        case UploadPartOfUnknownLength():
            part = {"UploadId": action.upload_id, "PartNumber": action.part_number}
            return "upload_part", part | (
                _length_and_checksum(action) if isinstance(action, UploadPart) else {}
            )
        case ListParts():
            page = {"UploadId": action.upload_id, "PartNumberMarker": action.after}
            return "list_parts", {**page, "MaxParts": 1000}
        case AbortMultipartUpload():
            return "abort_multipart_upload", {"UploadId": action.upload_id}
        case ListMultipartUploads():
            markers = {"KeyMarker": action.key_marker, "UploadIdMarker": action.upload_id_marker}
            return "list_multipart_uploads", {**markers, "MaxUploads": 200, "EncodingType": "url"}
        case HeadObject():
            return "head_object", {"ChecksumMode": "ENABLED"}
        case _:
            raise AssertionError(action)


def _length_and_checksum(part: UploadPart) -> dict[str, Any]:
    checksum = part.checksum
    named = {f"Checksum{checksum.algorithm}": checksum.value} if checksum else {}
    return {"ContentLength": part.content_length, **named}
