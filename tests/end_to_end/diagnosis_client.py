"""Signs requests, sends them to a real store, and asks for diagnoses."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tests.support.service import RunningService, SignedRequest, send
from tests.support.stores import BODY, Store

TYPE: Final = "text/plain"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it was sent, and the store's answer."""

    method: str
    url: str
    headers: Mapping[str, str]
    answer: httpx.Response

    @property
    def reported(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "url": self.url,
            "headers": dict(self.headers),
            "response_status": self.answer.status_code,
            "response_body": self.answer.text,
        }


@dataclass(frozen=True, kw_only=True)
class DiagnosisClient:
    """Signs requests, sends them, and asks for diagnoses."""

    store: Store
    service: RunningService
    key: str = field(default_factory=lambda: f"diagnoses/{uuid.uuid4().hex} ü.txt")

    def get(self, **more: Any) -> SignedRequest:
        self.store.put(self.key)
        return self.service.sign("download-urls", key=self.key, **more)

    def put(self, **more: Any) -> SignedRequest:
        signed = {"content_type": TYPE, "metadata": {"author": "Ann"}, **more}
        return self.service.sign("upload-urls", key=self.key, content_length=len(BODY), **signed)

    def part(self) -> SignedRequest:
        return self.service.first_part(self.key, content_length=len(BODY))

    def send(
        self,
        signed: SignedRequest,
        body: bytes | None = None,
        *,
        method: str | None = None,
        url: str | None = None,
        **headers: str | None,
    ) -> Sent:
        """Send the signed request with the given changes; a header that is None is removed."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {**signed.headers, **named}
        sent = {name: value for name, value in kept.items() if value is not None}
        method, url = method or signed.method, url or signed.url
        answer = send(SignedRequest(method, url, sent, {}), body)
        reported = sent if body is None else {"content-length": str(len(body)), **sent}
        return Sent(method, url, reported, answer)

    def diagnosed(self, sent: Sent, **changes: Any) -> list[dict[str, Any]]:
        reply = self.service.client.post("/v1/diagnoses", json={**sent.reported, **changes})
        assert reply.status_code == 200, reply.text
        query = "(?i)x-amz-(?:signature|security-token)(?:=|%3d)([^&]{16,})"
        for secret in (*re.findall(query, sent.url), self.store.secret_access_key):
            assert secret not in reply.text
        findings: list[dict[str, Any]] = reply.json()["findings"]
        return findings


def edited(signed: SignedRequest, old: str, new: str) -> str:
    assert old in signed.url, old
    return signed.url.replace(old, new, 1)


def codes(findings: list[dict[str, Any]]) -> list[str]:
    return [str(finding["code"]) for finding in findings]
