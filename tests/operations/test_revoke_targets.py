"""`presign revoke`: which sessions it ends, who else is affected, and what it cannot do."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from service.access.callers import Identity, revoked_before
from service.access.grants import Caller
from service.app.builders import caller_entries
from service.app.settings import load_settings
from service.cli.main import main
from service.sessions.source import session_name
from tests.support.cloudfront import KEY_ID, settings_with_cloudfront

ROLE: Final = "arn:aws:iam::111122223333:role/presign"
OTHER_ROLE: Final = "arn:aws:iam::444455556666:role/team/presign"
BUCKETS: Final[dict[str, dict[str, Any]]] = {
    "reports": {"region": "eu-west-1", "role_arn": ROLE},
    "archive": {"region": "eu-west-1", "role_arn": ROLE, "session_seconds": 43_200},
    "other": {"region": "us-east-1", "role_arn": OTHER_ROLE, "credentials": "web_identity"},
    "shared": {"region": "eu-west-1", "role_arn": ROLE, "scoped_sessions": False},
    "static": {"region": "eu-west-1", "credentials": "static"},
}
BILLING: Final = "system:serviceaccount:billing:*"
API: Final = "system:serviceaccount:billing:api"


def grants(*buckets: str) -> list[dict[str, Any]]:
    return [{"bucket": bucket, "prefix": "a/", "allow": ["download"]} for bucket in buckets]


def key_of(name: str, *buckets: str) -> dict[str, Any]:
    digest = name.encode().hex().rjust(64, "0")
    return {"api_key": name, "sha256": [digest], "grants": grants(*buckets)}


def subject(text: str, *buckets: str) -> dict[str, Any]:
    return {"issuer": "cluster-a", "subject": text, "grants": grants(*buckets)}


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return tmp_path / "presign.yaml"


def write(path: Path, *callers: Mapping[str, Any]) -> None:
    issuer = {"issuer": "https://a", "audience": "presign", "jwks_url": "https://a/jwks"}
    token = path.with_name("token")
    token.write_text("t")
    server = {"web_identity_token_file": str(token)}
    document = {"server": server, "buckets": BUCKETS, "issuers": {"cluster-a": issuer}}
    path.write_text(json.dumps({**document, "callers": callers}))


def revoked(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["revoke", "--config", str(path), *arguments])


def denied(done: Result) -> Iterator[tuple[str, str]]:
    """The role and `aws:userid` of each printed policy."""
    role = ""
    lines = iter(done.stdout.splitlines(keepends=True))
    for line in lines:
        if line.startswith("role "):
            role = line.split()[1]
        if line == "{\n":
            text = line
            while not text.endswith("\n}\n"):
                text += next(lines)
            [statement] = json.loads(text)["Statement"]
            name, vended = statement["Condition"]["StringLike"]["aws:userid"]
            assert vended == f"{name}-vended"
            yield role, name


def test_each_role_of_the_callers_buckets_gets_one_policy(path: Path) -> None:
    write(path, key_of("billing", "reports", "archive", "other"))
    done = revoked(path, "billing")
    name = session_name((None, "billing"))
    assert done.exit_code == 0, done.output
    assert sorted(denied(done)) == [(ROLE, f"*:{name}"), (OTHER_ROLE, f"*:{name}")]
    policy = f"role {ROLE} (buckets archive, reports), inline policy presign-revoke-{name}:"
    assert policy in done.stdout
    assert "AWS takes minutes" in done.stdout
    assert "warning" not in done.stdout


def test_revoked_before_is_later_than_the_cutoff(path: Path) -> None:
    write(path, key_of("billing", "reports"))
    done = revoked(path, "billing", "--at", "2026-01-01T01:00:00+01:00")
    assert '"aws:TokenIssueTime": "2026-01-01T00:00:00Z"' in done.stdout
    assert "    revoked_before: 2026-01-01T00:00:05Z\n" in done.stdout


def test_a_patterns_subject_is_revoked_by_a_new_entry(path: Path) -> None:
    write(path, subject(BILLING, "reports"), subject("system:serviceaccount:billing:a*", "other"))
    done = revoked(path, f"cluster-a:{API}", "--at", "2026-01-01T00:00:00Z")
    name = session_name(("cluster-a", API))
    assert sorted(denied(done)) == [(ROLE, f"*:{name}"), (OTHER_ROLE, f"*:{name}")]
    assert "warning" not in done.stdout
    pasted = done.stdout[done.stdout.index("  - issuer") :]
    document = json.loads(path.read_text())
    document["callers"] += YAML(typ="rt").load(pasted)
    with path.open("w") as file:
        YAML().dump(document, file)
    entries = caller_entries(load_settings(path))
    web = "system:serviceaccount:billing:web"
    for each, since in ((API, 1_767_225_605.0), (web, float("-inf"))):
        assert revoked_before(entries, Identity(Caller(issuer="cluster-a", subject=each))) == since


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("biling", "there are: billing."),
        ("cluster-b:system:serviceaccount:billing:api", f"cluster-a:{BILLING}"),
        (API, f"cluster-a:{BILLING}"),
        (f"cluster-a:{BILLING}", "name one subject, without `*`"),
        ("cluster-a:*", "To end all sessions of a role, use IAM"),
        ("", "there are: "),
    ],
)
def test_an_unknown_caller_is_refused_with_suggestions(path: Path, text: str, message: str) -> None:
    write(path, key_of("billing", "reports"), subject(BILLING, "reports"), subject("x*", "other"))
    done = revoked(path, text)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


def test_a_shared_session_affects_all_callers_of_the_bucket(path: Path) -> None:
    write(path, key_of("a", "shared"), key_of("b", "shared"), key_of("c", "reports"))
    done = revoked(path, "a")
    assert [*denied(done)] == [(ROLE, "*:presign")]
    text = "all of them are affected: API key a, API key b. revoked_before has no effect"
    assert text in done.stdout
    assert "revoked_before: " not in done.stdout


def test_static_keys_cannot_be_revoked(path: Path) -> None:
    write(path, key_of("a", "static"))
    done = revoked(path, "a")
    assert (done.exit_code, [*denied(done)]) == (0, [])
    for text in ("they cannot be revoked here", "replace the keys", "s3:signatureAge"):
        assert text in done.stdout
    applied = revoked(path, "a", "--apply", "--yes")
    assert (applied.exit_code, "there is no role to change" in applied.stderr) == (1, True)


def test_cloudfront_urls_do_not_end(path: Path) -> None:
    write(path, key_of("a", "reports"), key_of("b", "archive"))
    document = json.loads(path.read_text())
    document["buckets"]["reports"]["cloudfront"] = settings_with_cloudfront(path.parent)
    path.write_text(json.dumps(document))
    section = document["buckets"]["reports"]["cloudfront"]
    section["keys"].insert(0, {**section["keys"][0], "id": "K3NEXT"})  # during a rotation
    path.write_text(json.dumps(document))
    said = revoked(path, "a").stdout
    assert "of bucket reports do not end: they belong to no session" in said
    assert f"the removal of the key that signed, K3NEXT or {KEY_ID}, from its key group" in said
    assert "CloudFront" not in revoked(path, "b").stdout


def test_a_caller_without_grants_has_no_sessions(path: Path) -> None:
    write(path, key_of("a"))
    done = revoked(path, "a")
    assert done.stdout == "warning: this caller has no grants, so it has no sessions\n"


def test_a_role_of_another_store_needs_its_iam_endpoint(path: Path) -> None:
    write(path, key_of("a", "reports"))
    document = json.loads(path.read_text())
    document["buckets"]["reports"]["endpoint_url"] = "http://store.internal:9000"
    path.write_text(json.dumps(document))
    done = revoked(path, "a", "--apply", "--yes")
    assert (done.exit_code, "set their IAM with --iam-endpoint-url" in done.stderr) == (1, True)
    assert "revoked_before: " in done.stdout


def test_lift_excludes_apply_and_at(path: Path) -> None:
    write(path, key_of("a", "reports"))
    assert revoked(path, "a", "--apply", "--lift").exit_code == 2
    assert revoked(path, "a", "--lift", "--at", "2026-01-01T00:00:00Z").exit_code == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--iam-endpoint-url", "store.internal"], "write a URL such as https://"),
        (["--at", "2026-01-01T00:00:00"], "such as 2026-11-24T20:00:00Z"),
    ],
)
def test_an_invalid_option_says_what_to_write(path: Path, options: list[str], message: str) -> None:
    write(path, key_of("a", "reports"))
    done = revoked(path, "a", *options)
    assert (done.exit_code, message in done.stderr) == (2, True)


def test_a_caller_by_claims_may_have_any_of_their_sessions(path: Path) -> None:
    """The command does not know the groups, so it ends what they could have signed."""
    by_claims = {"issuer": "cluster-a", "claims": {"/groups": "ops"}, "grants": grants("other")}
    write(path, subject(BILLING, "reports"), by_claims)
    done = revoked(path, f"cluster-a:{API}")
    assert done.exit_code == 0, done.output
    assert ROLE in done.output
    assert OTHER_ROLE in done.output
    assert f'subject: "{API}"' in done.output
