"""`presign check`: what it shows, warns of and refuses."""

import json
from pathlib import Path
from typing import Final

import pytest

from service.app import builders
from service.auth.api_keys import digest_of
from tests.app.services.harness import called_here
from tests.cli.invoking import DIGEST, GOOD, checked, presign

EMPTY: Final = digest_of("")


def test_check_shows_grants_and_risks(tmp_path: Path) -> None:
    done = checked(tmp_path, GOOD)
    assert done.exit_code == 0
    assert "https://reports.s3.eu-west-1.amazonaws.com/ in eu-west-1" in done.stdout
    for text in (
        "API key billing may download, upload invoices/… in reports, URLs up to 15 min",
        ":9: callers.0.grants.1: covers the whole bucket reports",
        ":9: callers.0.grants.1: allow_overwrite has no effect without upload",
        ":9: callers.0.grants.1: allows lifetimes of up to 7d; set max_expires_in",
    ):
        assert text in done.stdout
    assert "grants.0" not in done.stdout


def many_risks() -> str:
    """Seven callers with three risks each, and with a key that is easy to guess at the end."""
    grant = "{bucket: reports, prefix: '', allow: [download, upload], allow_overwrite: true}"
    digests = [digest_of(f"key {number}") for number in range(6)] + [digest_of("secret")]
    callers = "".join(
        f"  - {{api_key: c{number}, sha256: [{digest}], grants: [{grant}, {grant}]}}\n"
        for number, digest in enumerate(digests)
    )
    return GOOD.partition("callers:")[0] + "callers:\n" + callers


def test_the_gravest_warning_comes_first_and_equal_ones_share_a_line(tmp_path: Path) -> None:
    done = checked(tmp_path, many_risks())
    lines = [line for line in done.stdout.splitlines() if line.startswith("warning: ")]
    assert " with 44 warnings: " in done.stdout
    assert ": callers.6: API key c6: easy to guess" in lines[0]
    assert len(lines) == 5
    callers = "(14 places: API key c0, API key c1, API key c2 and 4 more)"
    assert lines[2].endswith(f": callers.0.grants.0: covers the whole bucket reports {callers}")
    assert sum(line.endswith(callers) for line in lines) == 3


def test_programs_get_each_place_of_a_warning(tmp_path: Path) -> None:
    (tmp_path / "presign.yaml").write_text(many_risks())
    done = presign("check", "--config", str(tmp_path / "presign.yaml"), "--json")
    found = json.loads(done.stdout)["warnings"]
    assert len(found) == 44
    assert found[0]["path"] == "callers.6"
    assert len({each["path"] for each in found if "whole bucket" in each["message"]}) == 14


def test_the_entries_of_callers_are_built_once(tmp_path: Path) -> None:
    """With thousands of callers that takes a while."""
    sections = (
        "package_index: {a: {bucket: reports, prefix: a/}, b: {bucket: reports, prefix: b/}}\n"
        "mlflow: {roots: {a: {bucket: reports, prefix: a/}, b: {bucket: reports, prefix: b/}}}\n"
        "uppy: {bucket: reports, prefix: 'uploads/{caller}/'}\n"
    )
    with called_here(builders.caller_entries) as called:
        assert checked(tmp_path, GOOD + sections).exit_code == 0
    assert len(called) == 1


@pytest.mark.parametrize(
    ("changes", "operation", "warns"),
    [
        ("", "form", True),
        ("", "upload", False),
        (", scoped_sessions: false", "form", False),
        ("at AWS", "form", False),
    ],
)
def test_check_warns_of_forms_of_another_store_s_sts(
    tmp_path: Path, changes: str, operation: str, warns: bool
) -> None:
    elsewhere = "endpoint_url: 'https://s3.test', sts_endpoint_url: 'https://s3.test'" + changes
    if changes == "at AWS":
        elsewhere = "sts_endpoint_url: 'https://sts.test'"
    text = GOOD.replace("region: eu-west-1", f"region: eu-west-1, {elsewhere}")
    done = checked(tmp_path, text.replace("[download, upload]", f"[download, {operation}]"))
    assert done.exit_code == 0
    warning = "buckets.reports.sts_endpoint_url: callers may use `form`, but not every store takes"
    assert (warning in done.stdout) is warns


def test_check_shows_how_long_links_may_live(tmp_path: Path) -> None:
    done = checked(tmp_path, GOOD.replace("[download, upload]", "[download, link]"))
    assert "billing may download, link invoices/… in reports" in done.stdout
    assert "links up to 7 days" in done.stdout


def test_check_warns_of_guessable_keys_and_anonymous_callers(tmp_path: Path) -> None:
    anonymous = (
        "unsafe_anonymous_caller:\n  grants: [{bucket: reports, prefix: p/, allow: [head]}]\n"
    )
    done = checked(tmp_path, GOOD.replace(DIGEST, digest_of("test")) + anonymous)
    assert ":5: callers.0: API key billing: easy to guess" in done.stdout
    assert ": unsafe_anonymous_caller: anybody who can reach the service" in done.stdout
    assert "ANYBODY (unsafe) may head p/… in reports" in done.stdout


@pytest.mark.parametrize(
    ("settings", "warns"),
    [
        ("endpoint_url: 'https://minio.example'", True),
        ("endpoint_url: 'https://minio.example', sts_endpoint_url: 'https://minio.example'", False),
        ("endpoint_url: 'https://s3.eu-west-1.amazonaws.com'", False),
    ],
)
def test_check_warns_of_sessions_of_aws_for_another_store(
    tmp_path: Path, settings: str, *, warns: bool
) -> None:
    other = GOOD.replace("region: eu-west-1", f"region: eu-west-1, {settings}", 1)
    done = checked(tmp_path, other)
    assert done.exit_code == 0, done.stderr
    assert ("set sts_endpoint_url" in done.stdout) is warns


def test_check_warns_of_a_prefix_with_a_slash_in_front(tmp_path: Path) -> None:
    done = checked(tmp_path, GOOD.replace("prefix: invoices/", "prefix: /invoices/", 1))
    assert ":8: callers.0.grants.0.prefix: starts with a slash" in done.stdout


def test_the_example_configuration_is_valid() -> None:
    assert presign("check", "--config", "presign.example.yaml").returncode == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("region: eu-west-1", "region: eu-west-1, encryption: {algorithm: AES256, kms_key_id: a}",
         "buckets.reports.encryption: kms_key_id goes with aws:kms"),
        ("region: eu-west-1",
         'region: eu-west-1, bucket: "arn:aws:s3::111122223333:accesspoint/m.mrap"',
         "buckets.reports: a Multi-Region Access Point needs SigV4A"),
        (DIGEST, DIGEST.upper(), "6: callers.0.sha256.0: write 64 hex digits in lower case"),
        (f"[{DIGEST}]", "[]",
         "6: callers.0.sha256: is empty; write at least one"),
        ("buckets:", "buckets: [", "presign.yaml:"),
        ("\nbuckets:", "\nserver: {region: x}\nbuckets:",
         "2: server.region: unknown setting here; it belongs in `buckets` or `bucket_defaults`"),
        ("\nbuckets:", "\nserver: {cors_origins: ['https://a.example/']}\nbuckets:",
         "2: server.cors_origins.0: write an origin such as"),
        ("\nbuckets:", "\nserver: {cors_origins: ['null']}\nbuckets:",
         "2: server.cors_origins.0: write an origin such as"),
        ("region: eu-west-1", 'region: eu-west-1, sts_endpoint_url: "http://["',
         "3: buckets.reports.sts_endpoint_url: write a URL such as"),
        ("region: eu-west-1", 'region: eu-west-1, session_seconds: 5, sts_endpoint_url: "http://s"',
         "3: buckets.reports.session_seconds: "),
        ("region: eu-west-1", 'region: eu-west-1, sts_endpoint_url: "https://b\u00fccher.example"',
         "3: buckets.reports.sts_endpoint_url: write a URL such as"),
        ("region: eu-west-1", "region: eu-west-1, sts_endpoint_url: 'http://my_store'",
         "3: buckets.reports.sts_endpoint_url: write a URL such as"),
        ("\nbuckets:", "\nserver: {cors_origins: ['https://a.example:443']}\nbuckets:",
         "2: server.cors_origins.0: write an origin such as"),
        (DIGEST, EMPTY, "callers.0.sha256.0: this is the digest of an empty key"),
    ],
)  # fmt: skip
def test_check_says_what_is_wrong_where_and_what_to_write(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in GOOD
    done = checked(tmp_path, GOOD.replace(old, new, 1))
    assert done.exit_code == 1
    for text in message.split("…"):
        assert text in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


KEY = "sentinelsentinelsentinelsentinelsentinel43"

ISSUER = """\
issuers:
  cluster:
    issuer: https://kubernetes.default.svc
    audience: presign
    jwks_url: https://kubernetes.default.svc/openid/v1/jwks
    ca_file: {ca_file}
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (DIGEST, f"{DIGEST[:40]}XYZ"),
        (DIGEST, KEY),
        ("eu-west-1", KEY),
        ("invoices/", f"/{KEY}/*"),
        ("region: eu-west-1", f"region: eu-west-1, endpoint_url: 'https://u:{KEY}@h'"),
        ("\nbuckets:", f"\nserver: {{rate_limit_url: 'redis//:{KEY}@h'}}\nbuckets:"),
    ],
)
def test_a_secret_is_never_quoted(tmp_path: Path, old: str, new: str) -> None:
    done = checked(tmp_path, GOOD.replace(old, new, 1))
    assert done.exit_code == 1
    assert KEY not in done.output
    assert DIGEST[:40] not in done.output


def test_offline_needs_no_certificates_and_finds_other_errors(tmp_path: Path) -> None:
    path = tmp_path / "presign.yaml"
    ca_file = tmp_path / "of-the-pod.pem"
    path.write_text(ISSUER.format(ca_file=ca_file) + GOOD)
    done = presign("check", "--config", str(path))
    assert (done.returncode, "ca_file: write the path of a" in done.stderr) == (1, True)
    done = presign("check", "--offline", "--config", str(path))
    assert done.returncode == 0
    assert f"not checked: issuers.cluster.ca_file {ca_file}" in done.stdout
    path.write_text(ISSUER.format(ca_file=ca_file) + GOOD.replace("region:", "regoin:"))
    done = presign("check", "--offline", "--config", str(path))
    assert (done.returncode, "did you mean region?" in done.stderr) == (1, True)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    done = presign("check", "--config", str(tmp_path / "none.yaml"))
    assert (done.returncode, "`presign init` writes" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("sections", "warns"),
    [
        ("server: {cors_origins: ['https://b.example']}", True),
        ("server: {cors_origins: ['https://b.example']}\nobjects: false", False),
        ("objects: true", False),
    ],
)
def test_check_warns_of_redirects_between_origins(
    tmp_path: Path, sections: str, *, warns: bool
) -> None:
    done = checked(tmp_path, f"{GOOD}\n{sections}\n")
    assert done.exit_code == 0
    assert (": server.cors_origins: a redirect from /o/" in done.output) is warns


def test_where_traces_go_is_shown_without_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://user:pass-word@collector:4318")
    output = checked(tmp_path, GOOD).output
    assert "traces: OpenTelemetry spans go to collector\n" in output
    assert "pass-word" not in output


def test_an_unusable_variable_of_traces_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")
    result = checked(tmp_path, GOOD)
    assert result.exit_code == 1
    assert "OTEL_EXPORTER_OTLP_ENDPOINT: write a URL" in result.output


def test_a_live_check_reads_all_files(tmp_path: Path) -> None:
    path = tmp_path / "presign.yaml"
    path.write_text(GOOD)
    done = presign("check", str(path), "--live", "--offline")
    assert done.returncode == 2
    assert "--live needs the files that --offline does not read" in done.stderr
