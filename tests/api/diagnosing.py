"""Two callers that diagnose failed requests. No response contains a secret."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

import httpx

from service.auth.api_keys import digest_of
from tests.support.app import (
    ADDRESS,
    API_KEY,
    SECRET,
    TOKEN,
    make_app_settings,
    make_open_grant,
    run_app,
)

PATH: Final = "/v1/diagnoses"
OTHER: Final = "battery-staple"
MISMATCH: Final[dict[str, Any]] = {
    "response_status": 403,
    "response_body": "<Error><Code>SignatureDoesNotMatch</Code></Error>",
}
FORBIDDEN: Final = "You have no grant for this bucket, key and operation."


class Desk:
    """The app with two callers: one with the given grants, `OTHER` with others."""

    def __init__(self, client: httpx.AsyncClient, audit_trail: list[bytes]) -> None:
        self.client = client
        self.audit_trail = audit_trail

    async def url(self, path: str = "download-urls", **body: Any) -> str:
        answer = await self.client.post(
            f"/v1/{path}", json={"bucket": "demo", "key": "a/b", **body}
        )
        assert answer.status_code == 200, answer.text
        url: str = answer.json()["url"]
        self.audit_trail.clear()
        return url

    async def ask(
        self, url: str, method: str = "GET", key: str = API_KEY, **more: Any
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"}
        body = {"method": method, "url": url, **more}
        answer = await self.client.post(PATH, json=body, headers=headers)
        signature = url.partition("X-Amz-Signature=")[2]
        secrets = [SECRET, TOKEN, quote(TOKEN, safe=""), *([signature] if signature[16:] else [])]
        for secret in secrets:
            for shown in (answer.text, *(line.decode() for line in self.audit_trail)):
                assert secret not in shown
        return answer

    async def codes(
        self, url: str, method: str = "GET", key: str = API_KEY, **more: Any
    ) -> list[str]:
        answer = await self.ask(url, method, key, **more)
        assert answer.status_code == 200, answer.text
        return [finding["code"] for finding in answer.json()["findings"]]

    async def refusal(self, url: str, method: str = "GET", key: str = API_KEY, **more: Any) -> str:
        answer = await self.ask(url, method, key, **more)
        assert answer.status_code == 403, answer.text
        detail: str = answer.json()["detail"]
        return detail

    @property
    def line(self) -> dict[str, Any]:
        [line] = self.audit_trail
        told: dict[str, Any] = json.loads(line)
        return told


def grants(prefix: str = "", *allow: str) -> dict[str, Any]:
    return make_open_grant(prefix=prefix, **({"allow": list(allow)} if allow else {}))


@asynccontextmanager
async def a_desk(*given: dict[str, Any], **more: Any) -> AsyncIterator[Desk]:
    audit_trail: list[bytes] = []
    settings = make_app_settings(*given, **more)
    also = [grants("b/"), grants("a/b")]
    other = {"api_key": "other", "sha256": [digest_of(OTHER)], "grants": also}
    known = [each.model_dump(exclude_none=True) for each in settings.callers]
    data = settings.model_dump(exclude_none=True) | {"callers": [*known, other]}
    inner = replace(ADDRESS, scheme="http", host="inner.example", path_prefix="/closed/")
    elsewhere = replace(ADDRESS, host="closed.s3.example", internal=inner)
    addresses = {"demo": ADDRESS, "closed": elsewhere}
    settings = type(settings).model_validate(data)
    async with run_app(settings, audit=audit_trail.extend, addresses=addresses) as client:
        yield Desk(client, audit_trail)
