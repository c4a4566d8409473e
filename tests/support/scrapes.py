"""Scrapes of the app, parsed."""

from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

GET: Final = {"bucket": "demo", "key": "a"}
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def samples(client: httpx.AsyncClient) -> Samples:
    return read((await client.get("/metrics", headers={"Authorization": ""})).text)


def read(text: str) -> Samples:
    """Return each series of a scrape. The parser raises an error for an invalid format."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(scraped: Samples, name: str, **labels: str) -> float:
    """Return the value of a series, or 0 if it does not exist."""
    return scraped.get((f"presign_{name}", frozenset(labels.items())), 0.0)
