"""What stores refuse of a multipart upload: other bytes, other checksums, and the ids of others."""

import base64
import hashlib
import uuid
import zlib
from pathlib import Path

import pytest

from tests.end_to_end.uploading import (
    PART,
    Uploading,
    code,
    created,
    sent,
    sha256,
    some_bytes,
    stored_digest,
)
from tests.support.service import RunningService, make_caller, run_service
from tests.support.stores import Store


@pytest.fixture(name="key")
def _key() -> str:
    return f"multipart/{uuid.uuid4().hex} ü+%2F.bin"


def test_a_part_of_another_length_is_refused(verifying_service: RunningService, key: str) -> None:
    upload = created(verifying_service, key)
    part = upload.created["parts"][0]
    for content in (upload.part(1) + b"!", upload.part(1)[:-1], b""):
        assert upload.send(part, content).status_code == 403


def test_the_checksum_of_a_changed_part_is_refused(
    verifying_service: RunningService, verifying_store: Store, key: str
) -> None:
    upload = created(verifying_service, key, algorithm="SHA256")
    assert upload.created["parts"] == []
    reply = upload.window(upload.numbers)
    parts = reply.json()["parts"]
    changed = b"!" + upload.part(1)[1:]
    assert upload.send(parts[0], changed).status_code == 400
    other = {**parts[0], "headers": {"x-amz-checksum-sha256": sha256(changed)}}
    assert upload.send(other, changed).status_code == 403
    upload.send_all(upload.numbers)
    assert upload.complete().status_code == 200
    assert stored_digest(verifying_store, key) == sha256(upload.body)
    digests = b"".join(hashlib.sha256(upload.part(n)).digest() for n in upload.numbers)
    value = f"{sha256(digests)}-3"
    found = upload.check(content_length=len(upload.body), checksum=_expected("SHA256", value))
    assert (found["checksums"]["SHA256"], found["mismatches"]) == (value, [])
    wrong = upload.check(checksum=_expected("SHA256", sha256(digests)))
    assert wrong["mismatches"] == ["checksum"]


def test_a_checksum_of_the_whole_is_compared_at_the_completion(
    seaweedfs: Store, tmp_path: Path, key: str
) -> None:
    """MiniStack 1.5.33 has no checksums of whole objects, and moto does not compare them."""
    with run_service(seaweedfs, tmp_path) as service:
        upload = Uploading(service, key, some_bytes(PART + 1))
        assert upload.create(checksum_algorithm="CRC32").status_code == 201
        sums = {str(n): _crc32(upload.part(n)) for n in upload.numbers}
        reply = upload.window(upload.numbers, checksum_algorithm="CRC32", checksums=sums)
        for part in reply.json()["parts"]:
            assert upload.send(part).status_code == 200
        wrong = upload.complete(checksum=_expected("CRC32", _crc32(b"other")))
        assert code(wrong) == (422, "checksum_mismatch")
        whole = _expected("CRC32", _crc32(upload.body))
        assert upload.complete(checksum=whole).status_code == 200
        assert upload.check(checksum=whole)["mismatches"] == []


def test_an_upload_id_is_of_no_use_for_another_key(
    verifying_service: RunningService, verifying_store: Store, key: str
) -> None:
    upload = created(verifying_service, key)
    other = Uploading(verifying_service, f"{key}.other", upload.body, created=upload.created)
    (part,) = other.window([1]).json()["parts"]
    assert other.send(part).status_code == 404
    assert code(other.listed()) == (404, "upload_not_found")
    assert code(other.abort()) == (404, "upload_not_found")
    assert upload.listed().status_code == 200


def test_an_upload_id_outside_the_grants_is_of_no_use(
    verifying_store: Store, tmp_path: Path, key: str
) -> None:
    callers = [
        make_caller(name, f"key-of-{name}", prefix, allow=["multipart"])
        for name, prefix in (("owner", "multipart/"), ("other", "b/"))
    ]
    with run_service(verifying_store, tmp_path, callers=callers) as service:
        service.client.headers["Authorization"] = "Bearer key-of-owner"
        upload = sent(service, key, 3)
        service.client.headers["Authorization"] = "Bearer key-of-other"
        for reply in (upload.window([1]), upload.listed(), upload.complete(), upload.abort()):
            assert code(reply) == (403, "forbidden")
        service.client.headers["Authorization"] = "Bearer key-of-owner"
        assert upload.complete().status_code == 200
        # A caller that only has `multipart` can still learn that its upload was completed.
        assert upload.complete().status_code == 200


def _expected(algorithm: str, value: str) -> dict[str, str]:
    return {"algorithm": algorithm, "value": value}


def _crc32(content: bytes) -> str:
    return base64.b64encode(zlib.crc32(content).to_bytes(4)).decode()
