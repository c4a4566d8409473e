"""Issuers, callers by token, and their sessions, as an operator configures them."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from service.cli.main import main

BUCKET: Final = 'region: eu-west-1, role_arn: "arn:aws:iam::111122223333:role/presign"'
ISSUER: Final = (
    "issuer: https://kubernetes.default.svc, audience: presign, jwks_url: 'https://k.example/jwks'"
)
GOOD: Final = f"""
buckets:
  reports: {{{BUCKET}}}
issuers:
  cluster-a: {{{ISSUER}}}
callers:
  - issuer: cluster-a
    subject: system:serviceaccount:billing:*
    grants:
      - {{bucket: reports, prefix: "in/{{claim:/kubernetes.io/namespace}}/", allow: [download],
         max_expires_in: 900}}
"""


def checked(directory: Path, text: str) -> Result:
    path = directory / "presign.yaml"
    path.write_text(text)
    return CliRunner().invoke(main, ["check", "--config", str(path)])


def test_check_shows_grants_and_sts_calls_of_callers_by_token(tmp_path: Path) -> None:
    done = checked(tmp_path, GOOD)
    assert done.exit_code == 0, done.output
    may = "may download in/{claim:/kubernetes.io/namespace}/… in reports, URLs up to 15 min"
    assert f"system:serviceaccount:billing:* of cluster-a {may}" in done.stdout
    # A session of 3,600 s is refreshed when 960 s are left, 2.5 % earlier on the average.
    assert "about 33 STS calls a day per active caller and replica\n" in done.stdout
    assert "warning" not in done.stdout


@pytest.mark.parametrize(
    ("allow", "at_aws", "elsewhere"),
    [
        ("download, list", "", ""),
        ("form, multipart", "", ""),
        ("upload", "", ""),  # no source to copy
        ("check, form", "", "; twice as many for one that reads and uploads"),
        (
            "download, upload",
            "; as many more for one that copies",
            "; twice as many for one that reads and uploads; as many more for one that copies",
        ),
    ],
)
def test_check_counts_the_sessions_of_a_caller(
    tmp_path: Path, allow: str, at_aws: str, elsewhere: str
) -> None:
    store = "region: eu-west-1, endpoint_url: https://s.test, sts_endpoint_url: https://s.test"
    for text, more in ((GOOD, at_aws), (GOOD.replace("region: eu-west-1", store), elsewhere)):
        output = checked(tmp_path, text.replace("[download]", f"[{allow}]")).stdout
        assert f"about 33 STS calls a day per active caller and replica{more}\n" in output


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("system:serviceaccount:billing:*", '"*:billing"', "cannot come first"),
        ("{claim:/kubernetes.io/namespace}", "{claim:/a}-{claim:/b}", "separate them with a /"),
        ("{claim:/kubernetes.io/namespace}", "..", "no key can match it"),
        ("https://k.example/jwks", "https://me@k.example/jwks", "without query or user"),
        ("max_expires_in: 900", "max_content_length: 20EiB", "max_content_length: write at most 48.8TiB (found"),
        ("audience:", "audiense:", "did you mean audience?"),
        ("audience: presign", "audience: presign, ca_file: /nowhere/ca.crt",
         "write the path of a readable file"),
        ("audience: presign", "audience: presign, max_lifetime_seconds: 9999999", "write a duration from 1m to 7d"),
        ("region: eu-west-1", "region: eu-west-1, credentials: web_identity, source_identity: true",
         "credentials: web_identity takes no source_identity; leave that out"),
        ("region: eu-west-1", "region: eu-west-1, scoped_sessions: false, session_tags: {a: b}",
         "without scoped_sessions all callers share one session"),
        ("region: eu-west-1", "region: eu-west-1, session_tags: {a: '{claim:/sub}'}",
         "or {issuer}, {subject}"),
        ("region: eu-west-1", "region: eu-west-1, session_tags: {'aws:a': b}",
         "write at most 128 letters"),
        ("region: eu-west-1", "region: eu-west-1, bucket: reports-ab12-s3alias",
         "write the ARN instead of the alias"),
        ("buckets:", 'callers_dir: "a\\0b"\nbuckets:', "is not a directory that can be read"),
        ("buckets:", "console: !!bool x\nbuckets:", "not YAML that can be read"),
        ("buckets:", "console: !!int ''\nbuckets:", "not YAML that can be read"),
        ("buckets:", "server: {rate_limit_url: 'redis:// limits:6379'}\nbuckets:",
         "write the URL of a Redis or Valkey"),
        ("    grants:", "    rate_limit: 100/minute; 1000/day\n    grants:", "write a rate such as"),
        ("    grants:", "    rate_limit: 0/minute\n    grants:", "write a rate such as"),
        ("    grants:", "    rate_limit: 5 per 0 minutes\n    grants:", "write a rate such as"),
        ("buckets:", f"console: {'[' * 500}{']' * 500}\nbuckets:", "nested too deeply"),
        ("buckets:", "server: {rate_limit_url: 'redis://limits:port/0'}\nbuckets:",
         "write the URL of a Redis or Valkey"),
        ("buckets:", "server: {rate_limit_url: 'redis://:6379'}\nbuckets:",
         "write the URL of a Redis or Valkey"),
        ("buckets:", "server: {rate_limit_url: 'http://limits:6379'}\nbuckets:",
         "write the URL of a Redis or Valkey"),
        (BUCKET, f"{BUCKET}, session_tag: {{a: b}}", "did you mean session_tags?"),
        (BUCKET, f"{BUCKET}, encryption: {{algorithn: AES256}}", "did you mean algorithm?"),
        (BUCKET, f"{BUCKET}, endpoint: http://s", "did you mean endpoint_url?"),
    ],
)  # fmt: skip
def test_check_says_what_is_wrong_and_what_to_write(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in GOOD
    done = checked(tmp_path, GOOD.replace(old, new))
    assert done.exit_code == 1
    assert message in done.output


def test_two_issuers_cannot_accept_the_same_token(tmp_path: Path) -> None:
    twice = GOOD.replace("callers:", f"  cluster-b: {{{ISSUER}}}\ncallers:")
    message = (
        'issuers.cluster-b: has the issuer, the keys and the audience "presign" of '
        "issuers.cluster-a ("
    )
    assert message in checked(tmp_path, twice).output


@pytest.mark.parametrize(
    "jwks_url",
    ["https://k2.example", "http://127.0.0.1:8001", "http://localhost", "http://[::1]:80"],
)
def test_issuers_can_share_a_name_and_use_http_on_loopback(tmp_path: Path, jwks_url: str) -> None:
    other = ISSUER.replace("https://k.example", jwks_url)
    both = GOOD.replace("callers:", f"  cluster-b: {{{other}}}\ncallers:")
    assert checked(tmp_path, both).exit_code == 0


def test_only_a_token_fills_a_placeholder(tmp_path: Path) -> None:
    with_key = GOOD.replace("issuer: cluster-a\n", "api_key: billing\n").replace(
        "subject: system:serviceaccount:billing:*", f"sha256: [{'ab' * 32}]"
    )
    done = checked(tmp_path, with_key)
    assert done.exit_code == 1
    assert "callers.0.grants.0.prefix: only a token has claims" in done.output


def grants(prefixes: Iterable[str]) -> str:
    return "".join(f"      - {{bucket: reports, prefix: '{p}', allow: [head]}}\n" for p in prefixes)


@pytest.mark.parametrize(
    "prefixes",
    [
        [f"{{claim:/a}}/{n}/" for n in range(22)],
        [f"data/{{claim:/c{n}}}/" for n in range(40)],  # they differ by their claims only
    ],
)
def test_check_finds_a_session_policy_that_sts_would_refuse(
    tmp_path: Path, prefixes: list[str]
) -> None:
    done = checked(tmp_path, GOOD + grants(prefixes))
    assert done.exit_code == 1
    text = "system:serviceaccount:billing:* of cluster-a: its session policy for bucket"
    assert text in done.output
    assert "STS accepts 2048 at most" in done.output


@pytest.mark.parametrize(("second", "code"), [("b:*", 0), ("a:b*", 1)])
def test_overlapping_entries_share_one_session_policy(
    tmp_path: Path, second: str, code: int
) -> None:
    """Each entry alone would fit."""

    def entry(subject: str, first: int) -> str:
        prefixes = [f"{{claim:/a}}/{n}/" for n in range(first, first + 14)]
        return f"  - issuer: cluster-a\n    subject: {subject}\n    grants:\n{grants(prefixes)}"

    assert checked(tmp_path, GOOD + entry("a:*", 0) + entry(second, 14)).exit_code == code


def test_entries_that_overlap_with_a_third_are_not_merged(tmp_path: Path) -> None:
    teams = "".join(
        f"  - {{issuer: cluster-a, subject: 'system:serviceaccount:team-{n}:*', grants: "
        f"[{{bucket: reports, prefix: team-{n}/, allow: [head]}}]}}\n"
        for n in range(60)
    )
    wide = GOOD.replace("serviceaccount:billing:*", "serviceaccount:*:*") + teams
    done = checked(tmp_path, wide)
    assert done.exit_code == 0, done.output


def test_check_handles_hundreds_of_callers_quickly(tmp_path: Path) -> None:
    began = time.process_time()
    callers = "".join(
        f"  - {{api_key: k{n}, sha256: ['{n:064x}'], grants: "
        f"[{{bucket: reports, prefix: p{n}/, allow: [head], max_expires_in: 60}}]}}\n"
        for n in range(500)
    )
    assert checked(tmp_path, GOOD + callers).exit_code == 0
    assert time.process_time() - began < 10  # 3 on an idle machine


ONE_SESSION: Final = f"{BUCKET}, scoped_sessions: false"


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({BUCKET: ONE_SESSION}, "buckets.reports.scoped_sessions: all callers share one session"),
        ({BUCKET: ONE_SESSION, "    grants:": "    revoked_before: 2026-01-01T00:00:00Z\n    grants:"},
         "callers.0.revoked_before: has no effect on bucket reports"),
        ({BUCKET: f"{BUCKET}, session_tags: {{who: '{{subject}}'}}"},
         "buckets.reports.session_tags: have {subject} without {issuer}"),
        ({"max_expires_in: 900": "max_expires_in: 3000"},
         "buckets.reports: grants allow 50 min, but a session of 1 h is only guaranteed to have 39 min"),
    ],
)  # fmt: skip
def test_check_warns_of_risky_settings(
    tmp_path: Path, changes: dict[str, str], warning: str
) -> None:
    text = GOOD
    for old, new in changes.items():
        text = text.replace(old, new)
    assert warning in checked(tmp_path, text).stdout


COPIES: Final = "any upload URL can copy everything that these credentials can read"
STATIC: Final = "region: eu-west-1, credentials: static"


@pytest.mark.parametrize(
    ("signs", "setting"), [(STATIC, "credentials"), (ONE_SESSION, "scoped_sessions")]
)
def test_check_warns_of_shared_credentials_at_other_stores(
    tmp_path: Path, signs: str, setting: str
) -> None:
    text = GOOD.replace(BUCKET, f"{signs}, endpoint_url: 'http://minio.internal:9000'")
    done = checked(tmp_path, text)
    assert done.exit_code == 0, done.output
    assert f"buckets.reports.{setting}: all callers share one set of credentials" in done.stdout
    assert COPIES in done.stdout


@pytest.mark.parametrize(
    "signs",
    [
        STATIC,
        ONE_SESSION,
        f"{STATIC}, endpoint_url: 'https://s3.eu-west-1.amazonaws.com'",
        f"{BUCKET}, endpoint_url: 'http://minio.internal:9000'",  # scoped: its policy denies copies
    ],
)
def test_check_does_not_warn_of_copies_where_none_are_possible(tmp_path: Path, signs: str) -> None:
    done = checked(tmp_path, GOOD.replace(BUCKET, signs))
    assert done.exit_code == 0, done.output
    assert COPIES not in done.stdout


@pytest.mark.parametrize(("keys", "is_valid"), [("ab", True), ("abc", False)])
def test_settings_hold_a_rotation_of_two_keys(tmp_path: Path, keys: str, *, is_valid: bool) -> None:
    digests = ", ".join(key * 64 for key in keys)
    caller = f"  - {{api_key: b, sha256: [{digests}], grants: []}}"
    done = checked(tmp_path, f"{GOOD.partition('callers:')[0]}callers:\n{caller}")
    assert (done.exit_code == 0) is is_valid
