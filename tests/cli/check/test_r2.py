"""What `presign check` says about buckets of R2, and what other commands do."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from service.auth.api_keys import digest_of
from service.cli.main import main
from tests.support.r2_store import ACCOUNT, PARENT_SECRET, key_files

TIME: Final = "2026-11-24T20:00:00Z"
URL: Final = f"https://{ACCOUNT}.r2.cloudflarestorage.com"


def grant(prefix: str, *allow: str) -> dict[str, Any]:
    return {"bucket": "media", "prefix": prefix, "allow": [*allow], "max_expires_in": 900}


def command(
    directory: Path,
    name: str,
    *grants: dict[str, Any],
    arguments: tuple[str, ...] = (),
    revoked_before: str | None = None,
) -> Result:
    path = directory / "presign.yaml"
    bucket = {"region": "auto", "endpoint_url": URL, "credentials": "r2", **key_files(directory)}
    caller = {"api_key": "portal", "sha256": [digest_of("portal")], "grants": [*grants]}
    caller |= {} if revoked_before is None else {"revoked_before": revoked_before}
    path.write_text(json.dumps({"buckets": {"media": bucket}, "callers": [caller]}))
    done = CliRunner().invoke(main, [name, *arguments, "--config", str(path)])
    assert PARENT_SECRET not in done.output
    return done


def test_check_says_who_signs_and_what_tokens_cannot(tmp_path: Path) -> None:
    done = command(tmp_path, "check", grant("a/", "download", "upload"))
    assert done.exit_code == 0, done.output
    files = f"{tmp_path}/access_key_id_file and {tmp_path}/secret_access_key_file"
    assert f"signed with tokens that the keys in {files} sign and last 1 h" in done.stdout
    assert "each URL has a token of its own, signed without a call" in done.stdout
    assert "It cannot be revoked: the end of the parent" in done.stdout
    assert "anyone who has an upload URL can sign others for its key until it ends" in done.stdout
    assert "STS" not in done.stdout
    assert "share one" not in done.stdout


@pytest.mark.parametrize(
    ("grants", "is_refused"),
    [
        ([grant("a/", "download", "credentials"), grant("b/", "upload", "credentials")], True),
        ([grant("a/", "download", "credentials"), grant("b/", "download", "credentials")], False),
        ([grant("a/", "download", "credentials"), grant("b/", "upload")], False),
        (
            [
                grant("a/", "download", "credentials"),
                grant("b/", "download", "head", "credentials"),
            ],
            False,  # credentials never have `head`
        ),
    ],
)
def test_credentials_of_other_operations_are_an_error(
    tmp_path: Path, grants: list[dict[str, Any]], *, is_refused: bool
) -> None:
    done = command(tmp_path, "check", *grants)
    text = "have different operations, but a token of R2 has the same ones on all its paths"
    assert (done.exit_code, text in done.output) == (int(is_refused), is_refused), done.output


@pytest.mark.parametrize(
    ("operation", "text"),
    [("form", "R2 takes no forms and answers 501"), ("versions", "R2 keeps none")],
)
def test_check_warns_of_what_r2_has_not(tmp_path: Path, operation: str, text: str) -> None:
    assert text in command(tmp_path, "check", grant("a/", "download", operation)).stdout
    assert text not in command(tmp_path, "check", grant("a/", "download")).stdout


def test_check_warns_that_a_revocation_ends_no_token(tmp_path: Path) -> None:
    text = "does not end the tokens that the caller has of media"
    assert text in command(tmp_path, "check", grant("a/", "download"), revoked_before=TIME).stdout
    assert text not in command(tmp_path, "check", grant("a/", "download")).stdout


def test_revoke_says_that_no_token_can_be(tmp_path: Path) -> None:
    done = command(tmp_path, "revoke", grant("a/", "download"), arguments=("portal",))
    assert done.exit_code == 0, done.output
    assert "bucket media: a token of R2 cannot be revoked" in done.output
    assert "delete their parent, the R2 API token" in done.output


def test_iam_names_no_role_and_no_user(tmp_path: Path) -> None:
    done = command(tmp_path, "iam", grant("a/", "download"))
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert (printed["roles"], printed["users"]) == ([], [])
    assert any("at R2, so no role and no user of IAM" in note for note in printed["notes"])


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"allow": ["upload", "link"]}, "allow: `link` with `upload`: strangers could upload"),
        ({"max_content_length": "1MiB"}, "max_content_length: nobody would keep it"),
        ({"content_types": ["image/*"]}, "content_types: nobody would keep it"),
    ],
)
def test_what_a_url_circumvents_is_an_error(
    tmp_path: Path, more: dict[str, Any], text: str
) -> None:
    done = command(tmp_path, "check", grant("a/", "download", "upload") | more)
    assert done.exit_code == 1
    assert f"callers.0.grants.0.{text}" in done.output
    assert "anyone who has an upload URL can sign others for its key" in done.output


def test_links_to_read_are_allowed(tmp_path: Path) -> None:
    both = (grant("a/", "download", "link"), grant("a/", "upload"))
    assert command(tmp_path, "check", *both).exit_code == 0
