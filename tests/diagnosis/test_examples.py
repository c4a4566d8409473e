"""Each finding code has an example, and docs/troubleshooting.md shows them all."""

import re
from pathlib import Path
from typing import Final

import pytest

from service.diagnosis.findings import Code
from service.signing.actions import (
    Checksum,
    DeleteObject,
    Encryption,
    GetObject,
    HeadObject,
    ListObjects,
    PutObject,
)
from service.signing.multipart_actions import UploadPart
from service.signing.signer import Signable
from tests.diagnosis.examples import EXAMPLES, SECTIONS, tables
from tests.diagnosis.reports import (
    FORM,
    OFFLINE,
    SECRET,
    TOKEN,
    diagnosed,
    report,
    signed,
    with_response,
)

PAGE: Final = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text("utf-8")
WORKING: Final[dict[str, tuple[Signable, str]]] = {
    "download": (GetObject(), "a/b.txt"),
    "download under a name": (
        GetObject(content_disposition='attachment; filename="a b.txt"', version_id="v+/="),
        "ü/a+b c%2F.txt",
    ),
    "head": (HeadObject(), "a"),
    "delete": (DeleteObject(), "a//b"),
    "list": (ListObjects(prefix="a b/", delimiter="/"), ""),
    "upload": (
        PutObject(
            content_length=5,
            content_type="text/plain; charset=utf-8",
            metadata=(("author", "Ann Lee"),),
            tags=(("team", "a b"),),
            checksum=Checksum(algorithm="CRC32", value="AAAAAA=="),
            encryption=Encryption(algorithm="aws:kms", kms_key_id="k"),
        ),
        "~/*'().txt",
    ),
    "part": (UploadPart(upload_id="u/+", part_number=7, content_length=5), "a"),
}


@pytest.mark.parametrize("code", EXAMPLES)
def test_an_examples_finding_comes_first(code: Code) -> None:
    assert EXAMPLES[code].findings()[0].code is code


def test_every_code_has_one_example() -> None:
    assert sorted(code for section in SECTIONS.values() for code in section) == sorted(Code)


def test_nearly_all_examples_are_proven() -> None:
    unproven = {code for code, each in EXAMPLES.items() if not each.findings()[0].proven}
    assert unproven == {Code.STORE_REFUSED}


def test_the_page_has_exactly_the_printed_tables() -> None:
    findings = PAGE.partition("\n## Findings\n")[2].partition("\n## ")[0]
    assert re.findall(r"^(?:### |\|).*$", findings, re.MULTILINE) == [*filter(None, tables())]


@pytest.mark.parametrize("code", EXAMPLES)
def test_no_example_shows_a_secret(code: Code) -> None:
    for finding in EXAMPLES[code].findings():
        said = finding.summary + finding.fix
        for secret in (SECRET, TOKEN, EXAMPLES[code].reported.url, "sentinel", "Bearer"):
            assert secret not in said


@pytest.mark.parametrize("answer", [{}, {"status": 200}, {"status": 204, "body": ""}])
@pytest.mark.parametrize("name", WORKING)
def test_a_working_request_has_no_finding(name: str, answer: dict[str, object]) -> None:
    action, key = WORKING[name]
    headers = {name.title(): f" {value} " for name, value in action.headers().items()}
    reported = with_response(report(signed(action, key), action.METHOD, headers=headers), answer)
    assert diagnosed(reported) == diagnosed(reported, OFFLINE) == []


@pytest.mark.parametrize("name", WORKING)
def test_a_working_request_needs_no_reported_length(name: str) -> None:
    action, key = WORKING[name]
    sent = {name: value for name, value in action.headers().items() if name != "content-length"}
    assert diagnosed(report(signed(action, key), action.METHOD, headers=sent)) == []


def test_a_form_without_a_response_has_no_finding() -> None:
    assert diagnosed(FORM) == []
    assert diagnosed(with_response(FORM, {"status": 204})) == []
