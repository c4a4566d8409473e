"""No caller chooses the value of a label, so that no caller can create many series."""

import asyncio
from typing import Any, Final

from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.access.grants import Operation
from service.api.problems import _KINDS
from service.auth.api_keys import digest_of
from service.diagnosis.findings import Code
from tests.api.every_call import flat
from tests.support.app import API_KEY, app_of, make_app_settings, make_open_grant, run_app
from tests.support.scrapes import GET, Samples, samples

ROUTES: Final = [
    "/v1/download-urls",
    "/v1/upload-urls/batch",
    "/v1/upload-forms",
    "/v1/caller",
    "/livez",
]
chosen = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?#%\\"), min_size=1
)
words = st.text(min_size=1, max_size=20) | st.sampled_from(["demo", "closed", "a\nb", 'x"} 1\n'])
requests = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "POST", "PUT", "PURGE", "X-1"])
        | st.from_regex(r"[A-Z]{1,9}", fullmatch=True),
        "path": st.sampled_from(ROUTES)
        | chosen.map(lambda text: f"/{text.lstrip('/')}")
        | st.tuples(st.sampled_from(ROUTES), chosen).map("/".join),
        "json": st.fixed_dictionaries({"bucket": words, "key": words})
        | st.just(GET)
        | st.fixed_dictionaries({"items": st.just([GET])}),
        "request_id": st.from_regex(r"[A-Za-z0-9._-]{1,128}", fullmatch=True) | chosen,
        "key": st.sampled_from([API_KEY, "wrong"]),
    }
)


def allowed(app: FastAPI) -> dict[str, set[str]]:
    """All values that each label can have."""
    routes = {route.path for route in flat(app.routes)}
    return {
        "route": routes | {"none"},
        "method": {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"},
        "status": {str(status) for status, _ in _KINDS.values()} | {"200", "499"},
        "operation": set(Operation),
        "bucket": {"demo", "closed"},
        "caller": {"tester"},
        "digest": {digest_of(API_KEY)[:8]},
        "code": set(_KINDS),
        "by": {"grant", "session"},
        "finding": {*Code, "none"},
        "outcome": {"ok", "failed", "throttled", "lasting"},
    }


@given(sent=st.lists(requests, min_size=1, max_size=25))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_label_has_a_value_that_a_caller_chose(sent: list[dict[str, Any]]) -> None:
    async def main() -> tuple[Samples, dict[str, set[str]]]:
        async with run_app(make_app_settings(make_open_grant())) as client:
            for each in sent:
                headers = {
                    "Authorization": f"Bearer {each['key']}",
                    "X-Request-ID": each["request_id"],
                    "traceparent": each["request_id"],
                }
                await client.request(
                    each["method"], each["path"], json=each["json"], headers=headers
                )
            return await samples(client), allowed(app_of(client))

    scraped, known = asyncio.run(main())
    labels = {label for _, labels in scraped for label in labels if label[0] != "le"}
    assert {(name, text) for name, text in labels if text not in known[name]} == set()


async def test_many_different_requests_create_no_further_series() -> None:
    counts = list[int]()
    async with run_app(make_app_settings(make_open_grant())) as client:
        for number in range(250):
            await client.post(f"/v1/{number}", json=GET)
            await client.get(f"/v1/download-urls/{number}")
            await client.post("/v1/download-urls", json={**GET, "key": f"{number}"})
            await client.post("/v1/download-urls", json={**GET, "bucket": f"{number}"})
            counts.append(len(await samples(client)))
    # The first scrape is counted in the second one: twelve buckets, +Inf, sum and count.
    assert counts[-1] == counts[0] + 15
