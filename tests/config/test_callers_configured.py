"""Callers by token, and sessions of their own, as an operator configures them."""

import time
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from service.cli.main import main
from service.config.settings import load_settings

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


def test_check_says_what_the_subjects_of_an_issuer_may_do(tmp_path: Path) -> None:
    done = checked(tmp_path, GOOD)
    assert done.exit_code == 0, done.output
    assert (
        "system:serviceaccount:billing:* of cluster-a may download "
        "in/{claim:/kubernetes.io/namespace}/… in reports, for at most 900 s"
    ) in done.stdout
    assert "warning" not in done.stdout


def test_check_says_what_a_caller_costs_at_sts(tmp_path: Path) -> None:
    done = checked(tmp_path, GOOD)
    # A session of 3,600 s is asked for anew when 960 s are left, 2.5 % earlier on the average.
    told = "about 33 calls to STS a day for each caller that is at work and each replica"
    assert told in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("issuer: cluster-a", "issuer: cluster-b", 'no issuer "cluster-b" is configured, did you mean "cluster-a"; there are: clus'),
        ("system:serviceaccount:billing:*", '"*"', "but never comes first"),
        ("system:serviceaccount:billing:*", '"*:billing"', "but never comes first"),
        ("    subject: system:serviceaccount:billing:*\n", "",
         "write api_key and sha256, or issuer and subject"),
        ("    subject:", "    api_key: a\n    subject:",
         "write api_key and sha256, or issuer and subject"),
        ("{claim:/kubernetes.io/namespace}", "{claim:sub}", "braces only in a placeholder"),
        ("{claim:/kubernetes.io/namespace}", "{sub}", "braces only in a placeholder"),
        ("{claim:/kubernetes.io/namespace}", "{claim:/a}-{claim:/b}", "part them with a /"),
        ("{claim:/kubernetes.io/namespace}", "..", "no key is below it"),
        ("https://k.example/jwks", "http://k.example/jwks", "write an https URL"),
        ("https://k.example/jwks", "https://me@k.example/jwks", "without query or user"),
        ("max_expires_in: 900", "max_content_length: 20EiB", "max_content_length: Input should be"),
        ("audience: presign, ", "", "issuers.cluster-a.audience: is missing"),
        ("audience:", "audiense:", "did you mean audience?"),
        ("audience: presign", "audience: presign, ca_file: /nowhere/ca.crt",
         "write the path of certificates in PEM"),
        ("audience: presign", "audience: presign, max_lifetime_seconds: 9999999", "less than or"),
        ("region: eu-west-1", "region: eu-west-1, credentials: web_identity, source_identity: true",
         "web_identity takes only a policy; leave out source_identity"),
        ("region: eu-west-1", "region: eu-west-1, scoped_sessions: false, session_tags: {a: b}",
         "without scoped_sessions no session is a caller's"),
        ("region: eu-west-1", "region: eu-west-1, session_tags: {a: '{claim:/sub}'}",
         "or {issuer}, {subject}"),
        ("region: eu-west-1", "region: eu-west-1, session_tags: {'aws:a': b}",
         "write at most 128 letters"),
        ("region: eu-west-1", "region: eu-west-1, bucket: reports-ab12-s3alias",
         "write the ARN in place of the alias"),
        ("buckets:", 'callers_dir: "a\\0b"\nbuckets:', "write the path of a directory"),
        ("buckets:", "console: !!bool x\nbuckets:", "not YAML that can be read"),
        ("buckets:", "console: !!int ''\nbuckets:", "not YAML that can be read"),
        ("buckets:", "server: {rate_limit_url: 'redis:// limits:6379'}\nbuckets:",
         "write the URL of a Redis or a Valkey"),
        ("    grants:", "    rate_limit: 100/minute; 1000/day\n    grants:", "write a rate such as"),
        ("    grants:", "    rate_limit: 0/minute\n    grants:", "write a rate such as"),
        ("    grants:", "    rate_limit: 5 per 0 minutes\n    grants:", "write a rate such as"),
        ("buckets:", f"console: {'[' * 500}{']' * 500}\nbuckets:", "nested too deeply"),
        ("buckets:", "server: {rate_limit_url: 'redis://limits:port/0'}\nbuckets:",
         "write the URL of a Redis or a Valkey"),
        ("buckets:", "server: {rate_limit_url: 'redis://:6379'}\nbuckets:",
         "write the URL of a Redis or a Valkey"),
        ("buckets:", "server: {rate_limit_url: 'http://limits:6379'}\nbuckets:",
         "write the URL of a Redis or a Valkey"),
    ],
)  # fmt: skip
def test_check_says_what_is_wrong_and_what_to_write(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    assert old in GOOD
    done = checked(tmp_path, GOOD.replace(old, new))
    assert done.exit_code == 1
    assert told in done.output


def test_a_token_could_be_of_one_issuer_only(tmp_path: Path) -> None:
    twice = GOOD.replace("callers:", f"  cluster-b: {{{ISSUER}}}\ncallers:")
    told = 'issuers.cluster-b: the same as "cluster-a", so a token could be of either'
    assert told in checked(tmp_path, twice).output


def test_clusters_of_one_name_differ_by_their_keys(tmp_path: Path) -> None:
    other = ISSUER.replace("k.example", "k2.example")
    both = GOOD.replace("callers:", f"  cluster-b: {{{other}}}\ncallers:")
    assert checked(tmp_path, both).exit_code == 0


@pytest.mark.parametrize("host", ["127.0.0.1:8001", "localhost", "[::1]:80"])
def test_an_issuer_on_loopback_may_do_with_http(tmp_path: Path, host: str) -> None:
    local = GOOD.replace("https://k.example", f"http://{host}")
    assert checked(tmp_path, local).exit_code == 0


def test_only_a_token_fills_a_placeholder(tmp_path: Path) -> None:
    named = GOOD.replace("issuer: cluster-a\n", "api_key: billing\n").replace(
        "subject: system:serviceaccount:billing:*", f"sha256: [{'ab' * 32}]"
    )
    done = checked(tmp_path, named)
    assert done.exit_code == 1
    assert "callers.0.grants.0.prefix: only a token has claims" in done.output


def test_check_finds_a_session_policy_that_sts_would_refuse(tmp_path: Path) -> None:
    grants = "\n".join(
        f"      - {{bucket: reports, prefix: '{{claim:/a}}/{n}/', allow: [head]}}"
        for n in range(22)
    )
    done = checked(tmp_path, GOOD + grants)
    assert done.exit_code == 1
    assert "system:serviceaccount:billing:* of cluster-a: its session policy for bucket" in (
        done.output
    )
    assert "and STS takes 2048" in done.output


def test_the_grants_of_entries_that_may_match_together_are_one_policy(tmp_path: Path) -> None:
    """Each alone would do."""

    def entry(subject: str, first: int) -> str:
        grants = "".join(
            f"      - {{bucket: reports, prefix: '{{claim:/a}}/{n}/', allow: [head]}}\n"
            for n in range(first, first + 14)
        )
        return f"  - issuer: cluster-a\n    subject: {subject}\n    grants:\n{grants}"

    apart = GOOD + entry("a:*", 0) + entry("b:*", 14)
    assert checked(tmp_path, apart).exit_code == 0
    together = GOOD + entry("a:*", 0) + entry("a:b*", 14)
    assert checked(tmp_path, together).exit_code == 1


def test_claims_that_differ_only_by_their_pointers_do_not_count_as_one(tmp_path: Path) -> None:
    grants = "\n".join(
        f"      - {{bucket: reports, prefix: 'data/{{claim:/c{n}}}/', allow: [head]}}"
        for n in range(40)
    )
    assert "and STS takes 2048" in checked(tmp_path, GOOD + grants).output


def test_callers_that_one_subject_cannot_be_together_are_not_added_up(tmp_path: Path) -> None:
    teams = "".join(
        f"  - {{issuer: cluster-a, subject: 'system:serviceaccount:team-{n}:*', grants: "
        f"[{{bucket: reports, prefix: team-{n}/, allow: [head]}}]}}\n"
        for n in range(60)
    )
    wide = GOOD.replace("serviceaccount:billing:*", "serviceaccount:*:*") + teams
    done = checked(tmp_path, wide)
    assert done.exit_code == 0, done.output


def test_check_takes_hundreds_of_callers_in_its_stride(tmp_path: Path) -> None:
    began = time.process_time()
    callers = "".join(
        f"  - {{api_key: k{n}, sha256: ['{n:064x}'], grants: "
        f"[{{bucket: reports, prefix: p{n}/, allow: [head], max_expires_in: 60}}]}}\n"
        for n in range(500)
    )
    assert checked(tmp_path, GOOD + callers).exit_code == 0
    assert time.process_time() - began < 10  # 3 on an idle machine


def test_check_warns_of_a_revocation_that_does_nothing(tmp_path: Path) -> None:
    text = GOOD.replace("region: eu-west-1", "region: eu-west-1, scoped_sessions: false").replace(
        "    grants:", "    revoked_before: 2026-01-01T00:00:00Z\n    grants:"
    )
    told = "system:serviceaccount:billing:*: revoked_before does nothing for bucket reports"
    assert told in checked(tmp_path, text).output


def test_check_warns_of_a_tag_that_two_callers_could_share(tmp_path: Path) -> None:
    tags = GOOD.replace("region: eu-west-1", "region: eu-west-1, session_tags: {who: '{subject}'}")
    assert "session_tags have a subject without its issuer" in checked(tmp_path, tags).output


def test_check_warns_where_only_our_grants_part_the_callers(tmp_path: Path) -> None:
    one = GOOD.replace("region: eu-west-1", "region: eu-west-1, scoped_sessions: false")
    assert "warning: bucket reports: one session signs for all callers" in (
        checked(tmp_path, one).stdout
    )


COPIES: Final = "any upload URL copies whatever those credentials may read"
STATIC: Final = "region: eu-west-1, credentials: static"
ONE_SESSION: Final = f"{BUCKET}, scoped_sessions: false"


@pytest.mark.parametrize("signs", [STATIC, ONE_SESSION])
def test_check_warns_where_shared_credentials_meet_a_store_that_is_not_aws(
    tmp_path: Path, signs: str
) -> None:
    text = GOOD.replace(BUCKET, f"{signs}, endpoint_url: 'http://minio.internal:9000'")
    done = checked(tmp_path, text)
    assert done.exit_code == 0, done.output
    assert "warning: bucket reports: one set of credentials signs for all callers" in done.stdout
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
def test_check_says_nothing_of_copies_at_aws_or_with_scoped_sessions(
    tmp_path: Path, signs: str
) -> None:
    done = checked(tmp_path, GOOD.replace(BUCKET, signs))
    assert done.exit_code == 0, done.output
    assert COPIES not in done.stdout


def test_check_warns_of_lifetimes_that_a_session_is_not_sure_to_have_left(tmp_path: Path) -> None:
    long = GOOD.replace("max_expires_in: 900", "max_expires_in: 3000")
    done = checked(tmp_path, long)
    assert "warning: bucket reports: grants allow 3000 s, but sessions of 3600 s are" in done.stdout
    assert "sure to have 2340 s left" in done.stdout


def test_settings_hold_a_rotation_of_two_keys(tmp_path: Path) -> None:
    key = "{api_key: b, sha256: [%s], grants: []}"
    path = tmp_path / "presign.yaml"
    text = GOOD.partition("callers:")[0] + "callers:\n  - " + key
    path.write_text(text % f"{'ab' * 32}, {'cd' * 32}")
    assert load_settings(path).callers[0].sha256 == ("ab" * 32, "cd" * 32)
    path.write_text(text % ", ".join(digit * 64 for digit in "abc"))
    assert CliRunner().invoke(main, ["check", "--config", str(path)]).exit_code == 1
