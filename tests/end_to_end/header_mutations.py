"""Changes of requests that are signed in their headers, by request and by name."""

import re
from dataclasses import replace
from typing import Final

from tests.end_to_end.mutations import (
    ANOTHER_BODY,
    Mutate,
    Sent,
    added_query,
    body,
    header,
    method,
    url,
)
from tests.support.stores import BODY

__all__ = ["CASES", "EXCEPTIONS", "MUTATIONS", "Sent"]


def authorization(pattern: str, new: str) -> Mutate:
    def mutate(sent: Sent) -> Sent:
        changed, count = re.subn(pattern, new, sent.headers["Authorization"], count=1)
        assert count, pattern
        return replace(sent, headers={**sent.headers, "Authorization": changed})

    return mutate


def only_query(text: str) -> Mutate:
    return lambda sent: replace(sent, url=f"{sent.url}?{text}")


ANY_REQUEST: Final[dict[str, Mutate]] = {
    "signature": authorization("Signature=(?!0000)....", "Signature=0000"),
    "signature left out": header("Authorization", None),
    "key id": authorization("Credential=", "Credential=X"),
    "region": authorization("/eu-west-1/", "/us-east-1/"),
    "signed headers": authorization("host;", "host;x-other;"),
    "host not signed": authorization("host;", ""),
    "date": header("x-amz-date", "20200101T000000Z"),
    "date left out": header("x-amz-date", None),
    "token": header("x-amz-security-token", "another"),
    "token left out": header("x-amz-security-token", None),
    "payload hash": header("x-amz-content-sha256", "0" * 64),
    "unsigned x-amz header": header("x-amz-acl", "public-read"),
}
OF_A_KEY: Final[dict[str, Mutate]] = {
    **ANY_REQUEST,
    "key": url("/wh/", "/other/"),
    "query added": only_query("versionId=null"),
    "subresource": only_query("acl"),
}
MUTATIONS: Final[dict[str, dict[str, Mutate]]] = {
    "get": {
        **OF_A_KEY,
        "method DELETE": method("DELETE"),
        "method HEAD": method("HEAD"),
        "method PUT": lambda sent: replace(sent, method="PUT", body=BODY),
    },
    "put": {
        **OF_A_KEY,
        "method GET": method("GET"),
        "method DELETE": method("DELETE"),
        "type": header("content-type", "text/html"),
        "type left out": header("content-type", None),
        "condition left out": header("if-none-match", None),
        "metadata": header("x-amz-meta-author", "bob"),
        "metadata left out": header("x-amz-meta-author", None),
        "metadata added": header("x-amz-meta-other", "x"),
        "checksum": header("x-amz-checksum-sha256", "A" * 43 + "="),
        "checksum left out": header("x-amz-checksum-sha256", None),
        "copy source added": header("x-amz-copy-source", "presign-objects/other/secret.txt"),
        "another body of the same size": body(ANOTHER_BODY),
        "longer": lambda sent: replace(
            sent,
            body=BODY + b"!",
            headers={**sent.headers, "content-length": str(len(BODY) + 1)},
        ),
    },
    "delete": {**OF_A_KEY, "method GET": method("GET"), "method PUT": method("PUT")},
    "list": {
        **ANY_REQUEST,
        "prefix": url("prefix=wh", "prefix=other"),
        "prefix left out": url("&prefix=wh%2F", ""),
        "page size": url("max-keys=2", "max-keys=9"),
        "delimiter added": added_query("delimiter=%2F"),
        "another question": added_query("policy"),
    },
    "copy": {
        **OF_A_KEY,
        "source": header("x-amz-copy-source", "presign-objects/other/secret.txt"),
        "source left out": header("x-amz-copy-source", None),
        "method DELETE": method("DELETE"),
    },
}
CASES: Final = [(request, name) for request, those in MUTATIONS.items() for name in those]

# (store, request, mutation): what the store accepts although AWS does not.
UNSIGNED: Final = "MiniStack 1.5.33 looks only at the headers that are signed"
ABSENT: Final = "SeaweedFS 4.48 leaves out what is named as signed and absent"
EXCEPTIONS: Final[dict[tuple[str, str, str], str]] = {
    **{
        ("ministack", name, "unsigned x-amz header"): UNSIGNED for name in ("get", "delete", "list")
    },
    ("ministack", "put", "metadata added"): UNSIGNED,
    **{("seaweedfs", name, "signed headers"): ABSENT for name in MUTATIONS},
}
