"""What `presign check` says about grants with `sign`."""

from pathlib import Path

import pytest

from tests.cli.invoking import GOOD, checked

UPLOADS = "[download, upload, sign]"


def signing(allow: str = UPLOADS, more: str = "") -> str:
    """The good configuration, whose first grant allows this, with other limits."""
    changed = GOOD.replace("[download, upload]", allow)
    assert changed != GOOD
    return changed.replace("max_expires_in: 900", f"max_expires_in: 900{more}")


def test_check_says_who_may_sign(tmp_path: Path) -> None:
    done = checked(tmp_path, signing())
    assert done.exit_code == 0
    may = "API key billing may sign its own S3 requests at /sign/reports/…, each signature valid"
    assert may in done.stdout
    assert "/sign/" not in checked(tmp_path, GOOD).stdout


@pytest.mark.parametrize(
    ("allow", "more", "message"),
    [
        ("[sign]", "", "allows `sign`, but no operation to sign"),
        ("[sign, form, check, versions]", "", "allows `sign`, but no operation to sign"),
        (UPLOADS, ", max_content_length: 5", "PyIceberg sends neither size nor type"),
        (UPLOADS, ', content_types: ["a/b"]', "PyIceberg sends neither size nor type"),
        (UPLOADS, "", "PyIceberg and most SDKs send no `If-None-Match`"),
    ],
)
def test_check_warns_of_what_clients_cannot_do(
    tmp_path: Path, allow: str, more: str, message: str
) -> None:
    done = checked(tmp_path, signing(allow, more))
    assert done.exit_code == 0
    assert message in done.stdout


def test_a_list_of_one_key_is_nothing_to_sign(tmp_path: Path) -> None:
    of_a_folder = signing("[list, sign]")
    of_a_key = of_a_folder.replace("prefix: invoices/", "prefix: invoices/may.pdf")
    assert "no operation to sign" not in checked(tmp_path, of_a_folder).stdout
    assert "no operation to sign" in checked(tmp_path, of_a_key).stdout


def test_check_warns_of_deletions_by_a_shared_session(tmp_path: Path) -> None:
    text = signing("[delete, sign]")
    assert "share the session" not in checked(tmp_path, text).stdout
    shared = text.replace("region: eu-west-1", "region: eu-west-1, scoped_sessions: false")
    output = checked(tmp_path, shared).stdout
    assert "all callers share the session of bucket reports, so DeleteObjects needs" in output
    elsewhere = "endpoint_url: https://s3.test, sts_endpoint_url: https://s3.test"
    shared = shared.replace("scoped_sessions: false", f"scoped_sessions: false, {elsewhere}")
    assert "so DeleteObjects is not signed" in checked(tmp_path, shared).stdout


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("max_expires_in: 900", "max_expires_in: 899", "a signature in headers is valid for 900 s"),
        (UPLOADS, "[multipart, sign]", "parts are signed one by one and nobody adds them up"),
    ],
)
def test_limits_that_cannot_be_kept_are_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    done = checked(tmp_path, signing(more=", max_content_length: 5").replace(old, new))
    assert done.exit_code != 0
    assert message in done.output
