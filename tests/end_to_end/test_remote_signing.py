"""Remote signing with boto3 that has no credentials, on stores that verify signatures."""

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from tests.end_to_end.header_mutations import CASES, EXCEPTIONS, MUTATIONS, Sent
from tests.end_to_end.remote_signing import CALLER, NotSigned, ask, sign, unsigned_client
from tests.support.service import RunningService, run_service
from tests.support.stores import BODY, Store

MIN_PART: Final = 5 * 1024**2
FOREIGN: Final = "other/secret.txt"


@pytest.fixture(name="service", scope="module")
def _service(
    verifying_store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    directory = tmp_path_factory.mktemp("remote-signing")
    with run_service(verifying_store, directory, callers=[CALLER]) as running:
        yield running


@pytest.fixture(name="s3", scope="module")
def _s3(verifying_store: Store, service: RunningService) -> Iterator[Any]:
    with unsigned_client(verifying_store, service) as client:
        yield client


@pytest.fixture(name="place")
def _place(verifying_store: Store) -> dict[str, str]:
    return {"Bucket": verifying_store.bucket, "Key": f"wh/{uuid4().hex} é=1.txt"}


def test_boto3_writes_reads_lists_and_deletes(
    s3: Any, verifying_store: Store, place: dict[str, str]
) -> None:
    s3.put_object(**place, Body=BODY, ContentType="text/csv", Metadata={"author": "ann"})
    assert s3.get_object(**place)["Body"].read() == BODY
    assert s3.head_object(**place)["Metadata"] == {"author": "ann"}
    listed = s3.list_objects_v2(Bucket=place["Bucket"], Prefix=place["Key"])
    assert [each["Key"] for each in listed["Contents"]] == [place["Key"]]
    s3.delete_object(**place)
    assert verifying_store.content(place["Key"]) is None


def test_boto3_uploads_and_copies_parts(
    s3: Any, verifying_store: Store, place: dict[str, str]
) -> None:
    verifying_store.put(f"{place['Key']}.source", b"s" * MIN_PART)
    source = {"Bucket": place["Bucket"], "Key": f"{place['Key']}.source"}
    upload = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"]}
    copied = s3.upload_part_copy(**upload, PartNumber=1, CopySource=source)
    sent = s3.upload_part(**upload, PartNumber=2, Body=BODY)
    assert len(s3.list_parts(**upload)["Parts"]) == 2
    etags = [copied["CopyPartResult"]["ETag"], sent["ETag"]]
    parts = [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(etags, 1)]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert verifying_store.content(place["Key"]) == b"s" * MIN_PART + BODY


def test_boto3_aborts_an_upload(s3: Any, place: dict[str, str]) -> None:
    upload_id = s3.create_multipart_upload(**place)["UploadId"]
    s3.abort_multipart_upload(**place, UploadId=upload_id)
    with pytest.raises(s3.exceptions.NoSuchUpload):
        s3.list_parts(**place, UploadId=upload_id)


def test_boto3_copies_what_it_may_read(
    s3: Any, verifying_store: Store, place: dict[str, str]
) -> None:
    verifying_store.put(f"{place['Key']}.source")
    s3.copy_object(**place, CopySource={**place, "Key": f"{place['Key']}.source"})
    assert verifying_store.content(place["Key"]) == BODY
    verifying_store.put(FOREIGN)
    with pytest.raises(NotSigned, match="ForbiddenException"):
        s3.copy_object(**place, CopySource={**place, "Key": FOREIGN})


def test_boto3_deletes_many(s3: Any, verifying_store: Store, place: dict[str, str]) -> None:
    keys = [f"{place['Key']}{n}" for n in range(3)]
    for key in keys:
        verifying_store.put(key)
    objects = [{"Key": key} for key in keys]
    s3.delete_objects(Bucket=place["Bucket"], Delete={"Objects": objects})
    assert [verifying_store.content(key) for key in keys] == [None] * 3


def test_nothing_elsewhere_is_signed(s3: Any, verifying_store: Store) -> None:
    verifying_store.put(FOREIGN)
    place = {"Bucket": verifying_store.bucket, "Key": FOREIGN}
    for call in (s3.get_object, s3.head_object, s3.delete_object, s3.put_object):
        with pytest.raises(NotSigned, match="ForbiddenException"):
            call(**place)
    with pytest.raises(NotSigned, match="ForbiddenException"):
        s3.delete_objects(Bucket=place["Bucket"], Delete={"Objects": [{"Key": FOREIGN}]})
    assert verifying_store.content(FOREIGN) == BODY


def test_unseen_keys_are_deleted_only_where_they_are_granted(
    service: RunningService, verifying_store: Store, place: dict[str, str]
) -> None:
    """As PyIceberg deletes: the service sees no body, and the session's policy decides."""
    uri = f"{verifying_store.endpoint_url}/{verifying_store.bucket}?delete"
    for foreign, own in ((FOREIGN, place["Key"]), (None, place["Key"])):
        verifying_store.put(FOREIGN)
        verifying_store.put(own)
        keys = "".join(f"<Object><Key>{key}</Key></Object>" for key in (own, foreign) if key)
        headers = sign(service, "POST", uri, {"content-type": "application/xml"})
        httpx.post(uri, content=f"<Delete>{keys}</Delete>", headers=headers, trust_env=False)
        assert verifying_store.content(FOREIGN) == BODY
    assert verifying_store.content(place["Key"]) is None


REQUESTS: Final[dict[str, tuple[str, str, dict[str, str], bytes | None]]] = {
    "get": ("GET", "{key}", {}, None),
    "put": (
        "PUT",
        "{key}",
        {
            "content-length": str(len(BODY)),
            "content-type": "text/csv",
            "if-none-match": "*",
            "x-amz-meta-author": "ann",
            "x-amz-checksum-sha256": "3GW5BzgNtYdsxclTr58rYh58eua5RMs2wpgucfjVdNY=",
        },
        BODY,
    ),
    "delete": ("DELETE", "{key}", {}, None),
    "list": ("GET", "?list-type=2&prefix=wh%2F&max-keys=2", {}, None),
    "copy": ("PUT", "{key}", {"x-amz-copy-source": "{bucket}/wh/source"}, b""),
}


def signed(service: RunningService, store: Store, name: str) -> Sent:
    """Return a signed request, by its name in REQUESTS."""
    method, place, headers, body = REQUESTS[name]
    key = f"wh/mutations-{uuid4().hex}"
    if name in {"get", "delete"}:
        store.put(key)
    base = f"{store.endpoint_url}/{store.bucket}"
    uri = base + (place if place.startswith("?") else f"/{place.format(key=key)}")
    sent = {header: value.format(bucket=store.bucket) for header, value in headers.items()}
    return Sent(method, uri, sign(service, method, uri, sent), body)


@pytest.fixture(name="signed_once", scope="module")
def _signed_once(service: RunningService, verifying_store: Store) -> Callable[[str], Sent]:
    """Return `signed`, which signs each request once: mutations change copies of it.

    An upload that a store accepts creates its object, so each is signed for another one.
    """
    for key in ("wh/source", FOREIGN):
        verifying_store.put(key)
    sign_it = partial(signed, service, verifying_store)
    once = cache(sign_it)
    return lambda name: sign_it(name) if name == "put" else once(name)


def send(sent: Sent) -> httpx.Response:
    with httpx.Client(trust_env=False) as client:
        return client.request(sent.method, sent.url, headers=sent.headers, content=sent.body)


@pytest.mark.parametrize("name", REQUESTS)
def test_an_unchanged_request_is_accepted(
    service: RunningService, verifying_store: Store, name: str
) -> None:
    verifying_store.put("wh/source")
    answer = send(signed(service, verifying_store, name))
    assert answer.is_success, answer.text


@pytest.mark.parametrize(("name", "mutation"), CASES)
def test_a_changed_request_is_refused(
    signed_once: Callable[[str], Sent], verifying_store: Store, name: str, mutation: str
) -> None:
    answer = send(MUTATIONS[name][mutation](signed_once(name)))
    refused = answer.status_code in {400, 401, 403}
    accepted = (verifying_store.name, name, mutation) in EXCEPTIONS
    assert refused is not accepted, f"{answer.status_code} {answer.text}"


def test_the_address_is_that_of_the_store(service: RunningService, verifying_store: Store) -> None:
    assert (
        ask(service, "GET", f"http://127.0.0.1:1/{verifying_store.bucket}/wh/a").status_code == 400
    )
