"""What `presign check` says about running as a Lambda."""

from pathlib import Path

from tests.cli.invoking import GOOD, checked

CALLER = "  - api_key: billing"
ISSUER = """
issuers:
  corp:
    issuer: https://id.example.com
    audience: presign
    jwks_url: https://id.example.com/jwks
    api_gateway_ids: [a1b2c3d4e5]
"""
TEAM = """
  - issuer: corp
    subject: user-*
    grants: [{bucket: reports, prefix: "{claim:/team}/", allow: [download]}]
"""


def test_check_says_that_each_instance_counts_by_itself(tmp_path: Path) -> None:
    limited = GOOD.replace(CALLER, f"{CALLER}\n    rate_limit: 10/minute")
    assert limited != GOOD
    assert "so does each instance of a Lambda" in checked(tmp_path, limited).stdout
    assert "instance of a Lambda" not in checked(tmp_path, GOOD).stdout


def test_check_says_who_can_name_an_issuers_callers(tmp_path: Path) -> None:
    output = checked(tmp_path, GOOD + ISSUER).stdout
    assert "anybody who may invoke the Lambda directly can name any caller" in output


def test_check_says_that_claims_in_prefixes_need_the_token(tmp_path: Path) -> None:
    assert "callers:" in GOOD
    text = GOOD.rstrip("\n") + TEAM + ISSUER
    output = checked(tmp_path, text).stdout
    assert "issuers.corp.api_gateway_ids: has no effect" in output
