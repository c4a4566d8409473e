"""A double of CloudFront in front of a store, written from AWS's pages, without the project's code.

…/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-canned-policy.html,
…-custom-policy.html and private-content-setting-signed-cookie-custom-policy.html

It verifies the policy, the end and the signature with public keys. It passes GET and HEAD on to the
bucket, signed as an origin access control does, without the query, unless it `passes_on` parameters.
`tests/end_to_end/test_cloudfront_double.py` checks it against botocore.
"""

import json
import re
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from tests.support.stores import REGION, ROOT_KEY_ID, ROOT_SECRET

PublicKey = RSAPublicKey | EllipticCurvePublicKey
OWN: Final = ("Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm")
_HASHES: Final[Mapping[str, type[SHA1 | SHA256]]] = {"SHA1": SHA1, "SHA256": SHA256}
_HOP: Final = {"connection", "transfer-encoding", "date", "server"}


class Refused(Exception):
    """The code of a refusal."""


@dataclass(kw_only=True)
class Distribution:
    """`keys` are the trusted key group. `now` returns epoch seconds."""

    origin: str
    keys: Mapping[str, PublicKey]
    store_url: str = ""
    bucket: str = ""
    passes_on: tuple[str, ...] = ()
    answer_headers: Mapping[str, str] = field(default_factory=dict)  # its response headers policy
    now: Callable[[], float] = time.time
    served: list[tuple[str, str]] = field(default_factory=list)

    def admit(self, target: str, cookies: Mapping[str, str]) -> str:
        """Return the target without CloudFront's own parameters. Raises Refused."""
        path, _, query = target.partition("?")
        pairs = [part.partition("=") for part in query.split("&")] if query else []
        own = [(name, value) for name, _, value in pairs if name in OWN]
        rest = "&".join("".join(part) for part in pairs if part[0] not in OWN)
        if len(own) != len(dict(own)):
            raise Refused("InvalidQueryParameter")
        resource = f"{self.origin}{path}{'?' if rest else ''}{rest}"
        signed = dict(own) or {
            name: cookies[f"CloudFront-{name}"] for name in OWN if f"CloudFront-{name}" in cookies
        }
        self._verify(resource, signed)
        return f"{path}{'?' if rest else ''}{rest}"

    def _verify(self, resource: str, signed: Mapping[str, str]) -> None:
        if "Key-Pair-Id" not in signed:
            raise Refused("MissingKey")
        if (key := self.keys.get(signed["Key-Pair-Id"])) is None:
            raise Refused("InvalidKey")
        policy = self._policy(resource, signed)
        try:
            chosen = _HASHES[signed.get("Hash-Algorithm", "SHA1")]
            _check(key, _decoded(signed["Signature"]), policy, chosen())
            [statement] = json.loads(policy)["Statement"]
            condition = statement["Condition"]
            end = condition["DateLessThan"]["AWS:EpochTime"]
            begin = condition.get("DateGreaterThan", {"AWS:EpochTime": 0})["AWS:EpochTime"]
        except (InvalidSignature, ValueError, KeyError, TypeError):
            raise Refused("AccessDenied") from None
        if not begin <= self.now() < end or not _matches(statement["Resource"], resource):
            raise Refused("AccessDenied")

    def _policy(self, resource: str, signed: Mapping[str, str]) -> bytes:
        """Return a custom policy as it was sent, or build the canned one."""
        if "Policy" in signed:
            try:
                return _decoded(signed["Policy"])
            except ValueError:
                raise Refused("MalformedPolicy") from None
        if re.fullmatch("[0-9]+", signed.get("Expires", "")) is None:
            raise Refused("MalformedPolicy")
        condition = {"DateLessThan": {"AWS:EpochTime": int(signed["Expires"])}}
        policy = {"Statement": [{"Resource": resource, "Condition": condition}]}
        return json.dumps(policy, separators=(",", ":")).encode()

    def fetch(self, method: str, target: str, headers: Mapping[str, str]) -> Any:
        """Return the store's response, and its body."""
        path, _, query = target.partition("?")
        kept = "&".join(p for p in query.split("&") if p.partition("=")[0] in self.passes_on)
        url = f"{self.store_url}/{self.bucket}{path}{'?' if kept else ''}{kept}"
        request = AWSRequest(method, url, dict(headers))
        S3SigV4Auth(Credentials(ROOT_KEY_ID, ROOT_SECRET), "s3", REGION).add_auth(request)
        connection = HTTPConnection(urlsplit(url).netloc, timeout=30)
        raw = url.removeprefix(f"http://{urlsplit(url).netloc}")
        connection.request(method, raw, headers=dict(request.headers.items()))
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response, body


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, distribution: Distribution, *arguments: Any) -> None:
        self._distribution = distribution
        super().__init__(*arguments)

    def _answer(self) -> None:
        cookies = {name: each.value for name, each in SimpleCookie(self.headers["Cookie"]).items()}
        if self.command not in {"GET", "HEAD"}:
            self._send(403, {}, b"<Error><Code>MethodNotAllowed</Code></Error>")
            return
        try:
            target = self._distribution.admit(self.path, cookies)
        except Refused as refused:
            content = f"<Error><Code>{refused}</Code></Error>".encode()
            self._send(403, {"x-cache": "Error from cloudfront"}, content)
            return
        self._distribution.served.append((self.command, target))
        passed = {"Range": self.headers["Range"]} if self.headers["Range"] else {}
        response, body = self._distribution.fetch(self.command, target, passed)
        kept = {k: v for k, v in response.getheaders() if k.lower() not in _HOP}
        self._send(response.status, {"x-amz-request-id": "double", **kept}, body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 - http.server's names

    def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, **self._distribution.answer_headers}.items():
            if name.lower() != "content-length" or self.command == "HEAD":
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep signed URLs out of the output."""


@contextmanager
def run_distribution(
    keys: Mapping[str, PublicKey], *, store_url: str, bucket: str, **more: Any
) -> Iterator[Distribution]:
    """Run a distribution on loopback, until the block ends."""
    distribution = Distribution(origin="", keys=keys, store_url=store_url, bucket=bucket, **more)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, distribution))
    distribution.origin = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield distribution
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _check(key: PublicKey, signature: bytes, message: bytes, algorithm: SHA1 | SHA256) -> None:
    if isinstance(key, RSAPublicKey):
        key.verify(signature, message, PKCS1v15(), algorithm)
    else:
        key.verify(signature, message, ECDSA(algorithm))


def _matches(pattern: str, resource: str) -> bool:
    """`*` is any text, and `?` any character."""
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch("".join(parts), resource, re.DOTALL) is not None


def _decoded(text: str) -> bytes:
    """Decode CloudFront's own base64. It has none of the usual characters."""
    if set(text) & set("+/="):
        raise ValueError(text)
    return b64decode(text.translate(str.maketrans("-_~", "+=/")), validate=True)
