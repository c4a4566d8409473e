"""docs/large-objects.md: its examples are valid requests, and its numbers match the code."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types
from pydantic import BaseModel

from service.api import problems
from service.api.routes.multipart import completion_request, new_upload, part_window
from service.api.routes.objects import object_check
from service.api.schemas import (
    CompleteUploadRequest,
    MultipartUploadRequest,
    ObjectCheckRequest,
    PartUrlsRequest,
)
from service.multipart.completion import COMPLETE_SECONDS
from service.multipart.part_plan import PartPlan
from service.multipart.requests import DEFAULT_PARTS_PER_REQUEST, MAX_PARTS_PER_REQUEST
from service.operations.abandoned_uploads import (
    MAX_LISTED,
    SweepResult,
    UploadWithAge,
    age_of,
    line,
    parse_duration,
    summary,
)
from service.s3.client import (
    ATTEMPTS,
    CALL_SECONDS,
    CALLS,
    CALLS_A_BUCKET,
    COMPLETIONS,
    COMPLETIONS_A_BUCKET,
    SLOT_WAIT_SECONDS,
)
from service.s3.queries import LIST_SECONDS
from service.s3.xml import OpenUpload
from service.signing.multipart_actions import (
    FULL_OBJECT_ALGORITHMS,
    MAX_OBJECT_BYTES,
    MAX_PART_BYTES,
    MAX_PARTS,
    MIN_PART_BYTES,
)
from tests.contract.reading import without_unknown_fields

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "large-objects.md").read_text(encoding="utf-8")
PROSE: Final = " ".join(PAGE.split())
MIB: Final = 1024**2
ANSWERS: Final = [
    *("MultipartUpload", "PresignedParts", "UploadedParts", "CompletedUpload", "ObjectCheck")
]
SIZES: Final = {"MiB": MIB, "GiB": 1024**3, "TiB": 1024**4}


def section(heading: str) -> str:
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def rows(heading: str) -> list[list[str]]:
    """Return the cells of all tables below a heading."""
    lines = [each for each in section(heading).splitlines() if each.startswith("| ")]
    return [[cell.strip() for cell in each.strip("|").split(" | ")] for each in lines]


def sent(path: str) -> dict[str, Any]:
    """Return the body that the example posts to this path."""
    [command] = [
        each for each in blocks("sh") if re.search(rf"{path}[\" ]", each) and "-d '" in each
    ]
    body: dict[str, Any] = json.loads(command.partition("-d '")[2].rpartition("'")[0])
    return body


@pytest.mark.parametrize(
    ("path", "model", "understand", "part"),
    [
        ("/v1/multipart-uploads", MultipartUploadRequest, new_upload, "plan"),
        ("/part-urls", PartUrlsRequest, lambda body: part_window("id", body), "plan"),
        ("/complete", CompleteUploadRequest, lambda body: completion_request("id", body), "parts"),
        ("/v1/object-checks", ObjectCheckRequest, object_check, "content_type"),
    ],
)
def test_the_service_accepts_the_bodies_on_the_page(
    path: str, model: type[BaseModel], understand: Any, part: str
) -> None:
    body = sent(path)
    assert getattr(understand(model.model_validate(body, strict=True)), part)
    assert (body["bucket"], body["key"]) == ("demo", "videos/keynote.mp4")
    assert body["content_length"] == 20_000_000


def test_the_service_accepts_the_window_with_a_checksum() -> None:
    [body] = [json.loads(each) for each in blocks("json") if "checksum_algorithm" in each]
    window = part_window("id", PartUrlsRequest.model_validate(body, strict=True))
    assert [action.part_number for action in window.actions()] == [3]
    assert window.actions()[0].checksum is not None


def test_the_answers_on_the_page_match_the_document() -> None:
    answers = [json.loads(each) for each in blocks("json")[:5]]
    document = yaml.safe_load((ROOT / "openapi.yaml").read_text(encoding="utf-8"))
    components = without_unknown_fields(document)["components"]
    for name, answer in zip(ANSWERS, answers, strict=True):
        schema = {"$ref": f"#/components/schemas/{name}", "components": components}
        assert list(Draft202012Validator(schema).iter_errors(answer)) == []
    plan = PartPlan.of(20_000_000)
    assert (plan.part_size, plan.part_count) == (answers[0]["part_size"], answers[0]["part_count"])
    for part in answers[0]["parts"] + answers[1]["parts"] + answers[2]["parts"]:
        assert part["content_length"] == plan.length(part["part_number"])


def test_the_sizes_on_the_page_match_the_plan() -> None:
    documented = [row for row in rows("Sizes") if re.fullmatch(r"\d+ [MGT]iB", row[0])]
    assert len(documented) == 6
    for row in documented:
        number, unit = row[0].split()
        plan = PartPlan.of(int(number) * SIZES[unit])
        assert row[1:] == [f"{plan.part_size // MIB} MiB", f"{plan.part_count:,}"]
    limits = dict(row for row in rows("Sizes") if len(row) == 2)
    smallest, largest = MIN_PART_BYTES // MIB, MAX_PART_BYTES // SIZES["GiB"]
    assert limits["a part"].startswith(f"{smallest} MiB to {largest} GiB;")
    assert limits["parts"] == f"1 to {MAX_PARTS:,}"
    assert limits["an object"] == f"1 byte to {MAX_OBJECT_BYTES / SIZES['TiB']:.1f} TiB"


def test_the_numbers_on_the_page_match_the_code() -> None:
    assert f"the first {DEFAULT_PARTS_PER_REQUEST} parts at most" in PROSE
    assert f"up to {MAX_PARTS_PER_REQUEST} at a time" in PROSE
    assert f"no answer within {COMPLETE_SECONDS:g} s" in PROSE
    assert f"up to {LIST_SECONDS:g} s to list the parts, and {COMPLETE_SECONDS:g} s to" in PROSE
    documented = dict(rows("Calls to the store")[2:])
    assert documented["time"].startswith(
        f"{CALL_SECONDS:g} s with all retries; all pages of a list {LIST_SECONDS:g} s; "
        f"a completion {COMPLETE_SECONDS:g} s."
    )
    assert documented["attempts"].startswith(f"{ATTEMPTS}, ")
    assert documented["in progress"].startswith(
        f"{CALLS}; per bucket, {CALLS_A_BUCKET} and {COMPLETIONS_A_BUCKET} completions; {COMPLETIONS} completions in "
        f"all. A call waits {SLOT_WAIT_SECONDS:g} s "
    )
    assert f"At most {MAX_LISTED:,} uploads of a bucket" in PROSE


def test_the_problems_of_a_completion_have_their_status() -> None:
    documented = re.findall(
        r"^\| (\d{3}) `(\w+)`", section("What a completion promises"), re.MULTILINE
    )
    assert len(documented) == 8
    for status, code in documented:
        assert problems.problem(code, "")["status"] == int(status)


def test_full_object_algorithms_are_listed_as_such() -> None:
    [of_the_whole] = [row for row in rows("Checksums") if "of all its bytes" in row[-1]]
    assert set(re.findall(r"`(\w+)`", of_the_whole[0])) == FULL_OBJECT_ALGORITHMS


def test_the_output_on_the_page_is_what_the_command_prints() -> None:
    listed, counted = blocks("text")[0].splitlines()
    bucket, key, upload_id, initiated, _ = listed.split("\t")
    upload = OpenUpload(key=key, upload_id=upload_id, initiated=initiated)
    now = datetime.fromisoformat("2026-11-24T20:00:00Z").timestamp()
    assert line(bucket, UploadWithAge(upload, age_of(initiated, now))) == listed
    week = parse_duration("7d")
    assert summary([SweepResult(found=1, aborted=1)], older_than=week, abort=True) == counted


def test_a_page_in_a_browser_may_read_the_etag() -> None:
    [cors] = [json.loads(each) for each in blocks("json") if "CORSRules" in each]
    [rule] = cors["CORSRules"]
    assert (rule["AllowedMethods"], rule["ExposeHeaders"]) == (["PUT"], ["ETag"])
