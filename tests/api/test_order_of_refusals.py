"""What is wrong with a call first is what refuses it: the list in docs/architecture.md."""

import re
from collections.abc import Iterable
from typing import Any, Final

from service.errors import Overloaded
from tests.docs.documents import text_of
from tests.support.app import API_KEY, app_of, make_app_settings, make_open_grant, run_app

TOO_LONG: Final = b"x" * 70_000
COMMAS: Final = b"," * 60_000
BODY: Final = b'{"bucket": "%s", "key": "%s", "min_expires_in": 7200}'
# Each corrects one mistake, which all requests before it have too.
STEPS: Final[list[tuple[str, dict[str, Any]]]] = [
    ("full", {"path": "/v1/unknown", "key": "nobody", "encoding": "gzip", "body": TOO_LONG}),
    ("unknown path", {}),
    ("no credential", {"path": "/v1/download-urls"}),
    ("encoding", {"key": API_KEY}),
    ("length", {"encoding": "identity"}),
    ("commas", {"body": COMMAS}),
    ("JSON", {"body": b"{"}),
    ("schema", {"body": b"{}"}),
    ("rate", {"body": BODY % (b"secret", b"a/../b")}),
    ("key", {}),
    ("grant", {"body": BODY % (b"secret", b"a")}),
    ("lifetime", {"body": BODY % (b"demo", b"a")}),
    ("audit", {"body": b'{"bucket": "demo", "key": "a"}'}),
]
CODES: Final = [
    *("overloaded", "not_found", "unauthenticated", "unsupported_media_type"),
    *("body_too_large", "body_too_large", "invalid_json", "invalid_request", "rate_limited"),
    *("invalid_request", "forbidden", "lifetime_unavailable", "overloaded"),
]


def no_audit(lines: Iterable[bytes]) -> None:
    if b'"allowed"' in b"".join(lines):
        raise Overloaded("The audit trail cannot be written right now.", retry_after=7)


async def test_the_first_mistake_of_a_call_decides_its_refusal() -> None:
    settings = make_app_settings(make_open_grant(), rate_limit="1/hour")
    free = make_app_settings(make_open_grant())
    found: list[str] = []
    sent: dict[str, Any] = {}
    async with run_app(settings) as limited, run_app(free, audit=no_audit) as other:
        await limited.post("/v1/download-urls", json={"bucket": "demo", "key": "a"})
        for name, change in STEPS:
            sent |= change
            client = other if name in {"key", "grant", "lifetime", "audit"} else limited
            app_of(client).parts.limits.requests._free = 0 if name == "full" else 9
            headers = {"Authorization": f"Bearer {sent['key']}"}
            headers["Content-Encoding"] = sent["encoding"]
            answer = await client.post(sent["path"], content=sent["body"], headers=headers)
            found.append(answer.json()["code"])
    assert found == CODES


def test_the_page_lists_the_refusals_in_this_order() -> None:
    section = text_of("docs/architecture.md").split("## The order of refusals")[1].split("\n## ")[0]
    listed = iter(re.findall(r"`([a-z_]+)`", section))
    assert all(code in listed for code in CODES)
