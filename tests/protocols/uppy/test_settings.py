"""The section `uppy`, and what `presign check` reports about it."""

from pathlib import Path
from typing import Any, Final

import pytest

from service.protocols.uppy import PROTOCOL
from tests.cli import invoking
from tests.cli.invoking import ROOT, rights_by_caller
from tests.protocols.sections import BUCKET, checked, document, granted, of_key, of_token

GRANT: Final[dict[str, Any]] = granted("uploads/", "form", "multipart")
UPPY: Final = {"bucket": "reports", "prefix": "uploads/{caller}/"}
BILLING: Final = of_key("billing", GRANT)
ONE_PIECE: Final = "upload in one piece"
PARTS: Final = "make multipart uploads"


def test_check_knows_who_may_upload() -> None:
    callers = (
        BILLING,
        of_key("forms", {**GRANT, "allow": ["form"]}),
        of_key("elsewhere", {**GRANT, "prefix": "other/"}),
        of_token("user:*", {**GRANT, "prefix": "uploads/cluster/"}),
    )
    assert rights_by_caller(document(*callers, uppy=UPPY), PROTOCOL) == {
        "API key billing": [ONE_PIECE, PARTS],
        "API key forms": [ONE_PIECE],
        "API key elsewhere": [],
        "user:* of cluster": [ONE_PIECE, PARTS],
    }


def test_check_shows_the_target_and_who_may_upload(tmp_path: Path) -> None:
    elsewhere = of_key("elsewhere", {**GRANT, "prefix": "other/"})
    code, output = checked(tmp_path, BILLING, elsewhere, uppy=UPPY)
    assert code == 0
    for line in (
        "uppy: uploads go to uploads/{caller}/… in reports",
        "API key billing may upload in one piece, make multipart uploads with Uppy",
    ):
        assert line in output.splitlines()
    assert output.count("with Uppy") == 1
    assert ": uppy" not in output


def test_check_understands_claims() -> None:
    by_tenant = {**GRANT, "prefix": "uploads/{claim:/tenant}/"}
    by_subject = {**GRANT, "prefix": "uploads/cluster/{claim:/sub}/"}
    template = {**UPPY, "prefix": "uploads/{claim:/tenant}/{caller}/"}
    callers = (of_token("a:*", by_tenant), BILLING)
    assert rights_by_caller(document(*callers, uppy=template), PROTOCOL) == {
        "a:* of cluster": [ONE_PIECE, PARTS],
        "API key billing": [],  # it has no claims
    }
    ada = document(of_token("ada", by_subject), uppy=UPPY)
    assert rights_by_caller(ada, PROTOCOL) == {"ada of cluster": [ONE_PIECE, PARTS]}
    template = {**UPPY, "prefix": "uploads/{claim:/sub}/{caller}/"}
    callers = (of_token("ada", GRANT), of_token("user:*", GRANT))
    assert rights_by_caller(document(*callers, uppy=template), PROTOCOL) == {
        "ada of cluster": [ONE_PIECE, PARTS],
        "user:* of cluster": [],  # no placeholder takes a value with a colon
    }


def test_check_warns_of_uploads_that_cannot_be(tmp_path: Path) -> None:
    code, output = checked(tmp_path, of_key("billing", {**GRANT, "allow": ["upload"]}), uppy=UPPY)
    assert code == 0
    assert (
        ": uppy: nobody may use it; a caller needs grants that cover reports/uploads/{caller}/"
        in output
    )
    buckets = {"reports": BUCKET | {"conditional_writes": False}}
    _, output = checked(tmp_path, BILLING, buckets=buckets, uppy=UPPY)
    assert ": uppy.bucket: bucket reports has no conditional writes, so nobody may make" in output


@pytest.mark.parametrize(
    ("uppy", "text"),
    [
        ({"bucket": "other"}, 'uppy.bucket: no bucket "other" is configured; there are: reports'),
        ({"prefix": "uploads/"}, "uppy.prefix: write a prefix such as uploads/{caller}/"),
        ({"prefix": "uploads/{caller}"}, "uppy.prefix: write a prefix such as"),
        ({"prefix": "uploads/a-{caller}/"}, "uppy.prefix: write a prefix such as"),
        ({"prefix": "{caller}/{caller}/"}, "uppy.prefix: write a prefix such as"),
        ({"prefix": "{caller}/x/{caller}/"}, "uppy.prefix: write a prefix such as"),
        ({"prefix": "{caller}/x{caller}y/"}, "uppy.prefix: write a prefix such as"),
        ({"prefix": "{user}/{caller}/"}, "contain braces only in a placeholder"),
        ({"prefix": "../{caller}/"}, "no key can match it"),
        ({"prefix": "*/{caller}/"}, "a prefix cannot contain *, ?, $ or a backslash"),
        ({"prefix": f"{'x' * 600}/{{caller}}/"}, "to leave room for a file's name"),
        ({"expires_in": 0}, "uppy.expires_in"),
    ],
)
def test_an_invalid_setting_is_reported(tmp_path: Path, uppy: dict[str, Any], text: str) -> None:
    code, output = checked(tmp_path, BILLING, uppy={**UPPY, **uppy})
    assert code != 0
    assert text in output


def test_the_section_of_the_example_is_valid(tmp_path: Path) -> None:
    text = (ROOT / "presign.example.yaml").read_text(encoding="utf-8")
    before, _, rest = text.partition("# uppy:")
    section, _, after = rest.partition("\n\n")
    section = section.replace("\n#", "\n")
    done = invoking.checked(tmp_path, f"{before}uppy:{section}\n\n{after}")
    assert done.exit_code == 0, done.output
    assert (
        "API key billing may upload in one piece, make multipart uploads with Uppy" in done.output
    )


@pytest.mark.parametrize("prefix", ["{caller}/", "a/{caller}/b/", "{claim:/t}/{caller}/"])
def test_the_caller_may_be_anywhere_in_the_prefix(tmp_path: Path, prefix: str) -> None:
    assert checked(tmp_path, BILLING, uppy={**UPPY, "prefix": prefix})[0] == 0
