"""An upload in parts is signed as botocore signs it, byte for byte."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.utils import percent_encode
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
PLACES: Final = [(AWS, None, "virtual"), (STORE, "http://127.0.0.1:9000", "path")]
# A client is dear to make, so there is one a place.
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
    # Without one a client of botocore's puts in its own.
    checksum_algorithm=st.sampled_from(["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]),
)
PARTS: Final = st.builds(
    UploadPart,
    upload_id=IDS,
    part_number=st.integers(1, 10_000),
    content_length=st.integers(1, 5 * 1024**3),
    checksum=st.none() | CHECKSUMS,
)
UNSIZED: Final = st.builds(
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
    of_keys = st.tuples(st.one_of(*strategies, st.just(HeadObject(checksums=True))), KEYS)
    return of_keys | st.tuples(PAGES, st.just(""))


@pytest.fixture(scope="module", autouse=True)
def bare_environment() -> Iterator[None]:
    """The oracle is a default client: nobody's profile or endpoints lead it elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, "/dev/null")
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
            patch.delenv(name, raising=False)
        yield


@examples(600)
@given(
    request=requests(CREATES, PARTS, UNSIZED, LISTS, COMPLETES, ABORTS),
    address=st.sampled_from([AWS, STORE]),
    credentials=CREDENTIALS,
    now=TIMES,
    expires_in=EXPIRES,
)
def test_a_url_is_the_one_that_botocores_signer_makes(
    request: Request, address: Address, credentials: Credentials, now: int, expires_in: int
) -> None:
    action, key = request
    ours = Signer(credentials, address).presign(action, key, now=now, expires_in=expires_in)
    path = address.path_prefix + percent_encode(key, safe="/~")
    if not key:
        path = address.path_prefix.rstrip("/") or "/"
    theirs = AWSRequest(
        method=action.METHOD,
        url=f"{address.scheme}://{address.host}{path}",
        headers=action.headers(),
        params=dict(action.query()),
    )
    keys = oracle._botocore(credentials)
    with oracle.clock(now):
        S3SigV4QueryAuth(keys, "s3", address.region, expires=expires_in).add_auth(theirs)
    assert oracle.parts(ours) == oracle.parts(str(theirs.url))


@examples(600)
@given(
    # A completion's type is ours to sign: botocore sets it once it has signed.
    request=requests(CREATES, PARTS, UNSIZED, LISTS, ABORTS),
    place=st.sampled_from(PLACES),
    now=TIMES,
    expires_in=EXPIRES,
)
def test_a_url_is_the_one_that_a_client_of_botocore_makes(
    request: Request, place: tuple[Address, str | None, str], now: int, expires_in: int
) -> None:
    action, key = request
    address, endpoint_url, style = place
    client = oracle.client(KEY_PAIR, address.region, endpoint_url, style)
    ours = Signer(KEY_PAIR, address).presign(action, key, now=now, expires_in=expires_in)
    method, parameters = operation(action)
    given = {"Bucket": "acme-bucket", "Key": key or None, **parameters}
    with oracle.clock(now):
        theirs = client.generate_presigned_url(
            method,
            Params={name: value for name, value in given.items() if value is not None},
            ExpiresIn=expires_in,
        )
    assert oracle.parts(ours) == oracle.parts(theirs)


def operation(action: MultipartAction | HeadObject) -> tuple[str, dict[str, Any]]:
    """In botocore's words."""
    match action:
        case CreateMultipartUpload():
            whole = action.checksum_algorithm in FULL_OBJECT_ALGORITHMS
            return "create_multipart_upload", {
                "ChecksumAlgorithm": action.checksum_algorithm,
                "ChecksumType": "FULL_OBJECT" if whole else "COMPOSITE",
                "ContentType": action.content_type,
                "ContentDisposition": action.content_disposition,
                "Metadata": dict(action.metadata) or None,
                "Tagging": oracle.tagging(action.tags),
                **oracle._encryption_parameters(action.encryption),
            }
        case UploadPartOfUnknownLength():
            part = {"UploadId": action.upload_id, "PartNumber": action.part_number}
            return "upload_part", part | (sized(action) if isinstance(action, UploadPart) else {})
        case ListParts():
            place = {"UploadId": action.upload_id, "PartNumberMarker": action.after}
            return "list_parts", {**place, "MaxParts": 1000}
        case AbortMultipartUpload():
            return "abort_multipart_upload", {"UploadId": action.upload_id}
        case ListMultipartUploads():
            markers = {"KeyMarker": action.key_marker, "UploadIdMarker": action.upload_id_marker}
            return "list_multipart_uploads", {**markers, "MaxUploads": 200, "EncodingType": "url"}
        case HeadObject():
            return "head_object", {"ChecksumMode": "ENABLED"}
        case _:
            raise AssertionError(action)


def sized(part: UploadPart) -> dict[str, Any]:
    checksum = part.checksum
    named = {f"Checksum{checksum.algorithm}": checksum.value} if checksum else {}
    return {"ContentLength": part.content_length, **named}
