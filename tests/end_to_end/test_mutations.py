"""A store that verifies signatures refuses any change of a signed request.

The table of exceptions lists what a store accepts although AWS does not. An exception fails its
test once the store is fixed, so the table stays true.
"""

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import httpx
import pytest

from tests.end_to_end.mutations import CASES, MUTATIONS, SECRET_KEY, Sent
from tests.support.service import RunningService, SignedRequest, send
from tests.support.stores import BODY, Store

SECRET: Final = b"the secret of another caller"
# (store, operation, mutation): why the store accepts it. The other store refuses each.
UNSIGNED: Final = "MiniStack 1.5.33 looks only at the headers that are signed"
EXCEPTIONS: Final[dict[tuple[str, str, str], str]] = {
    ("ministack", "download", "unsigned x-amz header"): UNSIGNED,
    ("ministack", "head", "unsigned x-amz header"): UNSIGNED,
    ("ministack", "delete", "unsigned x-amz header"): UNSIGNED,
    ("ministack", "list", "unsigned x-amz header"): UNSIGNED,
    ("ministack", "part", "unsigned x-amz header"): UNSIGNED,
    ("ministack", "upload", "metadata added"): UNSIGNED,
    ("ministack", "upload", "encryption added"): UNSIGNED,
    ("ministack", "upload", "storage class added"): UNSIGNED,
}


@pytest.fixture(name="key")
def _key() -> str:
    return f"mutations/{uuid.uuid4().hex}.txt"


def signed(service: RunningService, operation: str, key: str) -> Sent:
    """Return a working request with everything signed that can be signed."""
    requests: dict[str, Callable[[], SignedRequest]] = {
        "download": lambda: service.sign(
            "download-urls", key=key, content_type="application/pdf", filename="a.pdf"
        ),
        "upload": lambda: service.sign("upload-urls", key=key, **UPLOADED),
        "bare upload": lambda: service.sign("upload-urls", key=key, content_length=len(BODY)),
        "head": lambda: service.sign("head-urls", key=key),
        "delete": lambda: service.sign("delete-urls", key=key),
        "list": lambda: service.sign("list-urls", prefix="mutations/", max_keys=2),
        "part": lambda: signed_part(service, key),
    }
    request = requests[operation]()
    content = BODY if operation in {"upload", "bare upload", "part"} else None
    return Sent(request.method, request.url, request.headers, content)


def signed_part(service: RunningService, key: str) -> SignedRequest:
    checksums = {"checksum_algorithm": "SHA256", "checksums": {"1": UPLOADED["checksum"]["value"]}}
    return service.first_part(key, content_length=len(BODY), **checksums)


UPLOADED: Final[dict[str, Any]] = {
    "content_length": len(BODY),
    "content_type": "text/plain",
    "metadata": {"author": "Ann"},
    "filename": "a.txt",
    "cache_control": "private",
    "tags": {"team": "billing"},
    "checksum": {"algorithm": "SHA256", "value": "3GW5BzgNtYdsxclTr58rYh58eua5RMs2wpgucfjVdNY="},
}


def answer_to(sent: Sent) -> httpx.Response:
    request = SignedRequest(sent.method, sent.url, sent.headers, {})
    return send(request, sent.body)


@pytest.mark.parametrize("operation", MUTATIONS)
def test_an_unchanged_request_is_accepted(
    verifying_service: RunningService, verifying_store: Store, operation: str, key: str
) -> None:
    prepare(verifying_store, operation, key)
    answer = answer_to(signed(verifying_service, operation, key))
    assert answer.status_code in {200, 204}, answer.text


@pytest.mark.parametrize(("operation", "name"), CASES)
def test_a_changed_request_is_refused(
    verifying_service: RunningService, verifying_store: Store, operation: str, name: str, key: str
) -> None:
    prepare(verifying_store, operation, key)
    sent = signed(verifying_service, operation, key)
    before = stored(verifying_store, key)
    answer = answer_to(MUTATIONS[operation][name](sent))
    refused = answer.status_code in {400, 401, 403}
    if (verifying_store.name, operation, name) in EXCEPTIONS:
        assert not refused, f"the store refuses it now: take it out of the table. {answer.text}"
        return
    assert refused, f"{answer.status_code} {answer.text}"
    assert stored(verifying_store, key) == before


def stored(store: Store, key: str) -> tuple[bytes | None, list[int]]:
    """Return the object under `key`, and the lengths of its uploaded parts."""
    admin = store.admin_client()
    uploads = admin.list_multipart_uploads(Bucket=store.bucket, Prefix=key).get("Uploads", [])
    lengths: list[int] = []
    for upload in uploads:
        place = {"Bucket": store.bucket, "Key": key, "UploadId": upload["UploadId"]}
        lengths += [part["Size"] for part in admin.list_parts(**place).get("Parts", [])]
    return store.content(key), lengths


def prepare(store: Store, operation: str, key: str) -> None:
    store.put(SECRET_KEY, SECRET)
    if operation not in {"upload", "bare upload"}:
        store.put(key)


def test_a_path_with_dot_segments_opens_no_other_object(
    verifying_service: RunningService, verifying_store: Store, key: str
) -> None:
    other = f"secret-{uuid.uuid4().hex}.txt"
    for name in (key, f"mutations/{other}"):
        prepare(verifying_store, "download", name)
    sent = signed(verifying_service, "download", key)
    answer = answer_to(replace(sent, url=sent.url.replace(key, f"{key}/../{other}")))
    assert answer.status_code == 403
    assert BODY not in answer.content
