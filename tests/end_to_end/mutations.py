"""Changes of signed requests, by operation and by name."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from tests.support.stores import BODY, BUCKET

ANOTHER_BODY: Final = b"HELLO, STORE"
SECRET_KEY: Final = "secret/of-another-caller.txt"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request to be sent."""

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
    """Change or add a value; None removes it."""

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
COPY_SOURCE: Final = {"copy source added": header("x-amz-copy-source", f"/{BUCKET}/{SECRET_KEY}")}
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
    **COPY_SOURCE,
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
    **COPY_SOURCE,
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
    "bare upload": COPY_SOURCE,  # without a checksum, which a copied object would not match
    "head": HEAD,
    "delete": DELETE,
    "list": LIST,
    "part": PART,
}
CASES: Final = [(operation, name) for operation, those in MUTATIONS.items() for name in those]
