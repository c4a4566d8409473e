"""`presign check` on buckets that CloudFront delivers."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from service.access.surfaces import SURFACES
from service.cli.main import main
from tests.cli.invoking import DIGEST
from tests.support.cloudfront import KEY_ID, ORIGIN, settings_with_cloudfront

DAY = 86_400


def check(
    directory: Path,
    *options: str,
    mode: int = 0o600,
    key_file: str | None = None,
    deliver: Sequence[str] = ("downloads", "links"),
    **grant: Any,
) -> Result:
    section = settings_with_cloudfront(directory, deliver=deliver)
    (directory / "cloudfront.pem").chmod(mode)
    if key_file is not None:
        section["keys"][0]["private_key_file"] = key_file
    allowed = {"bucket": "media", "prefix": "a/", "allow": ["download"], "max_expires_in": 30 * DAY}
    role = "arn:aws:iam::111122223333:role/presign"
    bucket = {"region": "eu-west-1", "role_arn": role, "cloudfront": section}
    caller = {"api_key": "site", "sha256": [DIGEST], "grants": [{**allowed, **grant}]}
    path = directory / "presign.yaml"
    path.write_text(json.dumps({"buckets": {"media": bucket}, "callers": [caller]}))
    return CliRunner().invoke(main, ["check", "--config", str(path), *options])


def test_check_says_what_is_delivered_and_cannot_be_revoked(tmp_path: Path) -> None:
    done = check(tmp_path)
    assert done.exit_code == 0
    delivered = f"bucket media: downloads are delivered by {ORIGIN} (downloads, links), signed with the key {KEY_ID}"
    assert delivered in done.stdout
    assert (
        "bucket media: CloudFront URLs and cookies live 30 days at most, and cannot be revoked"
        in done.stdout
    )
    assert "private key" not in done.stdout


@pytest.mark.parametrize(
    ("allow", "max_expires_in", "warns"),
    [(["download"], None, True), (["download"], 900, False), (["upload"], None, False)],
)
def test_check_warns_of_a_grant_without_a_limit(
    tmp_path: Path, allow: list[str], max_expires_in: int | None, *, warns: bool
) -> None:
    done = check(tmp_path, allow=allow, max_expires_in=max_expires_in)
    text = (
        "nobody can revoke the CloudFront URLs of bucket media, so without max_expires_in URLs "
        "live 15m at most, the default_expires_in; set max_expires_in to how long a leak may last"
    )
    assert (text in done.stdout) is warns
    assert ("CloudFront URLs and cookies live 15 min at most" in done.stdout) is (
        allow == ["download"]
    )


@pytest.mark.parametrize(("mode", "warns"), [(0o644, True), (0o604, True), (0o640, False)])
def test_check_warns_of_a_key_that_all_may_read(tmp_path: Path, mode: int, *, warns: bool) -> None:
    done = check(tmp_path, mode=mode)
    assert done.exit_code == 0
    at = "buckets.media.cloudfront.keys.0.private_key_file: all users of this machine may read"
    assert (at in done.stdout) is warns


def test_check_warns_of_a_bucket_without_downloads(tmp_path: Path) -> None:
    done = check(tmp_path, allow=["upload"], max_expires_in=900)
    assert "buckets.media.cloudfront: no grant allows `download`" in done.stdout


@pytest.mark.parametrize(
    ("allow", "deliver", "warns"),
    [
        (["download", "link"], SURFACES, False),
        (["download"], SURFACES[1:], True),
        (["download", "head"], SURFACES, True),
    ],
)
def test_what_cloudfront_delivers_needs_no_long_session(
    tmp_path: Path, allow: list[str], deliver: Sequence[str], *, warns: bool
) -> None:
    done = check(tmp_path, allow=allow, deliver=deliver)
    assert done.exit_code == 0
    assert ("longer lifetimes can be cut short" in done.stdout) is warns


def test_offline_reads_no_private_key(tmp_path: Path) -> None:
    done = check(tmp_path, "--offline", key_file=str(tmp_path / "nowhere.pem"))
    assert done.exit_code == 0
    assert f"buckets.media: keys in {tmp_path / 'nowhere.pem'}" in done.stdout


def test_a_key_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    done = check(tmp_path, key_file=str(tmp_path / "nowhere.pem"))
    assert done.exit_code == 1
    assert "write the path of a readable file with a private key in PEM" in done.output
