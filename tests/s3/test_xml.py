"""Each document of a store is either read, or refused as an invalid response."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import unquote
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import StorageRefused
from service.s3.listing_xml import (
    ListedObject,
    VersionMarkers,
    listed_objects,
    objects_page,
    versions_page,
)
from service.s3.xml import (
    completed_etag,
    completion_body,
    created_upload,
    error_code,
    parts_page,
    quote_etag,
)
from service.signing.actions import Checksum
from service.signing.multipart_actions import UploadedPart
from tests.support.examples import examples

MD5: Final = "7778aef83f66abc1fa1e8477f296d394"
CREATED: Final = (
    "<InitiateMultipartUploadResult><UploadId>u-1</UploadId></InitiateMultipartUploadResult>"
)
COMPLETED: Final = (
    f'<CompleteMultipartUploadResult><ETag>"{MD5}-2"</ETag></CompleteMultipartUploadResult>'
)
PARTS: Final = (
    "<ListPartsResult><NextPartNumberMarker>9</NextPartNumberMarker><IsTruncated>true</IsTruncated>"
    f'<Part><PartNumber>1</PartNumber><ETag>"{MD5}"</ETag><Size>5</Size></Part>'
    f"<Part><PartNumber>3</PartNumber><ETag>{MD5}</ETag><Size>0</Size>"
    "<ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part></ListPartsResult>"
)
OBJECTS: Final = (
    "<ListBucketResult><Contents><Key>a &amp; b</Key><ETag>e</ETag><Size>5</Size></Contents>"
    "<Contents><Key>c</Key><ETag>f</ETag><Size>6</Size></Contents></ListBucketResult>"
)
VERSIONS: Final = (
    "<ListVersionsResult><IsTruncated>true</IsTruncated>"
    "<NextKeyMarker>b</NextKeyMarker><NextVersionIdMarker>v</NextVersionIdMarker>"
    "<Version><Key>a &amp; b</Key><VersionId>v2</VersionId><ETag>e</ETag><Size>5</Size></Version>"
    "<DeleteMarker><Key>a</Key><VersionId>v3</VersionId></DeleteMarker></ListVersionsResult>"
)
ERROR: Final = b"<Error><Code>SlowDown</Code></Error>"
READERS: Final[list[tuple[Callable[[bytes], Any], str]]] = [
    (created_upload, CREATED),
    (completed_etag, COMPLETED),
    (parts_page, PARTS),
    (listed_objects, OBJECTS),
    (objects_page, OBJECTS),
    (versions_page, VERSIONS),
]
HEADS: Final = [
    "",
    "<?xml version='1.0' encoding='UTF-8'?>\n",
    "  \n \n",
    "\n<?xml version='1.0'?>   ",
]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("namespace", ["", " xmlns='http://s3.amazonaws.com/doc/2006-03-01/'"])
def test_documents_are_read_with_and_without_a_namespace(head: str, namespace: str) -> None:
    def body(text: str) -> bytes:
        return (head + text.replace(">", f"{namespace}>", 1)).encode()

    assert created_upload(body(CREATED)) == "u-1"
    assert completed_etag(body(COMPLETED)) == f'"{MD5}-2"'
    page = parts_page(body(PARTS))
    assert [(part.part_number, part.etag, part.content_length) for part in page.parts] == [
        (1, f'"{MD5}"', 5),
        (3, f'"{MD5}"', 0),
    ]
    assert page.parts[1].checksum == Checksum(algorithm="CRC32", value="AAAAAA==")
    assert listed_objects(body(OBJECTS))[0] == ListedObject(
        key="a & b", etag='"e"', content_length=5
    )
    assert error_code(body(ERROR.decode())) == "SlowDown"


def listing(key: str, encoding: str = "<EncodingType>url</EncodingType>") -> bytes:
    return (
        f"<ListBucketResult><IsTruncated>true</IsTruncated>{encoding}"
        "<NextContinuationToken>t=</NextContinuationToken>"
        f"<Contents><Key>{key}</Key><ETag>e</ETag><Size>5</Size>"
        "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
        "<CommonPrefixes><Prefix>a%2Bb/</Prefix></CommonPrefixes></ListBucketResult>"
    ).encode()


def test_a_page_of_objects_has_prefixes_and_the_next_token() -> None:
    page = objects_page(listing("a+b%20%C3%A9/x"))
    assert page.objects == [
        ListedObject(
            key="a b \u00e9/x",
            etag='"e"',
            content_length=5,
            last_modified="2026-01-01T00:00:00.000Z",
        )
    ]
    assert (page.prefixes, page.next_token) == (["a+b/"], "t=")
    assert objects_page(listing("a").replace(b"true", b"false")).next_token is None


def test_an_emptied_directory_of_seaweedfs_is_no_object() -> None:
    directory = listing("a/").replace(b"<ETag>e</ETag>", b"<ETag>&#34;&#34;</ETag>")
    assert objects_page(directory).objects == []
    assert [each.key for each in objects_page(listing("a/")).objects] == ["a/"]


@pytest.mark.parametrize("body", [listing("a b"), listing("a", encoding="")])
def test_names_that_are_not_encoded_stay_as_they_are(body: bytes) -> None:
    assert objects_page(body).prefixes == ["a%2Bb/"]


def test_the_next_page_starts_after_the_last_part() -> None:
    assert parts_page(PARTS.encode()).next_after == 3
    assert parts_page(PARTS.replace("true", "false").encode()).next_after is None
    assert parts_page(b"<ListPartsResult/>").next_after is None
    empty = b"<ListPartsResult><IsTruncated>true</IsTruncated></ListPartsResult>"
    assert parts_page(empty).next_after is None


def versions(keys: list[str], marker: str, encoding: str = "url") -> bytes:
    listed = "".join(
        f"<Version><Key>{key}</Key><VersionId>v</VersionId><ETag>e</ETag><Size>5</Size></Version>"
        for key in keys
    )
    return (
        f"<ListVersionsResult><IsTruncated>true</IsTruncated><EncodingType>{encoding}</EncodingType>"
        f"{marker}{listed}</ListVersionsResult>"
    ).encode()


@pytest.mark.parametrize(
    ("keys", "marker"),
    [
        (["a", "a%2Bb%20c"], "a%2Bb%20c"),
        (["a", "a%2Bb%20c"], "a+b c"),  # Ceph's
        (["a%25"], "a%2Bb+c"),  # of a store whose next page starts with the marker
    ],
)
def test_the_marker_of_versions_may_be_encoded_or_not(keys: list[str], marker: str) -> None:
    page = versions_page(versions(keys, f"<NextKeyMarker>{marker}</NextKeyMarker>"))
    assert page.markers == VersionMarkers("a+b c", None)
    assert [each.key for each in page.versions] == [unquote(key) for key in keys]


def test_a_plain_marker_of_encoded_versions_is_not_decoded() -> None:
    page = versions_page(versions(["a%2Bb"], "<NextKeyMarker>a+b</NextKeyMarker>"))
    assert page.markers == VersionMarkers("a+b", None)


def test_the_latest_version_of_each_key_comes_first() -> None:
    latest = "<IsLatest>true</IsLatest>"
    body = (
        "<ListVersionsResult><Version><Key>a</Key><VersionId>2</VersionId><ETag>e</ETag>"
        "<Size>5</Size></Version><Version><Key>a</Key><VersionId>1</VersionId><ETag>e</ETag>"
        f"<Size>5</Size></Version><Version><Key>a.b</Key><VersionId>4</VersionId>{latest}"
        "<ETag>e</ETag><Size>5</Size></Version><DeleteMarker><Key>a</Key><VersionId>3</VersionId>"
        f"{latest}</DeleteMarker></ListVersionsResult>"
    )
    page = versions_page(body.encode())
    assert [each.version_id for each in page.versions] == ["3", "2", "1", "4"]


@pytest.mark.parametrize("marker", ["", "<NextKeyMarker/>"])
def test_truncated_versions_without_a_marker_are_refused(marker: str) -> None:
    with pytest.raises(StorageRefused):
        versions_page(versions(["a"], marker))


@pytest.mark.parametrize(("etag", "quoted"), [("e", '"e"'), ('"e"', '"e"'), ('"e', '"e"')])
def test_an_etag_gets_quotes(etag: str, quoted: str) -> None:
    assert quote_etag(etag) == quoted


def test_a_completion_body_lists_the_parts() -> None:
    sha = Checksum(algorithm="SHA1", value="A" * 27 + "=")
    parts = [
        UploadedPart(part_number=1, etag='"<&e>"', content_length=5),
        UploadedPart(part_number=10_000, etag='"f"', checksum=sha),
    ]
    root = fromstring(completion_body(parts))
    space = "{http://s3.amazonaws.com/doc/2006-03-01/}"
    assert root.tag == f"{space}CompleteMultipartUpload"
    elements = [{each.tag.removeprefix(space): each.text for each in part} for part in root]
    assert elements == [
        {"PartNumber": "1", "ETag": '"<&e>"'},
        {"PartNumber": "10000", "ETag": '"f"', "ChecksumSHA1": sha.value},
    ]


JUNK: Final = [
    pytest.param(b"", id="nothing"),
    pytest.param(b" \n", id="spaces"),
    pytest.param(b"\x00\xff\xfe", id="bytes"),
    pytest.param(b"{}", id="JSON"),
    pytest.param(b"<a>", id="half"),
    pytest.param(b"<a></a><b/>", id="two roots"),
    pytest.param(b"<html><body>Log in</body></html>", id="a proxy's page"),
    pytest.param(b"<Error xmlns='urn:x'><Code>AccessDenied</Code></Error>", id="an error"),
    pytest.param(
        b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><ListPartsResult>&x;</ListPartsResult>",
        id="an entity elsewhere",
    ),
    pytest.param(
        b"<!DOCTYPE l [<!ENTITY a 'ha'>"
        + b"".join(b"<!ENTITY a%d '%s'>" % (n, b"&a;" * 10) for n in range(9))
        + b"]><l>&a8;</l>",
        id="a bomb",
    ),
    pytest.param(b"<ListPartsResult>&nosuch;</ListPartsResult>", id="an unknown entity"),
]


@pytest.mark.parametrize("body", JUNK)
@pytest.mark.parametrize("read", [read for read, _ in READERS])
def test_any_other_document_is_an_invalid_response(
    read: Callable[[bytes], Any], body: bytes
) -> None:
    with pytest.raises(StorageRefused) as refused:
        read(body)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    assert refused.value.detail == "The store's response is not a valid S3 response."


@pytest.mark.parametrize(
    "head",
    [
        *(b"<!DOCTYPE a>", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"<!DOCTYPE a SYSTEM 'file:///a'>"),
        *(
            b"<?xml version='1.0' encoding='%s'?>" % encoding
            for encoding in (b"no-such", b"rot13", b"base64", b"utf-16")
        ),
    ],
)
@pytest.mark.parametrize(("read", "document"), READERS)
def test_a_dtd_or_another_encoding_is_refused(
    read: Callable[[bytes], Any], document: str, head: bytes
) -> None:
    read(document.encode())
    with pytest.raises(StorageRefused):
        read(head + document.encode())
    assert error_code(head + ERROR) is None


@pytest.mark.parametrize("body", [each for each in JUNK if each.id != "an error"])
def test_any_other_document_has_no_error_code(body: bytes) -> None:
    assert error_code(body) is None


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (created_upload, CREATED.replace("u-1", "")),
        (completed_etag, "<CompleteMultipartUploadResult/>"),
        (parts_page, PARTS.replace("<Size>5</Size>", "")),
        (parts_page, PARTS.replace("<Size>5</Size>", "<Size>-5</Size>")),
        (parts_page, PARTS.replace("<Size>5</Size>", "<Size>5.0</Size>")),
        (parts_page, PARTS.replace("<Size>5</Size>", f"<Size>{'9' * 5000}</Size>")),
        (parts_page, PARTS.replace("<PartNumber>1</PartNumber>", "<PartNumber>one</PartNumber>")),
        (parts_page, PARTS.replace("AAAAAA==", "AAAA")),
        (listed_objects, OBJECTS.replace("<ETag>e</ETag>", "")),
        (listed_objects, OBJECTS.replace("<Size>5</Size>", f"<Size>{'9' * 5000}</Size>")),
        (versions_page, VERSIONS.replace("<VersionId>v3</VersionId>", "")),
        (versions_page, VERSIONS.replace("<Size>5</Size>", "")),
    ],
)
def test_a_document_with_missing_or_invalid_fields_is_refused(
    read: Callable[[bytes], Any], body: str
) -> None:
    with pytest.raises(StorageRefused):
        read(body.encode())


@pytest.mark.parametrize(("read", "document"), READERS)
def test_a_truncated_document_is_refused(read: Callable[[bytes], Any], document: str) -> None:
    for length in range(len(document)):
        with pytest.raises(StorageRefused):
            read(document[:length].encode())


def read_or_refuse(read: Callable[[bytes], Any], body: bytes) -> None:
    with suppress(StorageRefused):
        read(body)
    error_code(body)


@examples(1000)
@given(reader=st.sampled_from(READERS), body=st.binary(max_size=60))
def test_no_bytes_cause_another_error(
    reader: tuple[Callable[[bytes], Any], str], body: bytes
) -> None:
    read_or_refuse(reader[0], body)


@examples(1500)
@given(
    reader=st.sampled_from(READERS),
    at=st.integers(0, 400),
    gone=st.integers(0, 40),
    put=st.binary(max_size=12)
    | st.sampled_from([b"<", b"&#0;", b"&x;", b"]]>", b"<!--", b"<?a?>"]),
)
def test_no_damage_causes_another_error(
    reader: tuple[Callable[[bytes], Any], str], at: int, gone: int, put: bytes
) -> None:
    read, document = reader
    whole = document.encode()
    at = min(at, len(whole))
    read_or_refuse(read, whole[:at] + put + whole[at + gone :])
