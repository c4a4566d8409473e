"""`presign revoke` in words: whom it means, whom else it hits, and what it cannot do."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from service.access.callers import revoked_before
from service.access.grants import Caller
from service.app.builders import caller_entries
from service.cli.main import main
from service.config.settings import load_settings
from service.sessions.sts import session_name

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
    return {
        "api_key": name,
        "sha256": [name.encode().hex().rjust(64, "0")],
        "grants": grants(*buckets),
    }


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
    """Role and `aws:userid` of each document that was printed."""
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
            yield role, statement["Condition"]["StringLike"]["aws:userid"]


def test_each_role_of_the_callers_buckets_is_named_once(path: Path) -> None:
    write(path, key_of("billing", "reports", "archive", "other"))
    done = revoked(path, "billing")
    name = session_name((None, "billing"))
    assert done.exit_code == 0, done.output
    assert sorted(denied(done)) == [(ROLE, f"*:{name}"), (OTHER_ROLE, f"*:{name}")]
    assert (
        f"role {ROLE} (buckets archive, reports), inline policy presign-revoke-{name}:"
        in done.stdout
    )
    assert "AWS takes minutes" in done.stdout
    assert "warning" not in done.stdout


def test_the_moment_may_be_told_and_replicas_drop_what_began_within_an_attempt_of_it(
    path: Path,
) -> None:
    write(path, key_of("billing", "reports"))
    done = revoked(path, "billing", "--at", "2026-01-01T01:00:00+01:00")
    assert '"aws:TokenIssueTime": "2026-01-01T00:00:00Z"' in done.stdout
    assert "    revoked_before: 2026-01-01T00:00:05Z\n" in done.stdout


def test_a_subject_of_a_pattern_is_revoked_alone_by_an_entry_of_its_own(path: Path) -> None:
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
    later = revoked_before(entries, Caller(issuer="cluster-a", subject=API))
    assert later == 1_767_225_605.0
    web = Caller(issuer="cluster-a", subject="system:serviceaccount:billing:web")
    assert revoked_before(entries, web) == float("-inf")


def test_of_a_pattern_it_is_told_what_is_missed_and_who_else_may_be_hit(path: Path) -> None:
    write(
        path,
        subject(BILLING, "reports"),
        subject("system:serviceaccount:billing-eu:*", "archive"),
        subject("system:serviceaccount:web:*", "reports"),
        subject("system:serviceaccount:billing-us:*", "other"),
        subject(API, "static"),
    )
    done = revoked(path, f"cluster-a:{BILLING}")
    assert [*denied(done)] == [(ROLE, f"*:system-serviceaccount-billing-*-{'?' * 12}")]
    warnings = [line for line in done.stdout.splitlines() if line.startswith("warning")]
    assert len(warnings) == 3
    assert "more than 51 characters are not reached" in warnings[0]
    assert "system:serviceaccount:billing-eu:* of cluster-a may be hit" in warnings[1]
    assert "static keys belong to no session" in warnings[2]
    assert f'On the caller with `subject: "{BILLING}"`' in done.stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("biling", "there are: billing."),
        ("cluster-b:system:serviceaccount:billing:api", f"cluster-a:{BILLING}"),
        (API, f"cluster-a:{BILLING}"),
        (f"cluster-a:{'x' * 52}*", "all are longer than 51 characters"),
        ("cluster-a:*", "`*` never comes first"),
        ("", "there are: "),
    ],
)
def test_who_cannot_be_meant_is_told_with_those_who_are_near(
    path: Path, text: str, told: str
) -> None:
    write(path, key_of("billing", "reports"), subject(BILLING, "reports"), subject("x*", "other"))
    done = revoked(path, text)
    assert (done.exit_code, done.stdout) == (2, "")
    assert told in done.stderr


def test_without_scoped_sessions_it_names_the_buckets_own_and_all_who_are_hit(path: Path) -> None:
    write(path, key_of("a", "shared"), key_of("b", "shared"), key_of("c", "reports"))
    done = revoked(path, "a")
    assert [*denied(done)] == [(ROLE, "*:presign")]
    assert "every one of them is hit: API key a, API key b. revoked_before does not" in done.stdout
    assert "revoked_before: " not in done.stdout


def test_of_static_keys_it_says_that_there_is_no_such_switch_and_what_to_do(path: Path) -> None:
    write(path, key_of("a", "static"))
    done = revoked(path, "a")
    assert (done.exit_code, [*denied(done)]) == (0, [])
    for told in ("there is no such switch", "make new keys", "s3:signatureAge"):
        assert told in done.stdout
    applied = revoked(path, "a", "--apply", "--yes")
    assert (applied.exit_code, "there is no role to put it on" in applied.stderr) == (1, True)


def test_a_caller_without_grants_has_no_sessions(path: Path) -> None:
    write(path, key_of("a"))
    done = revoked(path, "a")
    assert done.stdout == "warning: this caller has no grants, and so no sessions\n"


def test_a_role_of_another_store_is_not_looked_for_at_aws(path: Path) -> None:
    write(path, key_of("a", "reports"))
    document = json.loads(path.read_text())
    document["buckets"]["reports"]["endpoint_url"] = "http://store.internal:9000"
    path.write_text(json.dumps(document))
    done = revoked(path, "a", "--apply", "--yes")
    assert (done.exit_code, "name their IAM with --iam-endpoint-url" in done.stderr) == (1, True)
    assert "revoked_before: " in done.stdout


def test_to_apply_and_to_lift_are_two_things(path: Path) -> None:
    write(path, key_of("a", "reports"))
    assert revoked(path, "a", "--apply", "--lift").exit_code == 2
    assert revoked(path, "a", "--lift", "--at", "2026-01-01T00:00:00Z").exit_code == 2


def test_an_endpoint_that_is_no_url_is_told_what_to_write(path: Path) -> None:
    write(path, key_of("a", "reports"))
    done = revoked(path, "a", "--apply", "--yes", "--iam-endpoint-url", "store.internal")
    assert (done.exit_code, "write a URL such as https://" in done.stderr) == (2, True)


def test_a_time_without_its_zone_is_told_what_to_write(path: Path) -> None:
    write(path, key_of("a", "reports"))
    done = revoked(path, "a", "--at", "2026-01-01T00:00:00")
    assert (done.exit_code, "such as 2026-11-24T20:00:00Z" in done.stderr) == (2, True)
