"""STS and an issuer of tokens, as far as a measurement needs them: they answer, and check nothing.

A session's token has the length that the role's name ends in.
"""

import json
import re
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from benchmarks.signers import some_credentials

AUDIENCE: Final = "presign"
SUBJECT: Final = "bench"
STORED_BYTES: Final = 1000
_KEY: Final = Ed25519PrivateKey.generate()
_ROLE = re.compile(rb"RoleArn=[A-Za-z0-9%]*role%2Fpresign-(\d+)")
_ANSWER: Final = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleResult><AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:presign</AssumedRoleId>
<Arn>arn:aws:sts::111122223333:assumed-role/presign/presign</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>{key_id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>
<SessionToken>{token}</SessionToken><Expiration>{expiration}</Expiration></Credentials>
</AssumeRoleResult><ResponseMetadata><RequestId>bench</RequestId></ResponseMetadata>
</AssumeRoleResponse>"""


class Issuing(BaseHTTPRequestHandler):
    """POST is STS, GET the issuer's keys, HEAD a store that has each object."""

    protocol_version = "HTTP/1.1"  # the service keeps its connections to a store
    disable_nagle_algorithm = True

    def handle(self) -> None:
        with suppress(ConnectionError):  # a service that has ended
            super().handle()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        role = _ROLE.search(body)
        assert role is not None, "not an AssumeRole of ours"
        credentials = some_credentials(int(role[1]))
        expiration = datetime.now(UTC) + timedelta(hours=1)
        answer = _ANSWER.format(
            key_id=credentials.access_key_id,
            secret=credentials.secret_access_key,
            token=credentials.session_token,
            expiration=expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        self._answer(answer.encode(), "text/xml")

    def do_GET(self) -> None:
        key = OKPAlgorithm.to_jwk(_KEY.public_key(), as_dict=True)
        jwk = {**key, "kid": "bench", "use": "sig", "alg": "EdDSA"}
        self._answer(json_bytes({"keys": [jwk]}), "application/json")

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("content-length", str(STORED_BYTES))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: the table is on standard output."""

    def _answer(self, body: bytes, media_type: str) -> None:
        self.send_response(200)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def json_bytes(value: object) -> bytes:
    return json.dumps(value).encode()


def start() -> ThreadingHTTPServer:
    """Answers until the process ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Issuing)
    Thread(target=server.serve_forever, daemon=True).start()
    return server


def make_token(issuer: str, key_id: str = "bench") -> str:
    """A JWT with the claims of a service account of Kubernetes."""
    now = int(time.time())
    claims = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": SUBJECT,
        "iat": now,
        "exp": now + 3600,
        "kubernetes.io": {"namespace": "billing", "serviceaccount": {"name": "api", "uid": "1"}},
    }
    return jwt.encode(claims, _KEY, algorithm="EdDSA", headers={"kid": key_id})
