"""docs/hardening.md: what `presign check` finds of each row, by a file that ignores the row."""

from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from service.auth.api_keys import digest_of
from service.cli.main import main
from tests.cli.invoking import DIGEST
from tests.docs.documents import text_of
from tests.operations.live.test_bucket_settings import FakeClient, found, with_pages
from tests.support.factories import make_grant

CHECK, STRICT, LIVE, YOU = "`check`", "`--strict`", "`--live`", "you"
ROLE: Final = "arn:aws:iam::111122223333:role/presign"
GOOD: Final = f"""\
buckets:
  reports: {{region: eu-west-1, role_arn: "{ROLE}"}}
issuers:
  github:
    issuer: https://token.actions.githubusercontent.com
    audience: presign
    jwks_url: https://token.actions.githubusercontent.com/.well-known/jwks
callers:
  - api_key: billing
    sha256: [{DIGEST}]
    not_after: 2999-01-01T00:00:00Z
    rate_limit: 600/minute
    grants:
      - bucket: reports
        prefix: invoices/
        allow: [download, upload]
        max_expires_in: 15m
        max_content_length: 50MiB
        content_types: [image/*]
  - issuer: github
    claims: {{/repository_owner_id: "1"}}
    rate_limit: 600/minute
"""
GUESSABLE: Final = digest_of("secret")
ANYBODY: Final = "unsafe_anonymous_caller: {grants: []}\n"
# The beginning of a row, what finds it, what of the good file becomes what, and what is said
FINDINGS: Final = [
    ("Make each API key", CHECK, DIGEST, GUESSABLE, "easy to guess"),
    ("Make each API key", STRICT, "    not_after: 2999-01-01T00:00:00Z\n", "", "its key never ends"),
    ("Write a `subject`", CHECK, '{/repository_owner_id: "1"}', "{/ref: main}", "must be corrected"),
    ("Leave out `unsafe", CHECK, "callers:\n", f"{ANYBODY}callers:\n", "anybody who can reach"),
    ("Set `rate_limit`", STRICT, "    rate_limit: 600/minute\n    grants", "    grants", "set rate_limit"),
    ("Give each grant", CHECK, "prefix: invoices/", 'prefix: ""', "covers the whole bucket"),
    ("Give each grant", CHECK, "        max_expires_in: 15m\n", "", "set max_expires_in"),
    ("Set `max_content", STRICT, "        max_content_length: 50MiB\n", "", "uploads of any size; set"),
    (
        *("Set `max_content", STRICT),
        "        max_content_length: 50MiB\n        content_types: [image/*]\n",
        *("", "uploads of any size and type"),
    ),
    ("Leave `allow_over", CHECK, "15m\n", "15m\n        allow_overwrite: true\n", "allows overwriting"),
    ("Keep `scoped_se", CHECK, "eu-west-1,", "eu-west-1, scoped_sessions: false,", "share one session"),
    ("Name your pages", CHECK, "callers:\n", "server: {cors_origins: ['*']}\ncallers:\n", "every page"),
    (
        *("At a store other", CHECK, f'region: eu-west-1, role_arn: "{ROLE}"'),
        "region: eu-west-1, credentials: static, endpoint_url: https://minio.example",
        "share one set of credentials",
    ),
    ("Leave `console`", CHECK, "callers:\n", "console: true\ncallers:\n", "can open /console"),
]  # fmt: skip
LIVE_FINDINGS: Final = [("Add a [lifecycle", "lifecycle"), ("Name your pages", "CORS")]


def rows() -> dict[str, str]:
    """Return the last column of each row, by the first."""
    lines = text_of("docs/hardening.md").splitlines()
    cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return {first: by for first, _, by in cells if first not in {"do", "---"}}


def said(directory: Path, text: str, *options: str) -> str:
    path = directory / "presign.yaml"
    path.write_text(text)
    return CliRunner().invoke(main, ["check", str(path), *options]).output


def test_the_good_file_has_no_warning(tmp_path: Path) -> None:
    assert "presign.yaml is valid: " in said(tmp_path, GOOD, "--strict")


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda each: f"{each[0]} {each[1]}")
def test_a_file_that_ignores_a_row_is_found(
    tmp_path: Path, finding: tuple[str, str, str, str, str]
) -> None:
    row, by, old, new, words = finding
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    assert words in said(tmp_path, text, *(["--strict"] if by == STRICT else []))
    assert (words in said(tmp_path, text)) is (by == CHECK)
    assert [by in found_by for first, found_by in rows().items() if first.startswith(row)] == [True]


async def test_a_bucket_that_ignores_a_row_is_found_where_the_service_runs() -> None:
    warnings = (await found(with_pages(grants=(make_grant(),)), FakeClient()))["warning"]
    for row, word in LIVE_FINDINGS:
        assert any(word in each for each in warnings)
        [by] = [found_by for first, found_by in rows().items() if first.startswith(row)]
        assert LIVE in by


def test_the_page_names_no_other_finding() -> None:
    shown = {(row, by) for row, by, *_ in FINDINGS} | {(row, LIVE) for row, _ in LIVE_FINDINGS}
    for first, found_by in rows().items():
        ways = {by for row, by in shown if first.startswith(row)}
        assert {by for by in (CHECK, STRICT, LIVE) if by in found_by} == ways, first
        assert (found_by == YOU) is (not ways), first
