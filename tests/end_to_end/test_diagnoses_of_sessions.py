"""Diagnoses of requests signed by hand, of expired sessions, of forms, and of other callers."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.signing.actions import GetObject
from tests.end_to_end.by_hand import CallerSessions, HandSigner, caller_sessions
from tests.end_to_end.diagnosis_client import TYPE, DiagnosisClient, Sent, codes
from tests.support.late import again_if_late, within
from tests.support.service import SignedRequest, make_caller, post_form, run_service
from tests.support.stores import BODY, Store

pytestmark = pytest.mark.slow


# Only signed by hand: the service refuses these.


@pytest.fixture(name="sessions", scope="module")
def _sessions(verifying_store: Store) -> CallerSessions:
    return caller_sessions(verifying_store, [make_caller("tests", "end-to-end", "")])


@pytest.fixture(name="signer", scope="module")
def _signer(sessions: CallerSessions) -> HandSigner:
    return sessions.signer("tests")


def signed_by_hand(signer: HandSigner, key: str, *, now: int = 0) -> SignedRequest:
    url = signer.signer.presign(GetObject(), key, now=int(time.time()) + now, expires_in=300)
    return SignedRequest("GET", url, {}, {})


def test_a_key_with_dot_segments_is_diagnosed(client: DiagnosisClient, signer: HandSigner) -> None:
    """The session is not the service's, so the diagnosis only has visible facts."""
    sent = client.send(signed_by_hand(signer, "diagnoses/a/../b"))
    assert sent.answer.status_code in {403, 404}
    found = codes(client.diagnosed(sent))
    assert found[-1] == "signed_elsewhere"
    assert "dot_segments" in found or sent.answer.status_code == 404


def test_a_url_from_the_future_is_diagnosed(client: DiagnosisClient, signer: HandSigner) -> None:
    sent = client.send(signed_by_hand(signer, client.key, now=4000))
    if client.store.name == "seaweedfs":  # 4.48 does not check when a URL begins
        assert sent.answer.status_code == 404
        return
    assert sent.answer.status_code == 403
    assert client.diagnosed(sent)[0]["code"] == "not_yet_valid"


def test_a_session_without_permission_is_diagnosed(
    client: DiagnosisClient, sessions: CallerSessions
) -> None:
    """The session policy denies it; the signature is valid."""
    nobody = sessions.signer(None)
    client.store.put(client.key)
    sent = client.send(signed_by_hand(nobody, client.key))
    assert sent.answer.status_code == 403
    finding = client.diagnosed(sent)[0]
    assert (finding["code"], finding["proven"]) == ("access_denied", True)


def test_an_expired_session_is_diagnosed(ministack: Store, tmp_path: Path) -> None:
    """MiniStack answers `ExpiredToken` at first, and later that the key id does not exist."""
    seconds = 10
    with run_service(ministack, tmp_path, session_seconds=seconds) as service:
        client = DiagnosisClient(store=ministack, service=service)
        signed = client.get()
        time.sleep(seconds + 3)  # its end is rounded to the second
        sent = client.send(signed)
        assert sent.answer.is_error
        finding = client.diagnosed(sent)[0]
        assert (finding["code"], finding["proven"]) == ("session_ended", True)


# Forms: on MiniStack, since SeaweedFS refuses forms with a session token


@pytest.mark.parametrize(
    ("change", "body", "code"),
    [
        ({}, BODY + b"!" * 99, "too_large"),
        ({"acl": "public-read"}, BODY, "form_refused"),
        ({"Content-Type": "text/html"}, BODY, "form_refused"),
        ({"x-amz-signature": "0" * 64}, BODY, "signature_mismatch"),
        ({"policy": None}, BODY, "form_malformed"),
    ],
)
def test_a_failing_form_gets_the_right_first_finding(
    forms: DiagnosisClient, change: dict[str, str | None], body: bytes, code: str
) -> None:
    form = make_form(forms, content_type=TYPE)
    fields = {**form["fields"], **change}
    sent = submitted(form, {n: v for n, v in fields.items() if v is not None}, body)
    assert sent.answer.is_error
    assert codes(forms.diagnosed(sent))[0] == code


@again_if_late
def test_only_the_expired_form_has_a_finding(forms: DiagnosisClient) -> None:
    with within(2):
        form = make_form(forms, expires_in=3)
        sent = submitted(form, form["fields"])
        assert sent.answer.is_success
    assert forms.diagnosed(sent) == []
    time.sleep(4)
    late = submitted(form, form["fields"])
    assert late.answer.status_code == 403
    assert codes(forms.diagnosed(late))[0] == "expired"


@pytest.fixture(name="forms", scope="module")
def _forms(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DiagnosisClient]:
    with run_service(ministack, tmp_path_factory.mktemp("forms")) as service:
        yield DiagnosisClient(store=ministack, service=service)


def make_form(client: DiagnosisClient, **more: Any) -> dict[str, Any]:
    limits = {"key_prefix": "diagnoses/", "max_content_length": 20}
    return client.service.post("upload-forms", **limits, **more)


def submitted(form: dict[str, Any], fields: dict[str, str], body: bytes = BODY) -> Sent:
    return Sent("POST", form["url"], {}, post_form(form["url"], fields, body))


# Another replica, and another caller


def test_another_replica_reports_signed_elsewhere_and_visible_facts(
    client: DiagnosisClient, tmp_path: Path
) -> None:
    sent = client.send(client.put(), BODY, if_none_match=None)
    escaped = replace(sent, url=sent.url.replace("&", "&amp;"))
    with run_service(client.store, tmp_path) as other:
        there = replace(client, service=other)
        assert codes(there.diagnosed(sent)) == ["header_missing", "signed_elsewhere"]
        assert codes(there.diagnosed(escaped))[0] == "url_escaped"
    assert codes(client.diagnosed(sent)) == ["header_missing"]


def test_another_callers_key_and_session_are_not_revealed(ministack: Store, tmp_path: Path) -> None:
    callers = [
        make_caller("a", "end-to-end", "a/"),
        make_caller("b", "key-of-b", "b/", "a/shared/"),
    ]
    with run_service(ministack, tmp_path, callers=callers) as service:
        own = service.sign("upload-urls", key="a/one.txt", content_length=5)
        shared = service.sign("upload-urls", key="a/shared/one.txt", content_length=5)

        def diagnosed(url: str, *, who: str) -> httpx.Response:
            sent = {"method": "GET", "headers": {**own.headers, "content-length": "5"}}
            headers = {"Authorization": f"Bearer {who}"}
            return service.client.post("/v1/diagnoses", json={**sent, "url": url}, headers=headers)

        forbidden = diagnosed(own.url, who="key-of-b")
        assert forbidden.status_code == 403
        assert forbidden.json()["detail"] == "You have no grant for this bucket, key and operation."
        of_a = diagnosed(shared.url, who="end-to-end")
        assert codes(of_a.json()["findings"]) == ["method_changed"]
        of_b = diagnosed(shared.url, who="key-of-b")
        of_none = diagnosed(shared.url.replace("Credential=", "Credential=X"), who="key-of-b")
        assert of_b.json() == of_none.json()  # nor does it reveal whether such a session exists
        assert codes(of_b.json()["findings"])[-1] == "signed_elsewhere"
