"""docs/large-objects.md: what is not run as a command matches the code."""

import json
import re
from typing import Any, Final

from service.api.multipart_schemas import PartUrlsRequest
from service.api.problems import Problems
from service.api.routes.multipart import part_selection
from service.multipart.part_plan import PartPlan
from service.signing.multipart_actions import (
    FULL_OBJECT_ALGORITHMS,
    MAX_OBJECT_BYTES,
    MAX_PART_BYTES,
    MAX_PARTS,
    MIN_PART_BYTES,
)
from tests.docs.documents import blocks, section, table

PAGE: Final = "docs/large-objects.md"
MIB: Final = 1024**2
SIZES: Final = {"MiB": MIB, "GiB": 1024**3, "TiB": 1024**4}


def shown(words: str) -> Any:
    """Return the JSON block with these words."""
    [text] = [
        block.text for block in blocks(PAGE) if block.language == "json" and words in block.text
    ]
    return json.loads(text)


def test_the_service_accepts_the_window_with_a_checksum() -> None:
    body = PartUrlsRequest.model_validate(shown("checksum_algorithm"), strict=True)
    [action] = part_selection("id", body).actions()
    assert action.part_number == 3
    assert action.checksum is not None


def test_the_sizes_on_the_page_match_the_plan() -> None:
    rows = table(section(PAGE, "Sizes"))
    documented = [row for row in rows if re.fullmatch(r"\d+ [MGT]iB", row[0])]
    assert len(documented) == 6
    for row in documented:
        number, unit = row[0].split()
        plan = PartPlan.for_length(int(number) * SIZES[unit])
        assert row[1:] == [f"{plan.part_size // MIB} MiB", f"{plan.part_count:,}"]
    limits = dict(row for row in rows if len(row) == 2)
    smallest, largest = MIN_PART_BYTES // MIB, MAX_PART_BYTES // SIZES["GiB"]
    assert limits["a part"].startswith(f"{smallest} MiB to {largest} GiB;")
    assert limits["parts"] == f"1 to {MAX_PARTS:,}"
    assert limits["an object"] == f"1 byte to {MAX_OBJECT_BYTES / SIZES['TiB']:.1f} TiB"


def test_the_problems_of_a_completion_have_their_status() -> None:
    promises = section(PAGE, "What a completion promises")
    documented = re.findall(r"^\| (\d{3}) `(\w+)`", promises, re.MULTILINE)
    assert len(documented) == 8
    for status, code in documented:
        assert Problems().problem(code, "")["status"] == int(status)


def test_full_object_algorithms_are_listed_as_such() -> None:
    rows = table(section(PAGE, "Checksums"))
    [of_the_whole] = [row for row in rows if "of all its bytes" in row[-1]]
    assert set(re.findall(r"`(\w+)`", of_the_whole[0])) == FULL_OBJECT_ALGORITHMS
