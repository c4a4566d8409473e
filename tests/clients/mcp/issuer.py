"""A small issuer: RFC 8414 metadata, dynamic registration, PKCE, and tokens for a resource."""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from threading import Thread
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.auth.mint import ed_key, jwk, jwks, make_token
from tests.support.http_servers import Handler

PERSON: Final = "ada@acme.com"  # who has signed in, and consents to all


@dataclass
class Issued:
    """What was asked of the issuer at `url`: resources, and who was registered."""

    url: str = ""
    resources: list[str] = field(default_factory=list)
    redirects: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    issued: Issued


class _Handler(Handler):
    server: _Server

    def do_GET(self) -> None:  # noqa: N802 - its name there
        url, issuer = urlsplit(self.path), self.server.issued.url
        query = {name: each[0] for name, each in parse_qs(url.query).items()}
        match url.path:
            case "/.well-known/oauth-authorization-server":
                self._json(
                    {
                        "issuer": issuer,
                        "authorization_endpoint": f"{issuer}/authorize",
                        "token_endpoint": f"{issuer}/token",
                        "registration_endpoint": f"{issuer}/register",
                        "response_types_supported": ["code"],
                        "grant_types_supported": ["authorization_code"],
                        "code_challenge_methods_supported": ["S256"],
                        "token_endpoint_auth_methods_supported": ["none"],
                    }
                )
            case "/keys":
                self.answer(200, jwks(jwk(ed_key())), {"content-type": "application/json"})
            case "/authorize":
                self._authorize(query)
            case _:
                self.answer(404)

    def do_POST(self) -> None:  # noqa: N802 - its name there
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/register":
            asked = json.loads(body)
            self.server.issued.redirects += asked["redirect_uris"]
            self._json({**asked, "client_id": "client-1"}, 201)
        else:
            self._token({name: each[0] for name, each in parse_qs(body.decode()).items()})

    def _authorize(self, query: dict[str, str]) -> None:
        code = secrets.token_urlsafe(16)
        self.server.issued.codes[code] = query
        back = {"code": code, "iss": self.server.issued.url}
        if "state" in query:
            back["state"] = query["state"]
        self.answer(302, headers={"location": f"{query['redirect_uri']}?{urlencode(back)}"})

    def _token(self, sent: dict[str, str]) -> None:
        asked = self.server.issued.codes.pop(sent["code"])
        digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if challenge != asked["code_challenge"] or sent["resource"] != asked["resource"]:
            self._json({"error": "invalid_grant"}, 400)
            return
        self.server.issued.resources.append(sent["resource"])
        token = make_token(iss=self.server.issued.url, sub=PERSON, aud=sent["resource"])
        self._json({"access_token": token, "token_type": "Bearer", "expires_in": 3000})

    def _json(self, members: dict[str, Any], status: int = 200) -> None:
        headers = {"content-type": "application/json", "cache-control": "no-store"}
        self.answer(status, json.dumps(members).encode(), headers)


@contextmanager
def issuing() -> Iterator[Issued]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.issued = Issued(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.issued
        finally:
            server.shutdown()
            thread.join()
