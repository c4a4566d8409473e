"""The conditions of grants, at stores that keep them: what each does, as docs/conditions.md says."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from service.auth.api_keys import digest_of
from service.config.key_files import new_key
from service.signing.actions import PutObject
from tests.end_to_end.by_hand import caller_sessions
from tests.end_to_end.remote_signing import sign as sign_headers
from tests.support.service import (
    API_KEY,
    RunningService,
    SignedRequest,
    run_service,
    send,
)
from tests.support.stores import BODY, Store

HERE: Final = ["127.0.0.0/8", "::1/128"]
ELSEWHERE: Final = ["203.0.113.0/24"]
READ: Final = ["download", "head", "link", "sign"]
# What a store knows of an object's tags, and what becomes of them. Each is a line of the table.
KNOWS_TAGS: Final = {"ministack": True, "seaweedfs": False}
KEEPS_TAGS_OF_REPLACED: Final = {"ministack": True, "seaweedfs": False}
TAKES_UNSIGNED_TAGS: Final = {"ministack": True, "seaweedfs": False}


def grant(prefix: str, *allow: str, **more: Any) -> dict[str, Any]:
    return {"bucket": "objects", "prefix": prefix, "allow": [*allow], **more}


GRANTS: Final = [
    grant("here/", *READ, "upload", "list", networks=HERE),
    grant("elsewhere/", *READ, "list", networks=ELSEWHERE),
    grant("elsewhere/", "upload"),
    grant("scanned/", "download", "head", "link", "sign", only_if_tagged={"Scan": "ok"}),
    grant("scanned/", "upload", "check", allow_overwrite=True),
    grant("free/", "download", "upload"),
    grant("both/", "download", networks=ELSEWHERE),
    grant("both/one/", "download"),
]
CALLER: Final = {"api_key": "tests", "sha256": [digest_of(API_KEY)], "grants": GRANTS}


@pytest.fixture(name="service", scope="module")
def _service(
    verifying_store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    directory = tmp_path_factory.mktemp("conditions")
    (directory / "links.key").write_text(new_key(b"k" * 32))
    top = {
        "links": {"keys": [str(directory / "links.key")]},
        "server": {"drain_seconds": 0, "public_url": "https://files.example.com"},
    }
    with run_service(
        verifying_store, directory, callers=[CALLER], top=top, conditional_copies=True
    ) as running:
        yield running


@pytest.fixture(name="leaf")
def _leaf() -> str:
    return uuid.uuid4().hex


def tag(store: Store, key: str, **tags: str) -> None:
    tagging = {"TagSet": [{"Key": name, "Value": value} for name, value in tags.items()]}
    store.admin_client().put_object_tagging(Bucket=store.bucket, Key=key, Tagging=tagging)


def tags_of(store: Store, key: str) -> dict[str, str]:
    found = store.admin_client().get_object_tagging(Bucket=store.bucket, Key=key)["TagSet"]
    return {each["Key"]: each["Value"] for each in found}


def read(service: RunningService, key: str) -> int:
    return send(service.sign("download-urls", key=key)).status_code


def test_a_url_works_from_a_network_of_its_grant_alone(
    service: RunningService, verifying_store: Store, leaf: str
) -> None:
    for prefix, status in (("here/", 200), ("elsewhere/", 403)):
        verifying_store.put(f"{prefix}{leaf}")
        assert read(service, f"{prefix}{leaf}") == status
        listed = send(service.sign("list-urls", prefix=prefix))
        assert listed.status_code == status


def test_a_forwarded_address_changes_nothing(
    service: RunningService, verifying_store: Store, leaf: str
) -> None:
    key = f"elsewhere/{leaf}"
    verifying_store.put(key)
    for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP"):
        value = "for=203.0.113.9" if name == "Forwarded" else "203.0.113.9"
        signed = service.sign("download-urls", key=key)
        assert send(replace(signed, headers={**signed.headers, name: value})).status_code == 403


def test_a_grant_without_a_condition_is_enough(
    service: RunningService, verifying_store: Store, leaf: str
) -> None:
    for prefix, status in (("both/", 403), ("both/one/", 200)):
        verifying_store.put(f"{prefix}{leaf}")
        assert read(service, f"{prefix}{leaf}") == status


def test_an_object_url_a_link_and_a_remote_signature_are_under_it_too(
    service: RunningService, verifying_store: Store, leaf: str
) -> None:
    for prefix, status in (("here/", 200), ("elsewhere/", 403)):
        key = f"{prefix}{leaf}"
        verifying_store.put(key)
        redirect = service.client.get(f"/o/objects/{key}").headers["location"]
        assert send(SignedRequest("GET", redirect, {}, {})).status_code == status
        uri = f"{verifying_store.endpoint_url}/{verifying_store.bucket}/{key}"
        signed = SignedRequest("GET", uri, sign_headers(service, "GET", uri, {}), {})
        assert send(signed).status_code == status


def test_only_what_is_tagged_is_read(
    service: RunningService, verifying_store: Store, leaf: str
) -> None:
    """SeaweedFS knows no tag of an object when it decides, so nobody reads there."""
    key, knows = f"scanned/{leaf}", KNOWS_TAGS[verifying_store.name]
    verifying_store.put(key)
    assert read(service, key) == 403
    tag(verifying_store, key, Scan="no")
    assert read(service, key) == 403
    tag(verifying_store, key, Scan="ok")
    assert read(service, key) == (200 if knows else 403)
    tag(verifying_store, key, other="ok")
    assert read(service, key) == 403


def test_a_check_and_an_upload_need_no_tag(
    service: RunningService, verifying_store: Store, leaf: str
) -> None:
    """They have another session, which opens nothing to the session that reads."""
    key = f"scanned/{leaf}"
    upload = service.sign("upload-urls", key=key, content_length=len(BODY))
    assert send(upload, BODY).status_code == 200
    assert service.post("object-checks", key=key)["content_length"] == len(BODY)
    assert read(service, key) == 403


def test_a_tag_of_another_case_is_the_same_to_the_store(
    service: RunningService, verifying_store: Store, leaf: str
) -> None:
    """So no upload may have it: names of tags have case, those of condition keys have none."""
    key = f"scanned/{leaf}"
    verifying_store.put(key)
    tag(verifying_store, key, scan="ok")
    assert read(service, key) == (200 if KNOWS_TAGS[verifying_store.name] else 403)
    for name in ("Scan", "scan"):
        asked = {"bucket": "objects", "key": key, "content_length": 1, "tags": {name: "ok"}}
        assert service.client.post("/v1/upload-urls", json=asked).status_code == 403


def test_what_becomes_of_the_tags_of_a_replaced_object(
    service: RunningService, verifying_store: Store, leaf: str
) -> None:
    """At MiniStack an upload over a clean object is clean, whatever it has: docs/stores.md."""
    key, keeps = f"scanned/{leaf}", KEEPS_TAGS_OF_REPLACED[verifying_store.name]
    verifying_store.put(key)
    tag(verifying_store, key, Scan="ok")
    upload = service.sign("upload-urls", key=key, content_length=len(BODY), overwrite=True)
    assert send(upload, BODY).status_code == 200
    assert tags_of(verifying_store, key) == ({"Scan": "ok"} if keeps else {})


def test_what_a_store_does_with_an_unsigned_tag(
    service: RunningService, verifying_store: Store, leaf: str
) -> None:
    """MiniStack sets it, so `presign check` warns of uploads elsewhere than at AWS."""
    key, takes = f"scanned/{leaf}", TAKES_UNSIGNED_TAGS[verifying_store.name]
    signed = service.sign("upload-urls", key=key, content_length=len(BODY))
    headers: Mapping[str, str] = {**signed.headers, "x-amz-tagging": "Scan=ok"}
    status = send(replace(signed, headers=dict(headers)), BODY).status_code
    assert status == (200 if takes else 403)
    assert (verifying_store.content(key) is not None) is takes
    if takes:
        assert tags_of(verifying_store, key) == {"Scan": "ok"}


def test_the_denial_of_tags_is_kept_by_none_of_the_two(verifying_store: Store, leaf: str) -> None:
    """Signed by hand with the session that uploads. Ceph RGW 18.2.7 keeps it, but not of parts."""
    sessions = caller_sessions(verifying_store, [CALLER])
    signer = sessions.signer("tests", operation="upload")
    key = f"scanned/{leaf}"
    action = PutObject(content_length=len(BODY), tags=(("Scan", "ok"),), overwrite=True)
    policy = sessions.snapshot.buckets["objects"].arns
    assert policy is not None
    assert policy.tags_read_by == ("Scan",)
    assert signer.send(action, key, BODY).status_code == 200
    assert tags_of(verifying_store, key) == {"Scan": "ok"}


def test_what_is_read_by_a_tag_is_never_copied(
    service: RunningService, verifying_store: Store, leaf: str
) -> None:
    key = f"scanned/{leaf}"
    verifying_store.put(key)
    tag(verifying_store, key, Scan="ok")
    asked = {"bucket": "objects", "key": f"free/{leaf}", "source": {"key": key}}
    answer = service.client.post("/v1/copy-urls", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_a_copy_is_under_the_network_of_its_source(
    service: RunningService, verifying_store: Store, leaf: str
) -> None:
    for prefix, status in (("here/", 200), ("elsewhere/", 403)):
        verifying_store.put(f"{prefix}{leaf}")
        source = {"key": f"{prefix}{leaf}"}
        signed = service.sign("copy-urls", key=f"free/{prefix}{leaf}", source=source)
        assert send(signed).status_code == status
