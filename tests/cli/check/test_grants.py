"""`presign check`: grants that undo each other's limits."""

from pathlib import Path

import pytest

from tests.cli.invoking import DIGEST, checked

HEAD = """\
buckets:
  reports: {region: eu-west-1, role_arn: "arn:aws:iam::111122223333:role/presign"}
issuers:
  ci: {issuer: "https://ci.example", audience: presign, jwks_url: "https://ci.example/jwks"}
"""
LIMIT = "max_content_length: 1MiB"
UNDONE = "has no effect on"


def grant(prefix: str, allow: str, limit: str = "") -> str:
    limits = f"max_expires_in: 900, {limit}" if limit else "max_expires_in: 900"
    return f"{{bucket: reports, prefix: {prefix!r}, allow: [{allow}], {limits}}}"


def of_key(*grants: str) -> str:
    return f"  - {{api_key: a, sha256: [{DIGEST}], grants: [{', '.join(grants)}]}}\n"


def of_subject(subject: str, *grants: str) -> str:
    return f"  - {{issuer: ci, subject: {subject!r}, grants: [{', '.join(grants)}]}}\n"


def undone(directory: Path, callers: str, more: str = "") -> list[str]:
    done = checked(directory, f"{HEAD}callers:\n{callers}{more}")
    assert done.exit_code == 0, done.output
    return [line for line in done.output.splitlines() if UNDONE in line]


@pytest.mark.parametrize(
    "grants",
    [
        (grant("a/", "upload", LIMIT), grant("a/b/", "upload")),  # an exception
        (grant("a/", "upload", LIMIT), grant("b/", "upload")),
        (grant("a/", "upload", LIMIT), grant("a/", "download")),
        (grant("a/", "upload", LIMIT), grant("a/", "upload", LIMIT)),
        (grant("a/", "upload, download", LIMIT), grant("a/", "download")),
        (grant("a/", "form", "content_types: [a/b]"), grant("a/", "form", "content_types: [c/d]")),
    ],
)
def test_grants_that_add_up_are_not_reported(tmp_path: Path, grants: tuple[str, str]) -> None:
    assert undone(tmp_path, of_key(*grants)) == []


@pytest.mark.parametrize(
    ("limited", "other", "message"),
    [
        (grant("a/", "upload", LIMIT), grant("a/", "upload"), "upload, because"),
        (grant("a/b", "upload, form", LIMIT), grant("a/", "upload, form"), "upload and form, bec"),
        (grant("a/", "upload", LIMIT), grant("", "upload", "max_content_length: 2MiB"),
         "(PATH:6) allows more"),
        (grant("a/", "list", "max_keys: 5"), grant("a/", "list"), "list, because"),
        (grant("a/", "link, head", "max_link_expires_in: 1h"), grant("a/", "link"), "link, because"),
        (grant("a/", "form", "content_types: [a/b]"), grant("a/", "form", "content_types: [a/b, c/d]"),
         "callers.0.grants.1 (PATH:6) allows more"),
    ],
)  # fmt: skip
def test_a_limit_that_another_grant_undoes_is_reported(
    tmp_path: Path, limited: str, other: str, message: str
) -> None:
    [line] = undone(tmp_path, of_key(limited, other))
    assert message in line.replace(str(tmp_path / "presign.yaml"), "PATH")


PICTURES = "content_types: [image/png]"
REPLACES = f"{PICTURES}, allow_overwrite: true"


@pytest.mark.parametrize(
    ("own", "other", "is_told"),
    [
        (grant("a/", "multipart", REPLACES), grant("a/b/", "multipart"), True),
        (grant("a/b/", "multipart", REPLACES), grant("a/", "multipart"), True),
        (
            grant("a/", "multipart", REPLACES),
            grant("a/", "multipart", "content_types: [image/png, a/b]"),
            True,
        ),
        (grant("a/", "multipart", REPLACES), grant("a/", "upload, credentials"), True),
        (grant("a/", "multipart", REPLACES), grant("a/", "multipart", PICTURES), False),
        (grant("a/", "multipart", REPLACES), grant("b/", "multipart"), False),
        (grant("a/", "multipart", REPLACES), grant("a/", "upload"), False),
        (
            grant("a/", "multipart", REPLACES),
            grant("a/", "multipart", "networks: [203.0.113.0/24]"),
            False,  # it decides nothing there
        ),
        (
            grant("a/", "multipart", REPLACES),
            grant("a/", "multipart", "allow_overwrite: true"),
            False,
        ),
        (grant("a/", "multipart", PICTURES), grant("a/", "multipart"), False),
        (grant("a/", "upload", REPLACES), grant("a/", "multipart"), False),
        (grant("a/", "multipart", "allow_overwrite: true"), grant("a/", "multipart"), False),
    ],
)
def test_parts_that_replace_nothing_are_reported(
    tmp_path: Path, own: str, other: str, *, is_told: bool
) -> None:
    for grants in ((own, other), (other, own)):
        found = [line for line in undone(tmp_path, of_key(*grants)) if "allow_overwrite" in line]
        assert ["on multipart where" in line for line in found] == [True] * is_told


def test_only_an_entry_for_all_the_same_subjects_undoes_a_limit(tmp_path: Path) -> None:
    limited, free = grant("a/", "upload", LIMIT), grant("a/", "upload")
    one, all_of_them = "repo:acme", "repo:*"
    [line] = undone(tmp_path, of_subject(one, limited) + of_subject(all_of_them, free))
    assert "callers.0.grants.0.max_content_length" in line
    assert undone(tmp_path, of_subject(all_of_them, limited) + of_subject(one, free)) == []


def test_a_risk_of_a_grant_set_is_reported_once(tmp_path: Path) -> None:
    callers = "".join(f"  - {{issuer: ci, subject: {name}, grants: all}}\n" for name in "ab")
    done = checked(
        tmp_path, f"{HEAD}callers:\n{callers}grant_sets: {{all: [{grant('', 'list')}]}}\n"
    )
    assert done.output.count("covers the whole bucket") == 1
    assert "grant_sets.all.0: covers the whole bucket" in done.output


def test_grants_for_everybody_of_an_issuer_are_reported(tmp_path: Path) -> None:
    done = checked(tmp_path, f"{HEAD}callers:\n{of_subject('*', grant('a/', 'download'))}")
    text = "callers.0.subject: anyone who can get a token for this audience has these grants"
    assert text in done.output
    assert "\neveryone who signs in at `ci` may download a/… in reports" in done.output
