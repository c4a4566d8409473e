"""The section `uppy`, and what `presign check` reports about it."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from service.auth.api_keys import digest_of
from service.cli.main import main
from service.protocols.uppy import PROTOCOL
from tests.cli.invoking import rights_by_caller

ROLE: Final = "arn:aws:iam::111122223333:role/presign"
GRANT: Final[dict[str, Any]] = {
    "bucket": "reports",
    "prefix": "uploads/",
    "allow": ["form", "multipart"],
    "max_expires_in": 900,
}
UPPY: Final = {"bucket": "reports", "prefix": "uploads/{caller}/"}
ISSUER: Final = {"issuer": "https://i.example", "audience": "p", "jwks_url": "https://i.example/k"}


def document(section: dict[str, Any], *callers: dict[str, Any], **bucket: Any) -> dict[str, Any]:
    return {
        "buckets": {"reports": {"region": "eu-west-1", "role_arn": ROLE, **bucket}},
        "issuers": {"cluster-a": ISSUER},
        "callers": list(callers or [of_key("billing", GRANT)]),
        "uppy": section,
    }


def checked(
    directory: Path, section: dict[str, Any], *callers: dict[str, Any], **bucket: Any
) -> tuple[int, str]:
    path = directory / "presign.yaml"
    path.write_text(json.dumps(document(section, *callers, **bucket)))
    done = CliRunner().invoke(main, ["check", "--config", str(path)])
    return done.exit_code, done.output


def of_key(name: str, *grants: dict[str, Any]) -> dict[str, Any]:
    return {"api_key": name, "sha256": [digest_of(name)], "grants": list(grants)}


def of_token(subject: str, *grants: dict[str, Any]) -> dict[str, Any]:
    return {"issuer": "cluster-a", "subject": subject, "grants": list(grants)}


ONE_PIECE: Final = "upload in one piece"
PARTS: Final = "make multipart uploads"


def test_check_knows_who_may_upload() -> None:
    callers = (
        of_key("billing", GRANT),
        of_key("forms", {**GRANT, "allow": ["form"]}),
        of_key("elsewhere", {**GRANT, "prefix": "other/"}),
        of_token("user:*", {**GRANT, "prefix": "uploads/cluster-a/"}),
    )
    assert rights_by_caller(document(UPPY, *callers), PROTOCOL) == {
        "API key billing": [ONE_PIECE, PARTS],
        "API key forms": [ONE_PIECE],
        "API key elsewhere": [],
        "user:* of cluster-a": [ONE_PIECE, PARTS],
    }


def test_check_shows_the_target_and_who_may_upload(tmp_path: Path) -> None:
    elsewhere = of_key("elsewhere", {**GRANT, "prefix": "other/"})
    code, output = checked(tmp_path, UPPY, of_key("billing", GRANT), elsewhere)
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
    by_subject = {**GRANT, "prefix": "uploads/cluster-a/{claim:/sub}/"}
    template = {**UPPY, "prefix": "uploads/{claim:/tenant}/{caller}/"}
    callers = (of_token("a:*", by_tenant), of_key("billing", GRANT))
    assert rights_by_caller(document(template, *callers), PROTOCOL) == {
        "a:* of cluster-a": [ONE_PIECE, PARTS],
        "API key billing": [],  # it has no claims
    }
    ada = document(UPPY, of_token("ada", by_subject))
    assert rights_by_caller(ada, PROTOCOL) == {"ada of cluster-a": [ONE_PIECE, PARTS]}


def test_check_warns_of_uploads_that_cannot_be(tmp_path: Path) -> None:
    code, output = checked(tmp_path, UPPY, of_key("billing", {**GRANT, "allow": ["upload"]}))
    assert code == 0
    assert ": uppy: nobody may upload; a caller needs a grant with `form`" in output
    _, output = checked(tmp_path, UPPY, conditional_writes=False)
    assert ": uppy.bucket: bucket reports has no conditional writes" in output


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
    code, output = checked(tmp_path, {**UPPY, **uppy})
    assert code != 0
    assert text in output


def test_the_section_of_the_example_is_valid(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "presign.example.yaml").read_text(encoding="utf-8")
    before, _, rest = text.partition("# uppy:")
    section, _, after = rest.partition("\n\n")
    section = section.replace("\n#", "\n")
    path = tmp_path / "presign.yaml"
    path.write_text(f"{before}uppy:{section}\n\n{after}")
    done = CliRunner().invoke(main, ["check", "--config", str(path)])
    assert done.exit_code == 0, done.output
    assert (
        "API key billing may upload in one piece, make multipart uploads with Uppy" in done.output
    )


@pytest.mark.parametrize("prefix", ["{caller}/", "a/{caller}/b/", "{claim:/t}/{caller}/"])
def test_the_caller_may_be_anywhere_in_the_prefix(tmp_path: Path, prefix: str) -> None:
    assert checked(tmp_path, {**UPPY, "prefix": prefix})[0] == 0
