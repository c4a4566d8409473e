"""Requests that fail for real at stores that verify; the service is told of each, and says why.

A case is a request that works, changed as people and libraries change them. What the store answers is
told along, as a user would paste it. The first finding has to be the right one.
"""

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from service.signing.requests import GetObject
from tests.end_to_end.by_hand import Hand, House, a_house, stored
from tests.end_to_end.service import Service, Signed, api_key, post, send, serving
from tests.end_to_end.stores import Store

BODY: Final = b"hello, store"
TYPE: Final = "text/plain"
A_TOKEN = re.compile("X-Amz-Security-Token=[^&]*&")


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it was sent, and what the store answered."""

    method: str
    url: str
    headers: Mapping[str, str]
    answer: httpx.Response

    @property
    def told(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "url": self.url,
            "headers": dict(self.headers),
            "response_status": self.answer.status_code,
            "response_body": self.answer.text,
        }


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Where requests are signed, sent and asked about."""

    store: Store
    service: Service
    key: str = field(default_factory=lambda: f"diagnoses/{uuid.uuid4().hex} ü.txt")

    def stored(self) -> None:
        stored(self.store, self.key)

    def get(self, **more: Any) -> Signed:
        self.stored()
        return self.service.sign("download-urls", key=self.key, **more)

    def put(self, **more: Any) -> Signed:
        asked = {"content_length": len(BODY), "content_type": TYPE, "metadata": {"author": "Ann"}}
        return self.service.sign("upload-urls", key=self.key, **{**asked, **more})

    def part(self) -> Signed:
        body = {"bucket": "objects", "key": self.key, "content_length": len(BODY)}
        reply = self.service.client.post("/v1/multipart-uploads", json=body)
        (part,) = reply.json()["parts"]
        return Signed(part["method"], part["url"], part["headers"], part)

    def send(
        self,
        signed: Signed,
        body: bytes | None = None,
        *,
        method: str | None = None,
        url: str | None = None,
        **headers: str | None,
    ) -> Sent:
        """As it was answered, but for what is named; a header that is None is left out."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {**signed.headers, **named}
        sent = {name: value for name, value in kept.items() if value is not None}
        method, url = method or signed.method, url or signed.url
        answer = send(Signed(method, url, sent, {}), body)
        told = sent if body is None else {"content-length": str(len(body)), **sent}
        return Sent(method, url, told, answer)

    def diagnosed(self, sent: Sent, **changes: Any) -> list[dict[str, Any]]:
        reply = self.service.client.post("/v1/diagnoses", json={**sent.told, **changes})
        assert reply.status_code == 200, reply.text
        for secret in (*secrets_of(sent.url), self.store.secret_access_key):
            assert secret not in reply.text
        findings: list[dict[str, Any]] = reply.json()["findings"]
        return findings


def secrets_of(url: str) -> list[str]:
    found = re.findall("(?i)x-amz-(?:signature|security-token)(?:=|%3d)([^&]{16,})", url)
    return [str(each) for each in found]


def edited(signed: Signed, old: str, new: str) -> str:
    assert old in signed.url, old
    return signed.url.replace(old, new, 1)


@pytest.fixture(name="desk")
def _desk(verifying_store: Store, verifying_service: Service) -> Desk:
    return Desk(store=verifying_store, service=verifying_service)


Fail = Callable[[Desk], Sent]


def get(change: Callable[[Signed], str]) -> Fail:
    """A download whose URL is changed."""
    return lambda desk: desk.send(signed := desk.get(), url=change(signed))


def edit(old: str, new: str) -> Fail:
    return get(lambda signed: edited(signed, old, new))


def put(body: bytes = BODY, **more: Any) -> Fail:
    """An upload that is sent in another way."""
    return lambda desk: desk.send(desk.put(), body, **more)


def twice(desk: Desk) -> Sent:
    signed = desk.put()
    assert desk.send(signed, BODY).answer.status_code == 200
    return desk.send(signed, BODY)


def too_late(desk: Desk) -> Sent:
    signed = desk.get(expires_in=1)
    time.sleep(2.5)
    return desk.send(signed)


def missing_object(desk: Desk) -> Sent:
    return desk.send(desk.service.sign("download-urls", key=desk.key))


def replaced_meanwhile(desk: Desk) -> Sent:
    desk.stored()
    return desk.send(desk.put(if_match='"00000000000000000000000000000000"'), BODY)


def other_bytes(desk: Desk) -> Sent:
    checksum = {"algorithm": "SHA256", "value": f"{'A' * 43}="}
    return desk.send(desk.put(checksum=checksum), BODY)


def part_of_no_upload(desk: Desk) -> Sent:
    signed = desk.part()
    upload_id = re.search("uploadId=([^&]+)", signed.url)
    assert upload_id is not None
    place = {"bucket": "objects", "key": desk.key}
    desk.service.client.delete(f"/v1/multipart-uploads/{upload_id[1]}", params=place)
    return desk.send(signed, BODY)


def with_an_acl(desk: Desk) -> Sent:
    return desk.send(desk.get(), x_amz_acl="private")


# What each is called, how it is made to fail, and what the service has to say first, proven unless it
# is in `UNPROVEN`. Each fails at either store, unless `LET_THROUGH` says otherwise.
CASES: Final[dict[str, tuple[Fail, str]]] = {
    "cut off": (get(lambda signed: signed.url[:-10]), "url_truncated"),
    "signature cut off": (
        get(lambda signed: signed.url.partition("&X-Amz-Signature")[0]),
        "url_truncated",
    ),
    "query lost": (get(lambda signed: signed.url.partition("?")[0]), "url_truncated"),
    "escaped for HTML": (get(lambda signed: signed.url.replace("&", "&amp;")), "url_escaped"),
    "escaped for JSON": (get(lambda signed: signed.url.replace("&", "\\u0026")), "url_escaped"),
    "encoded twice": (get(lambda signed: signed.url.replace("%", "%25")), "url_reencoded"),
    "question mark encoded": (edit("?", "%3F"), "url_reencoded"),
    "full stop behind": (get(lambda signed: f"{signed.url}."), "signature_malformed"),
    "SigV2": (
        get(
            lambda s: (
                f"{s.url.partition('?')[0]}?AWSAccessKeyId=AKIA&Signature=YQ&Expires=1999999999"
            )
        ),
        "signature_v2",
    ),
    "lifetime over a week": (edit("Expires=900", "Expires=2592000"), "query_malformed"),
    "lifetime negative": (edit("Expires=900", "Expires=-900"), "query_malformed"),
    "lifetime raised": (edit("Expires=900", "Expires=9000"), "query_changed"),
    "token lost": (get(lambda signed: A_TOKEN.sub("", signed.url)), "token_lost"),
    "token changed": (edit("Security-Token=", "Security-Token=A"), "token_changed"),
    "key id changed": (edit("Credential=", "Credential=X"), "key_id_unknown"),
    "too late": (too_late, "expired"),
    "region changed": (edit("eu-west-1", "us-east-1"), "wrong_region"),
    "signature edited": (
        get(lambda s: s.url[:-1] + ("1" if s.url[-1] == "0" else "0")),
        "signature_mismatch",
    ),
    "download sent as PUT": (
        lambda desk: desk.send(desk.get(), BODY, method="PUT"),
        "method_changed",
    ),
    "download sent as DELETE": (
        lambda desk: desk.send(desk.get(), method="DELETE"),
        "method_changed",
    ),
    "download sent as HEAD": (lambda desk: desk.send(desk.get(), method="HEAD"), "method_changed"),
    "upload sent as POST": (put(method="POST"), "method_changed"),
    "upload sent as GET": (
        lambda desk: replace(desk.send(desk.put(), method="GET"), headers={}),
        "method_changed",
    ),
    "tracker added": (get(lambda signed: f"{signed.url}&utm_source=mail"), "query_changed"),
    "cache buster added": (get(lambda signed: f"{signed.url}&_=1772366400"), "query_changed"),
    "host changed": (edit("127.0.0.1", "localhost"), "host_changed"),
    "key encoded twice": (edit("%20", "%2520"), "key_reencoded"),
    "plus for a space in the key": (edit("%20", "+"), "key_reencoded"),
    "slash behind the key": (edit(".txt?", ".txt/?"), "key_changed"),
    "type with a charset": (put(content_type="text/plain; charset=utf-8"), "content_type_changed"),
    "another type": (put(content_type="application/json"), "content_type_changed"),
    "a form's type": (
        put(content_type="application/x-www-form-urlencoded"),
        "content_type_changed",
    ),
    "one byte more": (put(BODY + b"\n"), "content_length_changed"),
    "one byte less": (put(BODY[:-1]), "content_length_changed"),
    "nothing": (put(b""), "content_length_changed"),
    "type left out": (put(content_type=None), "header_missing"),
    "condition left out": (put(if_none_match=None), "header_missing"),
    "metadata left out": (put(x_amz_meta_author=None), "header_missing"),
    # The value that was signed is not to be guessed, so only that it is none of what is told.
    "metadata changed": (put(x_amz_meta_author="Bob"), "signature_mismatch"),
    "part too long": (lambda desk: desk.send(desk.part(), BODY + b"!"), "content_length_changed"),
    "part sent as POST": (
        lambda desk: desk.send(desk.part(), BODY, method="POST"),
        "method_changed",
    ),
    "unsigned header": (with_an_acl, "header_unsigned"),
    "sent twice": (twice, "object_exists"),
    "replaced meanwhile": (replaced_meanwhile, "condition_failed"),
    "missing object": (missing_object, "object_missing"),
    "other bytes": (other_bytes, "checksum_mismatch"),
    "part of no upload": (part_of_no_upload, "upload_missing"),
}
# Of what a GET does not send, nothing is known to try.
UNPROVEN: Final = {"upload sent as GET"}
# (store, case): it answers as though all were well.
LET_THROUGH: Final = {
    ("ministack", "unsigned header"): "MiniStack 1.5.33 looks only at the headers that are signed",
}


@pytest.mark.parametrize("case", CASES)
def test_a_failing_request_gets_its_right_finding_first(desk: Desk, case: str) -> None:
    fail, code = CASES[case]
    sent = fail(desk)
    findings = desk.diagnosed(sent)
    if (desk.store.name, case) in LET_THROUGH:
        assert sent.answer.is_success, "the store has mended it: take it out of the table"
        assert findings == []
        return
    assert sent.answer.status_code >= 400, "it does not fail, so there is nothing to explain"
    assert (findings[0]["code"], findings[0]["proven"]) == (code, case not in UNPROVEN), findings


def test_there_are_enough_kinds_of_failing_requests() -> None:
    assert len(CASES) >= 25
    assert len({code for _, code in CASES.values()}) >= 20


def working(desk: Desk) -> Iterator[Sent]:
    yield desk.send(desk.get(filename="a b.txt", content_type="application/pdf"))
    yield desk.send(desk.service.sign("head-urls", key=desk.key))
    yield desk.send(desk.service.sign("list-urls", prefix="diagnoses/", max_keys=2))
    yield desk.send(desk.service.sign("delete-urls", key=desk.key))
    yield desk.send(desk.put(tags={"team": "a b"}, cache_control="private"), BODY)
    yield desk.send(desk.part(), BODY)


def test_a_request_that_works_gets_no_finding(desk: Desk) -> None:
    for sent in working(desk):
        assert sent.answer.is_success, sent.answer.text
        assert desk.diagnosed(sent) == []
        without_length = {n: v for n, v in sent.headers.items() if n != "content-length"}
        for headers in (sent.told["headers"], without_length):
            told = {"method": sent.method, "url": sent.url, "headers": headers}
            reply = desk.service.client.post("/v1/diagnoses", json=told)
            assert reply.json() == {"findings": []}


def test_what_a_fix_says_to_send_works(desk: Desk) -> None:
    """The command line of the fix, with the URL and a file in their places."""
    signed = desk.put()
    sent = desk.send(signed, BODY, content_type="text/plain;charset=UTF-8")
    finding = desk.diagnosed(sent)[0]
    options = dict(re.findall("-H '([a-z-]+): ([^']*)'", finding["fix"]))
    assert options == signed.headers
    assert "curl -T FILE" in finding["fix"]
    assert "'<url>'`" in finding["fix"]
    assert desk.send(Signed("PUT", signed.url, options, {}), BODY).answer.status_code == 200


# What only a hand can sign: the service does not.


@pytest.fixture(name="house", scope="module")
def _house(verifying_store: Store) -> House:
    return a_house(verifying_store, [api_key("tests", "end-to-end", "")])


@pytest.fixture(name="hand", scope="module")
def _hand(house: House) -> Hand:
    return house.hand("tests")


def signed_by_hand(hand: Hand, key: str, *, now: int = 0, expires_in: int = 300) -> Signed:
    url = hand.signer.presign(GetObject(), key, now=int(time.time()) + now, expires_in=expires_in)
    return Signed("GET", url, {}, {})


def test_a_key_with_dot_segments_is_told_of(desk: Desk, hand: Hand) -> None:
    """Its session is not the service's: so the service sees no more than there is to see."""
    sent = desk.send(signed_by_hand(hand, "diagnoses/a/../b"))
    assert sent.answer.status_code in {403, 404}
    codes = [finding["code"] for finding in desk.diagnosed(sent)]
    assert codes[-1] == "signed_elsewhere"
    assert "dot_segments" in codes or sent.answer.status_code == 404


def test_a_url_that_begins_in_the_future_is_told_of(desk: Desk, hand: Hand) -> None:
    sent = desk.send(signed_by_hand(hand, desk.key, now=4000))
    if desk.store.name == "seaweedfs":  # 4.48 does not look at when a URL begins
        assert sent.answer.status_code == 404
        return
    assert sent.answer.status_code == 403
    assert desk.diagnosed(sent)[0]["code"] == "not_yet_valid"


def test_a_session_that_may_not_is_told_of(desk: Desk, house: House) -> None:
    """By its policy: the signature is right."""
    nobody = house.hand(None)
    stored(desk.store, desk.key)
    sent = desk.send(signed_by_hand(nobody, desk.key))
    assert sent.answer.status_code == 403
    finding = desk.diagnosed(sent)[0]
    assert (finding["code"], finding["proven"]) == ("access_denied", True)


def test_a_session_that_has_ended_is_told_of(ministack: Store, tmp_path: Path) -> None:
    """MiniStack says `ExpiredToken` at first, and later that it knows no such key id."""
    seconds = 10
    with serving(ministack, tmp_path, session_seconds=seconds) as service:
        desk = Desk(store=ministack, service=service)
        signed = desk.get()
        time.sleep(seconds + 3)  # its end is rounded, and to the second
        sent = desk.send(signed)
        assert sent.answer.is_error
        finding = desk.diagnosed(sent)[0]
        assert (finding["code"], finding["proven"]) == ("session_ended", True)


# Forms: on MiniStack, since SeaweedFS takes none with a session's token


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
def test_a_form_that_fails_gets_its_right_finding_first(
    ministack: Store,
    ministack_service: Service,
    change: dict[str, str | None],
    body: bytes,
    code: str,
) -> None:
    form = ministack_service.ask(
        "upload-forms", key_prefix="diagnoses/", max_content_length=20, content_type=TYPE
    )
    fields = {**form["fields"], **change}
    answer = post(form["url"], {n: v for n, v in fields.items() if v is not None}, body)
    assert answer.status_code >= 400
    desk = Desk(store=ministack, service=ministack_service)
    findings = desk.diagnosed(Sent("POST", form["url"], {}, answer))
    assert findings[0]["code"] == code


def test_a_form_that_works_gets_no_finding_and_one_that_is_late_is_told_so(
    ministack: Store, ministack_service: Service
) -> None:
    desk = Desk(store=ministack, service=ministack_service)
    asked = {"key_prefix": "diagnoses/", "max_content_length": 20, "expires_in": 3}
    form = ministack_service.ask("upload-forms", **asked)
    answer = post(form["url"], form["fields"], BODY)
    assert answer.is_success
    assert desk.diagnosed(Sent("POST", form["url"], {}, answer)) == []
    time.sleep(4)
    late = post(form["url"], form["fields"], BODY)
    assert desk.diagnosed(Sent("POST", form["url"], {}, late))[0]["code"] == "expired"


@pytest.fixture(name="ministack_service", scope="module")
def _ministack_service(
    ministack: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with serving(ministack, tmp_path_factory.mktemp("forms")) as service:
        yield service


# Another replica, and another caller


def test_another_replica_says_so_and_what_can_be_seen_all_the_same(
    desk: Desk, tmp_path: Path
) -> None:
    sent = desk.send(desk.put(), BODY, if_none_match=None)
    escaped = replace(sent, url=sent.url.replace("&", "&amp;"))
    with serving(desk.store, tmp_path) as other:
        there = replace(desk, service=other)
        assert codes(there.diagnosed(sent)) == ["header_missing", "signed_elsewhere"]
        assert codes(there.diagnosed(escaped))[0] == "url_escaped"
    assert codes(desk.diagnosed(sent)) == ["header_missing"]


def test_nobody_is_told_of_a_key_or_a_session_of_anothers(ministack: Store, tmp_path: Path) -> None:
    callers = [api_key("a", "end-to-end", "a/"), api_key("b", "key-of-b", "b/", "a/shared/")]
    with serving(ministack, tmp_path, callers=callers) as service:
        own = service.sign("upload-urls", key="a/one.txt", content_length=5)
        shared = service.sign("upload-urls", key="a/shared/one.txt", content_length=5)
        as_b = {"Authorization": "Bearer key-of-b"}
        told = {"method": "GET", "headers": {**own.headers, "content-length": "5"}}

        forbidden = service.client.post(
            "/v1/diagnoses", json={**told, "url": own.url}, headers=as_b
        )
        assert forbidden.status_code == 403
        assert (
            forbidden.json()["detail"] == "No grant of yours covers this bucket, key and operation."
        )

        of_a = service.client.post("/v1/diagnoses", json={**told, "url": shared.url})
        assert codes(of_a.json()["findings"]) == ["method_changed"]
        of_b = service.client.post("/v1/diagnoses", json={**told, "url": shared.url}, headers=as_b)
        unknown = shared.url.replace("Credential=", "Credential=X")
        of_none = service.client.post("/v1/diagnoses", json={**told, "url": unknown}, headers=as_b)
        assert of_b.json() == of_none.json()  # whether there is such a session is not told either
        assert codes(of_b.json()["findings"])[-1] == "signed_elsewhere"


def codes(findings: list[dict[str, Any]]) -> list[str]:
    return [str(finding["code"]) for finding in findings]


def test_the_command_line_asks_the_service(desk: Desk, tmp_path: Path) -> None:
    """As a process, with what was pasted in files."""
    from click.testing import CliRunner  # noqa: PLC0415

    from service.commands import main  # noqa: PLC0415

    sent = desk.send(desk.put(), BODY, content_type="text/plain; charset=utf-8")
    answer = tmp_path / "answer.xml"
    answer.write_text(sent.answer.text)
    headers = [text for name, value in sent.headers.items() for text in ("-H", f"{name}: {value}")]
    options = ["--method", "PUT", *headers, "--status", "403", "--response", str(answer)]
    asked = ["diagnose", *options, "--service", str(desk.service.client.base_url)]
    done = CliRunner().invoke(main, asked, input=sent.url, env={"PRESIGN_TOKEN": "end-to-end"})
    assert done.exit_code == 1
    assert done.output.startswith("1. content_type_changed (certain)")
    assert json.dumps(sent.url)[1:-1] not in done.output
