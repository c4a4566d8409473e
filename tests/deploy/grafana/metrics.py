"""The metrics, with their labels, of an app that has done everything it counts."""

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx

from service.app.settings import Settings
from service.s3 import client as calls
from service.sessions.session import Session
from tests.deploy.grafana import promql
from tests.protocols.arrivals.factories import SECRET
from tests.support.app import (
    FixedSource,
    app_of,
    make_app_settings,
    make_fixed_sources,
    make_open_grant,
    run_app,
)
from tests.support.scrapes import GET, Samples, samples
from tests.telemetry.test_metrics_labels import allowed

ROOT: Final = Path(__file__).parents[3]
GRAFANA: Final = ROOT / "deploy" / "grafana"
HOOK: Final = {
    "bucket": "demo",
    "prefix": "",
    "url": "https://hooks.example/",
    "secret": SECRET,
}
OF_THE_TARGET: Final = {"namespace", "job", "instance"}  # Prometheus adds them to each series
_OUTCOMES: Final = {
    "presign_session_refreshes": {"ok", "failed", "throttled", "lasting"},
    "presign_issuer_key_fetches": {"ok", "failed"},
    "presign_config_reload": {"ok", "failed"},
    "presign_arrivals": {"delivered", "failed"},
    "presign_store_call_seconds": {"ok", "refused", "unavailable", "overloaded", "cancelled"},
}


@dataclass(frozen=True, slots=True)
class Scraped:
    labels: Mapping[str, set[str]]  # by the name of the scraped series
    kinds: Mapping[str, str]  # of each metric
    values: Mapping[str, set[str]]  # possible values of a label, for any metric


class Full(FixedSource):
    """Sessions with a packed policy size."""

    async def fetch(self, owner: Any, policy: str | None, **more: Any) -> Session:
        return replace(await super().fetch(owner, policy, **more), packed_policy_percent=40)


def _settings() -> Settings:
    """Settings with a hook, and with an issuer and a rate-limit store that do not answer."""
    issuer = {"issuer": "https://cluster.example", "audience": "presign"}
    return make_app_settings(
        make_open_grant(),
        rate_limit="1000/minute",
        server={"rate_limit_url": "redis://127.0.0.1:1/0"},
        issuers={"cluster-a": {**issuer, "jwks_url": "http://127.0.0.1:1/keys"}},
        uppy={"bucket": "demo", "prefix": "up/{caller}/"},
        arrivals={"hooks": {"billing": HOOK}},
    )


@cache
def scraped() -> Scraped:
    return asyncio.run(_scraped())


async def _scraped() -> Scraped:
    async with run_app(_settings(), open_sources=make_fixed_sources(source=Full)) as client:
        await _everything(client)
        found = await _until_all_have_series(client)
        text = (await client.get("/metrics")).text
        known = allowed(app_of(client))
    labels: dict[str, set[str]] = {}
    for name, pairs in found:
        labels.setdefault(name, set()).update(label for label, _ in pairs)
    return Scraped(labels, _kinds(text), known | {"action": _actions()})


def _kinds(text: str) -> dict[str, str]:
    return dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))


async def _everything(client: httpx.AsyncClient) -> None:
    for path, body in (
        ("download-urls", {**GET, "expires_in": 7200}),  # more than its session has
        ("download-urls", {**GET, "bucket": "closed"}),
        ("download-urls/batch", {"items": [GET]}),
        ("object-checks", GET),
        ("diagnoses", {"method": "GET", "url": "https://demo.s3.example/a"}),
    ):
        await client.post(f"/v1/{path}", json=body)


async def _until_all_have_series(client: httpx.AsyncClient) -> Samples:
    async with asyncio.timeout(60):
        while True:
            found = await samples(client)
            # A histogram has no series of its own name, but one with its count.
            names = {name.removesuffix("_count") for name, _ in found}
            if _kinds((await client.get("/metrics")).text).keys() <= names:
                return found
            await asyncio.sleep(0.05)


def family(name: str) -> str:
    return re.sub(r"_(total|bucket|count|sum)$", "", name)


def metrics_of(expressions: Iterable[str]) -> set[str]:
    """Return the metrics whose series these PromQL expressions use."""
    return {family(each.name) for text in expressions for each in promql.read(text).selectors}


def _actions() -> set[str]:
    return {name for name, each in vars(calls).items() if isinstance(each, type)}


def problems(text: str) -> list[str]:
    """Return the names and labels in an expression that the service does not have."""
    expression, there = promql.read(text), scraped()
    found, known = list[str](), set(OF_THE_TARGET)
    for selector in expression.selectors:
        if selector.name in there.labels:
            known |= there.labels[selector.name]
            found += _strange(selector)
        else:
            found.append(f"there is no {selector.name}")
    return found + [f"nothing has the label {label}" for label in expression.grouped - known]


def _strange(selector: promql.Selector) -> Iterator[str]:
    there, outcomes = scraped(), _OUTCOMES.get(family(selector.name), set())
    for label, patterns in selector.matched.items():
        if label not in there.labels[selector.name] | OF_THE_TARGET:
            yield f"{selector.name} has no label {label}"
            continue
        values = outcomes if label == "outcome" else there.values.get(label, set())
        for pattern in patterns:
            is_variable = pattern.startswith(("$", r"\$"))
            if not is_variable and not any(re.fullmatch(pattern, value) for value in values):
                yield f"{selector.name} never has {label}={pattern!r}"
