"""Requests that clients of S3 build themselves, to have them signed: one of each kind."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import quote
from xml.sax.saxutils import escape

from tests.iam.s3_requests import BUCKET, HOST, KMS_KEY, Sent

_ENCRYPTION: Final = {
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": KMS_KEY,
}
_SIZE: Final = {"content-length": "1"}
_SOURCE: Final = "x-amz-copy-source"
_CREATE_ONLY: Final = {"if-none-match": "*"}
_MORE: Final[list[Mapping[str, str]]] = [{}, _CREATE_ONLY, {"x-amz-tagging": "team=x"}]


def remote_requests(key: str, source: str) -> Iterator[Sent]:
    """Yield requests for `key`, and copies of `source` to it."""
    copied = f"{BUCKET}/{quote(source)}"
    for version in ("", "?versionId=v1"):
        for method in ("GET", "HEAD", "DELETE"):
            yield _sent(method, key, version)
    yield _sent("GET", "", f"?list-type=2&prefix={quote(key, safe='')}")
    for more in _MORE:
        yield _sent("PUT", key, "", {**_ENCRYPTION, **_SIZE, **more})
        yield _copy(key, {**_ENCRYPTION, _SOURCE: copied, **more})
        yield _sent("POST", key, "?uploads", {**_ENCRYPTION, **(more if more in _TAGGED else {})})
    for named in (f"/{copied}", f"{copied}?versionId=v1"):
        yield _copy(key, {**_ENCRYPTION, _SOURCE: named})
    yield from _parts(key, copied)
    body = f"<Delete><Object><Key>{escape(key)}</Key></Object></Delete>"
    yield _sent("POST", "", "?delete", body=body)


_TAGGED: Final = _MORE[2:]


def _parts(key: str, copied: str) -> Iterator[Sent]:
    yield _sent("PUT", key, "?partNumber=1&uploadId=u", _SIZE)
    yield _sent("PUT", key, "?partNumber=1&uploadId=u", {_SOURCE: copied})
    yield _sent("POST", key, "?uploadId=u")
    yield _sent("POST", key, "?uploadId=u", _CREATE_ONLY)
    yield _sent("GET", key, "?uploadId=u")
    yield _sent("DELETE", key, "?uploadId=u")


def _copy(key: str, headers: Mapping[str, str]) -> Sent:
    return replace(_sent("PUT", key, "", headers), of_tagged=True)


def _sent(
    method: str, key: str, query: str, headers: Mapping[str, str] | None = None, body: str = ""
) -> Sent:
    url = f"https://{HOST}/{quote(key)}{query}"
    return Sent(method=method, url=url, headers=headers or {}, body=body.encode())
