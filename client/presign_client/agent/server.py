"""The agent's HTTP server: `GET /` for AWS SDKs, and nothing for web pages and other users."""

import hmac
import json
import socket
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from socketserver import ThreadingTCPServer
from typing import Any
from urllib.parse import urlsplit

from presign_client.agent.cache import CredentialCache
from presign_client.errors import PresignError
from presign_client.results import Credentials

# Where SDKs accept plain HTTP, in addition to loopback: the addresses of ECS and EKS.
LINK_LOCAL = frozenset({"169.254.170.2", "169.254.170.23", "fd00:ec2::23"})

# A script or an image of a page is requested without `Origin`.
OF_BROWSERS = ("origin", "sec-fetch-site")


def may_listen_on(host: str) -> bool:
    """Return whether SDKs accept an IP address without TLS."""
    try:
        return host in LINK_LOCAL or ip_address(host).is_loopback
    except ValueError:
        return False


class Agent(ThreadingTCPServer):
    """Listens once it is made. `secret` is the `Authorization` that requests must have, or None."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, host: str, port: int, cache: CredentialCache, secret: str | None) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.host, self.cache, self.secret = host, cache, secret
        super().__init__((host, port), Handler)

    @property
    def url(self) -> str:
        """Return the value of `AWS_CONTAINER_CREDENTIALS_FULL_URI`."""
        port = self.server_address[1]
        return (
            f"http://[{self.host}]:{port}/" if ":" in self.host else f"http://{self.host}:{port}/"
        )


class Handler(BaseHTTPRequestHandler):
    """Answers one request. A refusal is JSON with `code` and `message`, as SDKs expect."""

    server: Agent
    timeout = 5  # seconds, for a request's head
    server_version = "presign-agent"
    sys_version = ""

    def do_GET(self) -> None:
        refused = self._refusal()
        if refused is not None:
            self._answer(*refused)
            return
        try:
            found = self.server.cache.get()
        except Exception as error:  # noqa: BLE001 - one of the calls, or of the token's file
            self._answer(*_failure(error))
        else:
            self._answer(200, _document(found))

    def _refusal(self) -> tuple[int, Mapping[str, str]] | None:
        if any(name in self.headers for name in OF_BROWSERS) or not self._is_for_this_host():
            # A page may reach this address by a name of its own: DNS rebinding.
            return 403, _problem("forbidden", "The agent does not answer web pages.")
        if self.path != "/":
            return 404, _problem("not_found", "The credentials are at /.")
        secret, sent = self.server.secret, self.headers.get("authorization", "")
        if secret is not None and not hmac.compare_digest(secret.encode(), sent.encode()):
            return 401, _problem("unauthenticated", "Set AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE.")
        return None

    def _is_for_this_host(self) -> bool:
        try:
            host = urlsplit(f"//{self.headers.get('host', '')}").hostname or ""
        except ValueError:
            return False
        return host == "localhost" or may_listen_on(host)

    def _answer(self, status: int, document: Mapping[str, str]) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.send_header("cache-control", "no-store")
        if status == 503:
            self.send_header("retry-after", "1")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Write nothing: SDKs ask often."""


def _failure(error: Exception) -> tuple[int, Mapping[str, str]]:
    if isinstance(error, PresignError):
        return error.status if 400 <= error.status < 500 else 503, _problem(
            error.code, error.detail
        )
    return 503, _problem("invalid_token", "The token of the agent cannot be read.")


def _problem(code: str, message: str) -> Mapping[str, str]:
    return {"code": code, "message": message}


def _document(found: Credentials) -> Mapping[str, str]:
    return {
        "AccessKeyId": found.access_key_id,
        "SecretAccessKey": found.secret_access_key,
        "Token": found.session_token,
        "Expiration": f"{found.expires_at:%Y-%m-%dT%H:%M:%SZ}",
    }
