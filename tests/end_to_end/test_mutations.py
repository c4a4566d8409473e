"""Whatever is changed in a signed request, a store that verifies refuses it.

The table of exceptions names what a store lets through though AWS does not. An exception that the
store has mended fails its test too, so the table stays true.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import httpx
import pytest

from tests.end_to_end.service import Service, Signed, send
from tests.end_to_end.stores import Store

BODY: Final = b"hello, store"
ANOTHER_BODY: Final = b"HELLO, STORE"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it is about to be sent."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None


Mutate = Callable[[Sent], Sent]


def method(name: str) -> Mutate:
    return lambda sent: replace(sent, method=name)


def url(old: str, new: str) -> Mutate:
    def mutate(sent: Sent) -> Sent:
        assert old in sent.url, old
        return replace(sent, url=sent.url.replace(old, new, 1))

    return mutate


def added_query(text: str) -> Mutate:
    return lambda sent: replace(sent, url=f"{sent.url}&{text}")


def without_query(name: str) -> Mutate:
    def mutate(sent: Sent) -> Sent:
        path, _, query = sent.url.partition("?")
        pieces = query.split("&")
        kept = [piece for piece in pieces if not piece.startswith(f"{name}=")]
        assert len(kept) < len(pieces), name
        return replace(sent, url=f"{path}?{'&'.join(kept)}")

    return mutate


def header(name: str, value: str | None) -> Mutate:
    """Changed or added; None leaves it out."""

    def mutate(sent: Sent) -> Sent:
        others = {other: given for other, given in sent.headers.items() if other != name}
        assert value is not None or name in sent.headers, name
        return replace(sent, headers=others if value is None else {**others, name: value})

    return mutate


def body(content: bytes) -> Mutate:
    return lambda sent: replace(sent, body=content)


def flipped_signature(sent: Sent) -> Sent:
    last = sent.url[-1]
    return replace(sent, url=sent.url[:-1] + ("0" if last != "0" else "1"))


ANY_REQUEST: Final[dict[str, Mutate]] = {
    "signature": flipped_signature,
    "signature left out": without_query("X-Amz-Signature"),
    "date": url("X-Amz-Date=2", "X-Amz-Date=1"),
    "expires raised": url("X-Amz-Expires=900", "X-Amz-Expires=9000"),
    "key id": url("X-Amz-Credential=", "X-Amz-Credential=X"),
    "token": url("X-Amz-Security-Token=", "X-Amz-Security-Token=A"),
    "token left out": without_query("X-Amz-Security-Token"),
    "signed headers": url("X-Amz-SignedHeaders=", "X-Amz-SignedHeaders=x-other%3B"),
    "query added": added_query("x=1"),
    "unsigned x-amz header": header("x-amz-acl", "public-read"),
}
DOWNLOAD: Final[dict[str, Mutate]] = {
    **ANY_REQUEST,
    "method PUT": lambda sent: replace(sent, method="PUT", body=BODY),
    "method DELETE": method("DELETE"),
    "method HEAD": method("HEAD"),
    "key": url("mutations/", "mutationz/"),
    "answer's type": url("application%2Fpdf", "text%2Fhtml"),
    "answer's type left out": without_query("response-content-type"),
    "answer's disposition": url("attachment", "inline"),
    "version added": added_query("versionId=null"),
}
UPLOAD: Final[dict[str, Mutate]] = {
    **ANY_REQUEST,
    "method GET": method("GET"),
    "method DELETE": method("DELETE"),
    "key": url("mutations/", "mutationz/"),
    "type": header("content-type", "text/html"),
    "type with a charset": header("content-type", "text/plain; charset=utf-8"),
    "type left out": header("content-type", None),
    "condition left out": header("if-none-match", None),
    "metadata": header("x-amz-meta-author", "Bob"),
    "metadata left out": header("x-amz-meta-author", None),
    "metadata added": header("x-amz-meta-other", "x"),
    "disposition": header("content-disposition", "inline"),
    "disposition left out": header("content-disposition", None),
    "cache": header("cache-control", "public"),
    "tags": header("x-amz-tagging", "team=other"),
    "tags left out": header("x-amz-tagging", None),
    "checksum": header("x-amz-checksum-sha256", "A" * 43 + "="),
    "checksum left out": header("x-amz-checksum-sha256", None),
    "encryption added": header("x-amz-server-side-encryption", "AES256"),
    "storage class added": header("x-amz-storage-class", "GLACIER"),
    "body longer": body(BODY + b"!"),
    "body shorter": body(BODY[:-1]),
    "body of nothing": body(b""),
    "another body of the same size": body(ANOTHER_BODY),
}
HEAD: Final[dict[str, Mutate]] = {
    **ANY_REQUEST,
    "method GET": method("GET"),
    "method DELETE": method("DELETE"),
    "key": url("mutations/", "mutationz/"),
}
DELETE: Final[dict[str, Mutate]] = {
    **ANY_REQUEST,
    "method GET": method("GET"),
    "key": url("mutations/", "mutationz/"),
    "version added": added_query("versionId=null"),
}
LIST: Final[dict[str, Mutate]] = {
    **ANY_REQUEST,
    "prefix": url("prefix=mutations", "prefix=secret"),
    "prefix left out": without_query("prefix"),
    "page size": url("max-keys=2", "max-keys=9"),
    "delimiter added": added_query("delimiter=%2F"),
    "another question": added_query("policy"),
}
PART: Final[dict[str, Mutate]] = {
    **ANY_REQUEST,
    "method GET": method("GET"),
    "method DELETE": method("DELETE"),
    "key": url("mutations/", "mutationz/"),
    "part number": url("partNumber=1", "partNumber=2"),
    "part number left out": without_query("partNumber"),
    "upload": url("uploadId=", "uploadId=0"),
    "upload left out": without_query("uploadId"),
    "checksum": header("x-amz-checksum-sha256", "A" * 43 + "="),
    "checksum left out": header("x-amz-checksum-sha256", None),
    "body longer": body(BODY + b"!"),
    "body shorter": body(BODY[:-1]),
    "another body of the same size": body(ANOTHER_BODY),
}
MUTATIONS: Final = {
    "download": DOWNLOAD,
    "upload": UPLOAD,
    "head": HEAD,
    "delete": DELETE,
    "list": LIST,
    "part": PART,
}
CASES: Final = [(operation, name) for operation, those in MUTATIONS.items() for name in those]

# (store, operation, mutation): why the store lets it through. The other store refuses each.
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


def signed(service: Service, operation: str, key: str) -> Sent:
    """A request that works. All that can be signed is signed, so that all can be changed."""
    requests: dict[str, Callable[[], Signed]] = {
        "download": lambda: service.sign(
            "download-urls", key=key, content_type="application/pdf", filename="a.pdf"
        ),
        "upload": lambda: service.sign("upload-urls", key=key, **UPLOADED),
        "head": lambda: service.sign("head-urls", key=key),
        "delete": lambda: service.sign("delete-urls", key=key),
        "list": lambda: service.sign("list-urls", prefix="mutations/", max_keys=2),
        "part": lambda: signed_part(service, key),
    }
    request = requests[operation]()
    content = BODY if operation in {"upload", "part"} else None
    return Sent(request.method, request.url, request.headers, content)


def signed_part(service: Service, key: str) -> Signed:
    reply = service.client.post(
        "/v1/multipart-uploads",
        json={
            "bucket": "objects",
            "key": key,
            "content_length": len(BODY),
            "checksum_algorithm": "SHA256",
            "checksums": {"1": UPLOADED["checksum"]["value"]},
        },
    )
    (part,) = reply.json()["parts"]
    return Signed(part["method"], part["url"], part["headers"], part)


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
    request = Signed(sent.method, sent.url, sent.headers, {})
    return send(request, sent.body)


def content(store: Store, key: str) -> bytes | None:
    """What the store holds under `key`, or None."""
    admin = store.admin_client()
    try:
        read: bytes = admin.get_object(Bucket=store.bucket, Key=key)["Body"].read()
    except admin.exceptions.NoSuchKey:
        return None
    return read


@pytest.mark.parametrize("operation", MUTATIONS)
def test_unchanged_it_is_accepted(
    verifying_service: Service, verifying_store: Store, operation: str, key: str
) -> None:
    prepare(verifying_store, operation, key)
    answer = answer_to(signed(verifying_service, operation, key))
    assert answer.status_code in {200, 204}, answer.text


@pytest.mark.parametrize(("operation", "name"), CASES)
def test_changed_it_is_refused(
    verifying_service: Service, verifying_store: Store, operation: str, name: str, key: str
) -> None:
    prepare(verifying_store, operation, key)
    before = content(verifying_store, key)
    answer = answer_to(MUTATIONS[operation][name](signed(verifying_service, operation, key)))
    refused = answer.status_code in {400, 401, 403}
    if (verifying_store.name, operation, name) in EXCEPTIONS:
        assert not refused, "the store has mended it: take it out of the table"
        return
    assert refused, f"{answer.status_code} {answer.text}"
    assert content(verifying_store, key) == before


def prepare(store: Store, operation: str, key: str) -> None:
    if operation != "upload":
        store.admin_client().put_object(Bucket=store.bucket, Key=key, Body=BODY)


def test_a_path_that_climbs_opens_no_other_object(
    verifying_service: Service, verifying_store: Store, key: str
) -> None:
    other = f"secret-{uuid.uuid4().hex}.txt"
    for name in (key, f"mutations/{other}"):
        prepare(verifying_store, "download", name)
    sent = signed(verifying_service, "download", key)
    answer = answer_to(replace(sent, url=sent.url.replace(key, f"{key}/../{other}")))
    assert answer.status_code == 403
    assert BODY not in answer.content
