"""`presign init`: the file that it writes, and what it says."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from service.app.settings import Settings
from service.auth.api_keys import digest_of
from service.cli.check.known_issuers import keys_url
from service.cli.first_file import Answers, first_file
from service.cli.main import main
from service.config.yaml_reader import parse
from tests.support.demo import ROOT

ROLE: Final = "arn:aws:iam::111122223333:role/presign-reports"
AWS: Final = ("--bucket", "acme-reports", "--region", "eu-west-1", "--role-arn", ROLE)
STORE: Final = ("--bucket", "reports", "--endpoint-url", "https://minio.internal:9000")
DIGEST: Final = digest_of("key")


def init(directory: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["init", str(directory / "presign.yaml"), *arguments])


def check(directory: Path) -> Result:
    arguments = ["check", str(directory / "presign.yaml"), "--strict", "--offline"]
    return CliRunner().invoke(main, arguments)


def test_a_file_for_aws_passes_the_strict_check(tmp_path: Path) -> None:
    done = init(tmp_path, *AWS)

    text = (tmp_path / "presign.yaml").read_text(encoding="utf-8")
    key = next(line.strip() for line in done.stdout.splitlines() if line.startswith("  "))
    assert digest_of(key) in text
    assert key not in text
    assert done.stdout.count(key) == 1
    assert "presign iam" in done.stdout
    assert len(text.splitlines()) <= 12
    checked = check(tmp_path)
    assert (checked.exit_code, "warning" in checked.stdout) == (0, False)


def test_a_file_for_static_keys_says_why_it_is_not_strict(tmp_path: Path) -> None:
    done = init(tmp_path, *STORE)

    assert "buckets.reports.credentials: all callers share one set of credentials" in done.stdout
    assert "AWS_ACCESS_KEY_ID" in done.stdout


def test_a_file_for_a_store_with_roles_has_no_warning(tmp_path: Path) -> None:
    done = init(tmp_path, *STORE, "--role-arn", ROLE)
    assert (done.exit_code, "warning" in done.stdout) == (0, False)


def test_an_existing_file_is_never_changed(tmp_path: Path) -> None:
    (tmp_path / "presign.yaml").write_text("mine")

    done = init(tmp_path, *AWS)

    assert (done.exit_code, done.stdout) == (1, "")
    assert "exists; it was not changed" in done.stderr
    assert (tmp_path / "presign.yaml").read_text() == "mine"


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "presign.yaml").symlink_to(tmp_path / "nowhere")

    done = init(tmp_path, *AWS)

    assert (done.exit_code, done.stdout) == (1, "")
    assert "cannot be written: File exists" in done.stderr


def test_the_result_is_json_on_request(tmp_path: Path) -> None:
    made = json.loads(init(tmp_path, *AWS, "--json").stdout)

    settings = parse((tmp_path / "presign.yaml").read_text())
    assert settings["callers"][0]["sha256"] == [digest_of(made["key"])]
    assert (made["api_key"], made["warnings"]) == ("first", [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "ask at: give --bucket; --region with --role-arn, or --endpoint-url"),
        (AWS[:2], "ask at: give --region with --role-arn, or --endpoint-url"),
        (AWS[2:4], "ask at: give --bucket; --role-arn"),
        (AWS[4:], "ask at: give --bucket; --region or --endpoint-url"),
        (AWS[:4], "ask at: give --role-arn"),
        (STORE[2:], "ask at: give --bucket"),
        ((*AWS, "--endpoint-url", "https://a"), "give one"),
        (("--bucket", "a b"), "at most 63 letters"),
        (("--region", "EU"), "write a region such as eu-west-1"),
        (("--endpoint-url", "minio:9000"), "write a URL such as https://store.internal:9000"),
        (("--role-arn", "presign"), "write the ARN of a role"),
        (("--prefix", "a*"), "a prefix cannot contain *"),
        ((*AWS, "--caller", "github"), "ask at: give --member"),
        ((*AWS, "--caller", "people"), "ask at: give --member; --issuer"),
        (
            (*AWS, "--caller", "people", "--member", "a", "--issuer", "https://i.example"),
            "ask at: give --jwks-url",
        ),
        ((*AWS, "--caller", "github", "--member", "acme"), "write the id in digits"),
        ((*AWS, "--caller", "kubernetes", "--member", "a:b"), "at most 63 letters"),
        ((*AWS, "--caller", "people", "--member", "a", "--member", "b"), "give --member once"),
    ],
)
def test_without_a_terminal_the_options_must_say_all(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = init(tmp_path, *arguments)

    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []


REALM: Final = "https://sso.acme.com/realms/acme"


@pytest.mark.parametrize(
    ("options", "issuer", "entry"),
    [
        (
            ("--caller", "kubernetes", "--member", "billing"),
            {
                "issuer": "https://kubernetes.default.svc.cluster.local",
                "audience": "presign",
                "jwks_url": "https://kubernetes.default.svc/openid/v1/jwks",
                "ca_file": "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
                "bearer_file": "/var/run/secrets/kubernetes.io/serviceaccount/token",
            },
            {"subject": "system:serviceaccount:billing:*"},
        ),
        (
            ("--caller", "github", "--member", "1234567"),
            {
                "issuer": "https://token.actions.githubusercontent.com",
                "audience": "presign",
                "jwks_url": "https://token.actions.githubusercontent.com/.well-known/jwks",
            },
            {"claims": {"/repository_owner_id": "1234567"}},
        ),
        (
            ("--caller", "people", "--member", "/finance", "--issuer", REALM, "--audience", "web"),
            {
                "issuer": REALM,
                "audience": "web",
                "jwks_url": f"{REALM}/protocol/openid-connect/certs",
            },
            {"claims": {"/groups": "/finance"}},
        ),
    ],
)
def test_callers_with_tokens_pass_the_strict_check(
    tmp_path: Path, options: tuple[str, ...], issuer: dict[str, str], entry: dict[str, Any]
) -> None:
    done = init(tmp_path, *AWS, *options, "--json")
    assert done.exit_code == 0, done.output
    made = json.loads(done.stdout)
    document = parse((tmp_path / "presign.yaml").read_text(encoding="utf-8"))
    [(name, written)] = document["issuers"].items()
    assert (made["issuer"], made["warnings"], "key" in made) == (name, [], False)
    assert written == issuer
    [caller] = document["callers"]
    assert {key: caller[key] for key in entry} == entry
    assert "sha256" not in caller
    checked = check(tmp_path)
    assert (checked.exit_code, "warning" in checked.stdout) == (0, False)


@pytest.mark.parametrize(
    ("iss", "url"),
    [
        (
            "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000001/v2.0",
            (
                "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000001"
                "/discovery/v2.0/keys"
            ),
        ),
        ("https://acme.okta.com/oauth2/default", "https://acme.okta.com/oauth2/default/v1/keys"),
        ("https://acme.eu.auth0.com/", "https://acme.eu.auth0.com/.well-known/jwks.json"),
        ("https://i.example", None),
    ],
)
def test_the_keys_of_a_known_issuer_need_no_question(iss: str, url: str | None) -> None:
    assert keys_url(iss) == url


def test_a_bucket_that_cannot_be_signed_for_leaves_no_file(tmp_path: Path) -> None:
    done = init(tmp_path, "--bucket", "data--use1-az4--x-s3", *AWS[2:])

    assert done.exit_code == 1
    assert "an S3 Express directory bucket needs CreateSession" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["null", "123", "yes", "1e3", "0x10", "plain-name"])
@pytest.mark.parametrize("prefix", ["a, b/", "# a/", "é/", "a: b/", '"/', "{claim:/sub}/"])
def test_any_name_and_prefix_are_read_as_they_are(name: str, prefix: str) -> None:
    answers = Answers(bucket=name, region="eu-west-1", role_arn=ROLE, prefix=prefix)
    document = parse(first_file(answers, DIGEST, "2027-12-01"))
    assert list(document["buckets"]) == [name]
    [grant] = document["callers"][0]["grants"]
    assert (grant["bucket"], grant["prefix"]) == (name, prefix)
    if "{" not in prefix:  # an API key has no claims
        Settings.model_validate(document)


def test_a_person_is_asked_five_questions(tmp_path: Path) -> None:
    """Wrong answers are asked again; the last questions have a default."""
    answers = "acme-reports\nEU\neu-west-1\n" + f"{ROLE}\n\n\n"
    controller, terminal = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "service", "init", str(tmp_path / "presign.yaml")],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"]},
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            os.write(controller, answers.encode())
            stdout, stderr = process.communicate(timeout=60)
    finally:
        os.close(controller)
        os.close(terminal)
    assert process.returncode == 0, stderr
    for question in (
        "Bucket: ",
        "Region at AWS, or URL of another store: ",
        "Error: write a region such as eu-west-1",
        "ARN of the role that signs: ",
        "Prefix of the caller's keys [shared/]: ",
        "Who calls (api-key, kubernetes, github, people) [api-key]: ",
    ):
        assert question in stderr
    assert "is written" in stdout
    assert "warning" not in stdout
