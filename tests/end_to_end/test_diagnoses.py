"""Requests that really fail at stores that verify; the service diagnoses each.

A case is a working request, changed as people and libraries change them. The diagnosis gets the
store's answer, as a user would paste it. The first finding must be the right one.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from service.cli.main import main
from tests.end_to_end.desk import BODY, Desk, Sent, edited
from tests.support.service import RunningService, SignedRequest
from tests.support.stores import Store

A_TOKEN = re.compile("X-Amz-Security-Token=[^&]*&")


@pytest.fixture(name="desk")
def _desk(verifying_store: Store, verifying_service: RunningService) -> Desk:
    return Desk(store=verifying_store, service=verifying_service)


Fail = Callable[[Desk], Sent]


def get(change: Callable[[SignedRequest], str]) -> Fail:
    """A download with a changed URL."""
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


# Name, change, and expected first finding, which is proven unless the case is in `UNPROVEN`. Each
# fails
# at both stores, unless it is in `LET_THROUGH`.
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
    "SigV2 with a session's token": (
        get(
            lambda s: (
                f"{s.url.partition('?')[0]}?AWSAccessKeyId=ASIA&Signature=YQ&Expires=1999999999"
                "&x-amz-security-token=YQ"
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
    # The signed value cannot be guessed; the finding only says that the reported one is wrong.
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
    "range behind the end": (
        lambda desk: desk.send(desk.get(), Range="bytes=100-"),
        "range_invalid",
    ),
    "other bytes": (other_bytes, "checksum_mismatch"),
    "part of no upload": (part_of_no_upload, "upload_missing"),
}
# For headers that a GET does not send, there is nothing to try.
UNPROVEN: Final = {"upload sent as GET"}
# (store, case): the store answers with success.
LET_THROUGH: Final = {
    ("ministack", "unsigned header"): "MiniStack 1.5.33 looks only at the headers that are signed",
}


@pytest.mark.parametrize("case", CASES)
def test_a_failing_request_gets_the_right_first_finding(desk: Desk, case: str) -> None:
    fail, code = CASES[case]
    sent = fail(desk)
    findings = desk.diagnosed(sent)
    if (desk.store.name, case) in LET_THROUGH:
        assert sent.answer.is_success, "the store is fixed: remove this entry"
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
        for headers in (sent.reported["headers"], without_length):
            reported = {"method": sent.method, "url": sent.url, "headers": headers}
            reply = desk.service.client.post("/v1/diagnoses", json=reported)
            assert reply.json() == {"findings": []}


def test_two_changes_at_once_are_both_found(desk: Desk) -> None:
    sent = desk.send(desk.put(), BODY + b"\n", content_type="text/plain; charset=utf-8")
    assert sent.answer.status_code == 403
    assert [(each["code"], each["proven"]) for each in desk.diagnosed(sent)] == [
        ("content_type_changed", True),
        ("content_length_changed", True),
    ]


def test_metadata_that_differs_is_named_as_what_to_compare(desk: Desk) -> None:
    sent = desk.send(desk.put(), BODY, x_amz_meta_author="Bob")
    assert sent.answer.status_code == 403
    assert "`x-amz-meta-author`" in desk.diagnosed(sent)[0]["fix"]


def test_a_request_fixed_as_advised_works(desk: Desk) -> None:
    """Return the command line of the fix, with the URL and a file filled in."""
    signed = desk.put()
    sent = desk.send(signed, BODY, content_type="text/plain;charset=UTF-8")
    finding = desk.diagnosed(sent)[0]
    options = dict(re.findall("-H '([a-z-]+): ([^']*)'", finding["fix"]))
    assert options == signed.headers
    assert "curl -T FILE" in finding["fix"]
    assert "'<url>'`" in finding["fix"]
    assert desk.send(SignedRequest("PUT", signed.url, options, {}), BODY).answer.status_code == 200


def test_the_command_line_calls_the_service(desk: Desk, tmp_path: Path) -> None:
    """Run `presign diagnose` as a process, with its input in files."""
    sent = desk.send(desk.put(), BODY, content_type="text/plain; charset=utf-8")
    answer = tmp_path / "answer.xml"
    answer.write_text(sent.answer.text)
    headers = [text for name, value in sent.headers.items() for text in ("-H", f"{name}: {value}")]
    options = ["--method", "PUT", *headers, "--status", "403", "--response", str(answer)]
    requested = ["diagnose", *options, "--service", str(desk.service.client.base_url)]
    done = CliRunner().invoke(main, requested, input=sent.url, env={"PRESIGN_TOKEN": "end-to-end"})
    assert done.exit_code == 1
    assert done.output.startswith("1. content_type_changed (certain)")
    assert json.dumps(sent.url)[1:-1] not in done.output
