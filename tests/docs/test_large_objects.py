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
    assert len(documented) == 4
    for row in documented:
        number, unit = row[0].split()
        plan = PartPlan.for_length(int(number) * SIZES[unit])
        assert row[1:] == [f"{plan.part_size // MIB} MiB", f"{plan.part_count:,}"]
    whole, largest = MAX_OBJECT_BYTES / SIZES["TiB"], MAX_PART_BYTES // SIZES["GiB"]
    sentence = (
        f"An object of at most {whole:.1f} TiB has up to {MAX_PARTS:,} parts, "
        f"of {MIN_PART_BYTES // MIB} MiB to {largest} GiB"
    )
    assert sentence in " ".join(section(PAGE, "Sizes").split())


def test_the_problems_of_a_completion_have_their_status() -> None:
    promises = section(PAGE, "What a completion promises")
    after_a_refusal = promises.partition("After a refusal:")[2].partition("\n**It is safe")[0]
    documented = re.findall(r"(\d{3}) `(\w+)`", after_a_refusal)
    assert len(documented) == 8
    for status, code in documented:
        assert Problems().problem(code, "")["status"] == int(status)


def test_full_object_algorithms_are_listed_as_such() -> None:
    [listed] = re.findall(
        r"With ([^.]*) the object's checksum is that of all", section(PAGE, "Checksums")
    )
    assert set(re.findall(r"`(\w+)`", listed)) == FULL_OBJECT_ALGORITHMS
