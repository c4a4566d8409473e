"""Requests that really fail at stores that verify; the service diagnoses each.

A case is a working request, changed as people and libraries change them. The diagnosis gets the
store's answer, as a user would paste it. The first finding must be the right one.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.end_to_end.diagnosis_client import DiagnosisClient, Sent, edited
from tests.support.stores import BODY

A_TOKEN = re.compile("X-Amz-Security-Token=[^&]*&")


Fail = Callable[[DiagnosisClient], Sent]


def get(body: bytes | None = None, **changes: Any) -> Fail:
    """A download that is sent in another way."""
    return lambda client: client.send(client.get(), body, **changes)


def url(change: Callable[[str], str]) -> Fail:
    """A download with a changed URL."""
    return lambda client: client.send(signed := client.get(), url=change(signed.url))


def edit(old: str, new: str) -> Fail:
    return lambda client: client.send(signed := client.get(), url=edited(signed, old, new))


def put(body: bytes = BODY, **changes: Any) -> Fail:
    """An upload that is sent in another way."""
    return lambda client: client.send(client.put(), body, **changes)


def upload(**fields: Any) -> Fail:
    """An upload that is sent as it was signed."""
    return lambda client: client.send(client.put(**fields), BODY)


def part(body: bytes = BODY, **changes: Any) -> Fail:
    return lambda client: client.send(client.part(), body, **changes)


def sig_v2(more: str = "") -> Fail:
    query = f"AWSAccessKeyId=AKIA&Signature=YQ&Expires=1999999999{more}"
    return url(lambda url: f"{url.partition('?')[0]}?{query}")


def twice(client: DiagnosisClient) -> Sent:
    signed = client.put()
    assert client.send(signed, BODY).answer.status_code == 200
    return client.send(signed, BODY)


def too_late(client: DiagnosisClient) -> Sent:
    signed = client.get(expires_in=1)
    time.sleep(2.5)
    return client.send(signed)


def missing_object(client: DiagnosisClient) -> Sent:
    return client.send(client.service.sign("download-urls", key=client.key))


def replaced_meanwhile(client: DiagnosisClient) -> Sent:
    client.store.put(client.key)
    return upload(if_match='"00000000000000000000000000000000"')(client)


def part_of_no_upload(client: DiagnosisClient) -> Sent:
    signed = client.part()
    upload_id = re.search("uploadId=([^&]+)", signed.url)
    assert upload_id is not None
    place = {"bucket": "objects", "key": client.key}
    client.service.client.delete(f"/v1/multipart-uploads/{upload_id[1]}", params=place)
    return client.send(signed, BODY)


def upload_as_get(client: DiagnosisClient) -> Sent:
    return replace(client.send(client.put(), method="GET"), headers={})


CHECKSUM: Final = {"algorithm": "SHA256", "value": f"{'A' * 43}="}
# Name, change, and expected first finding, which is proven unless the case is in `UNPROVEN`. Each
# fails at both stores, unless it is in `LET_THROUGH`.
CASES: Final[dict[str, tuple[Fail, str]]] = {
    "cut off": (url(lambda url: url[:-10]), "url_truncated"),
    "signature cut off": (url(lambda url: url.partition("&X-Amz-Sig")[0]), "url_truncated"),
    "query lost": (url(lambda url: url.partition("?")[0]), "url_truncated"),
    "escaped for HTML": (url(lambda url: url.replace("&", "&amp;")), "url_escaped"),
    "escaped for JSON": (url(lambda url: url.replace("&", "\\u0026")), "url_escaped"),
    "encoded twice": (url(lambda url: url.replace("%", "%25")), "url_reencoded"),
    "question mark encoded": (edit("?", "%3F"), "url_reencoded"),
    "full stop behind": (url(lambda url: f"{url}."), "signature_malformed"),
    "SigV2": (sig_v2(), "signature_v2"),
    "SigV2 with a session's token": (sig_v2("&x-amz-security-token=YQ"), "signature_v2"),
    "lifetime over a week": (edit("Expires=900", "Expires=2592000"), "query_malformed"),
    "lifetime negative": (edit("Expires=900", "Expires=-900"), "query_malformed"),
    "lifetime raised": (edit("Expires=900", "Expires=9000"), "query_changed"),
    "token lost": (url(lambda url: A_TOKEN.sub("", url)), "token_lost"),
    "token changed": (edit("Security-Token=", "Security-Token=A"), "token_changed"),
    "key id changed": (edit("Credential=", "Credential=X"), "key_id_unknown"),
    "too late": (too_late, "expired"),
    "region changed": (edit("eu-west-1", "us-east-1"), "wrong_region"),
    "signature edited": (
        url(lambda url: url[:-1] + ("1" if url[-1] == "0" else "0")),
        "signature_mismatch",
    ),
    "download sent as PUT": (get(BODY, method="PUT"), "method_changed"),
    "download sent as DELETE": (get(method="DELETE"), "method_changed"),
    "download sent as HEAD": (get(method="HEAD"), "method_changed"),
    "upload sent as POST": (put(method="POST"), "method_changed"),
    "upload sent as GET": (upload_as_get, "method_changed"),
    "tracker added": (url(lambda url: f"{url}&utm_source=mail"), "query_changed"),
    "cache buster added": (url(lambda url: f"{url}&_=1772366400"), "query_changed"),
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
    "part too long": (part(BODY + b"!"), "content_length_changed"),
    "part sent as POST": (part(method="POST"), "method_changed"),
    "unsigned header": (get(x_amz_acl="private"), "header_unsigned"),
    "sent twice": (twice, "object_exists"),
    "replaced meanwhile": (replaced_meanwhile, "condition_failed"),
    "missing object": (missing_object, "object_missing"),
    "range behind the end": (get(Range="bytes=100-"), "range_invalid"),
    "other bytes": (upload(checksum=CHECKSUM), "checksum_mismatch"),
    "part of no upload": (part_of_no_upload, "upload_missing"),
}
# For headers that a GET does not send, there is nothing to try.
UNPROVEN: Final = {"upload sent as GET"}
# (store, case): the store answers with success.
LET_THROUGH: Final = {
    ("ministack", "unsigned header"): "MiniStack 1.5.33 looks only at the headers that are signed",
}


@pytest.mark.parametrize("case", CASES)
def test_a_failing_request_gets_the_right_first_finding(client: DiagnosisClient, case: str) -> None:
    fail, code = CASES[case]
    sent = fail(client)
    findings = client.diagnosed(sent)
    if (client.store.name, case) in LET_THROUGH:
        assert sent.answer.is_success, "the store is fixed: remove this entry"
        assert findings == []
        return
    assert sent.answer.status_code >= 400, "it does not fail, so there is nothing to explain"
    assert (findings[0]["code"], findings[0]["proven"]) == (code, case not in UNPROVEN), findings


def working(client: DiagnosisClient) -> Iterator[Sent]:
    yield client.send(client.get(filename="a b.txt", content_type="application/pdf"))
    yield client.send(client.service.sign("head-urls", key=client.key))
    yield client.send(client.service.sign("list-urls", prefix="diagnoses/", max_keys=2))
    yield client.send(client.service.sign("delete-urls", key=client.key))
    yield client.send(client.put(tags={"team": "a b"}, cache_control="private"), BODY)
    yield client.send(client.part(), BODY)


def test_a_request_that_works_gets_no_finding(client: DiagnosisClient) -> None:
    for sent in working(client):
        assert sent.answer.is_success, sent.answer.text
        assert client.diagnosed(sent) == []
        without_length = {n: v for n, v in sent.headers.items() if n != "content-length"}
        for headers in (sent.reported["headers"], without_length):
            reported = {"method": sent.method, "url": sent.url, "headers": headers}
            reply = client.service.client.post("/v1/diagnoses", json=reported)
            assert reply.json() == {"findings": []}


def test_two_changes_at_once_are_both_found(client: DiagnosisClient) -> None:
    sent = client.send(client.put(), BODY + b"\n", content_type="text/plain; charset=utf-8")
    assert sent.answer.status_code == 403
    assert [(each["code"], each["proven"]) for each in client.diagnosed(sent)] == [
        ("content_type_changed", True),
        ("content_length_changed", True),
    ]


def test_metadata_that_differs_is_named_as_what_to_compare(client: DiagnosisClient) -> None:
    sent = client.send(client.put(), BODY, x_amz_meta_author="Bob")
    assert sent.answer.status_code == 403
    assert "`x-amz-meta-author`" in client.diagnosed(sent)[0]["summary"]


def test_a_request_fixed_as_advised_works(client: DiagnosisClient) -> None:
    signed = client.put()
    sent = client.send(signed, BODY, content_type="text/plain;charset=UTF-8")
    finding = client.diagnosed(sent)[0]
    options = dict(re.findall("-H '([a-z-]+): ([^']*)'", finding["fix"]))
    assert options == signed.headers
    assert "curl -T FILE" in finding["fix"]
    assert "'<url>'`" in finding["fix"]
    assert client.send(replace(signed, headers=options), BODY).answer.status_code == 200
