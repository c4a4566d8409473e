"""Grants with `credentials`: what the settings refuse, and what `presign check` reports."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.protocols import sections
from tests.protocols.sections import BUCKET as AWS
from tests.protocols.sections import granted, of_key

OWN: Final = {
    **AWS,
    "endpoint_url": "https://store.internal",
    "sts_endpoint_url": "https://sts.internal",
}
UNSCOPED: Final = {**OWN, "scoped_sessions": False}
STATIC: Final = {"region": "eu-west-1", "credentials": "static"}


def grant(*allow: str, prefix: str = "a/", **limits: Any) -> dict[str, Any]:
    return granted(prefix, *allow, **limits)


def checked(
    directory: Path, *grants: dict[str, Any], bucket: Mapping[str, Any] = AWS, **more: Any
) -> tuple[int, str]:
    buckets = {"reports": bucket} | more.pop("buckets", {})
    return sections.checked(directory, of_key("spark", *grants), buckets=buckets, **more)


@pytest.mark.parametrize(
    ("limit", "value"), [("max_content_length", "1MiB"), ("content_types", ["image/*"])]
)
def test_a_limit_that_iam_cannot_enforce_is_refused(tmp_path: Path, limit: str, value: Any) -> None:
    limits: dict[str, Any] = {limit: value}
    code, output = checked(tmp_path, grant("upload", "credentials", **limits))
    assert code == 1
    assert f"callers.0.grants.0.{limit}: IAM cannot enforce it" in output
    assert checked(tmp_path, grant("upload", **limits), grant("download", "credentials"))[0] == 0


@pytest.mark.parametrize("bucket", [UNSCOPED, STATIC], ids=["unscoped", "static"])
def test_credentials_need_scoped_sessions(tmp_path: Path, bucket: dict[str, Any]) -> None:
    code, output = checked(tmp_path, grant("download", "credentials"), bucket=bucket)
    assert code == 1
    assert "callers.0.grants.0.allow: `credentials` needs scoped sessions" in output


def test_check_says_what_a_callers_programs_get(tmp_path: Path) -> None:
    code, output = checked(
        tmp_path, grant("download", "head", "upload", "credentials"), grant("list")
    )
    assert code == 0, output
    [line] = [each for each in output.splitlines() if "AWS credentials" in each]
    assert line == (
        "API key spark may download, upload in reports with AWS credentials, whatever the size, "
        "type or lifetime: they last 1 h, about 34 STS calls a day per replica"
    )
    short = {**AWS, "session_seconds": 900}
    output = checked(tmp_path, grant("download", "credentials"), bucket=short)[1]
    assert "they last 30 min, about 115 STS calls a day" in output


@pytest.mark.parametrize(
    ("given", "bucket", "warning"),
    [
        (grant("upload", "credentials"), OWN, "callers.0.grants.0: the credentials can overwrite"),
        (grant("upload", "credentials"), AWS, None),
        (grant("download", "credentials"), OWN, None),
        (grant("upload", "credentials", allow_overwrite=True), OWN, None),
        (
            grant("head", "credentials"),
            AWS,
            "callers.0.grants.0: allows `credentials`, but none of download, upload, multipart, delete, list, so it gives nothing",
        ),
    ],
)
def test_check_warns_of_what_credentials_open(
    tmp_path: Path, given: dict[str, Any], bucket: dict[str, Any], warning: str | None
) -> None:
    output = checked(tmp_path, given, bucket=bucket)[1]
    if warning is None:
        assert "credentials can overwrite" not in output
        assert "gives nothing" not in output
    else:
        assert warning in output


@pytest.mark.parametrize(("operation", "warned"), [("upload", True), ("download", False)])
def test_check_warns_of_uploads_without_encryption(
    tmp_path: Path, operation: str, *, warned: bool
) -> None:
    bucket = {**AWS, "encryption": {"algorithm": "AES256"}}
    output = checked(tmp_path, grant(operation, "credentials"), bucket=bucket)[1]
    assert ("can upload without the bucket's `encryption`" in output) is warned


def test_check_warns_of_credentials_for_anybody(tmp_path: Path) -> None:
    anonymous = {"unsafe_anonymous_caller": {"grants": [grant("download", "credentials")]}}
    output = checked(tmp_path, **anonymous)[1]
    assert "grants.0: anybody who can reach the service gets AWS credentials" in output


def test_check_finds_credentials_that_sts_would_refuse(tmp_path: Path) -> None:
    """Limits that credentials must have are counted, though a session that signs can lack them."""
    many = [
        grant("upload", "credentials", prefix=f"{'x' * 60}-{n}/", allow_overwrite=True)
        for n in range(12)
    ]
    code, output = checked(tmp_path, grant("upload", "credentials"), *many)
    assert code == 1
    assert (
        "API key spark: the session policy of its credentials for bucket reports can have" in output
    )
    assert "its session policy for bucket" not in output


@pytest.mark.parametrize(
    ("grants", "left_out"),
    [
        ([grant("upload")], None),
        ([grant("upload", "form")], "does not enforce create-only for a/: forms"),
        (
            [grant("upload"), grant("upload", prefix="a/b/", allow_overwrite=True)],
            None,
        ),
        ([grant("upload", prefix="a/b/"), grant("upload", allow_overwrite=True)], None),
        (
            [grant("upload", prefix=f"{'x' * 60}-{n}/") for n in range(18)],
            "has no room for create-only",
        ),
        (
            [grant("upload", prefix=f"{'x' * 60}-{n}/", allow_overwrite=True) for n in range(18)],
            "has no room for the age of signatures",
        ),
    ],
    ids=["all", "a form", "overwriting a part", "overwriting all", "many", "very many"],
)
def test_check_says_which_limits_iam_lacks(
    tmp_path: Path, grants: list[dict[str, Any]], left_out: str | None
) -> None:
    code, output = checked(tmp_path, *grants)
    assert code == 0, output
    said = "API key spark: the session policy for bucket reports "
    assert (said in output) is (left_out is not None)
    if left_out is not None:
        assert said + left_out in output


@pytest.mark.parametrize("bucket", [AWS, OWN], ids=["AWS", "another store"])
@pytest.mark.parametrize(("length", "said"), [(100, False), (700, True)])
def test_check_says_that_versions_cannot_be_listed(
    tmp_path: Path, bucket: dict[str, Any], length: int, *, said: bool
) -> None:
    versions = [grant("list", "versions", prefix=f"{letter * length}/") for letter in "xy"]
    code, output = checked(tmp_path, grant("list"), *versions, bucket=bucket)
    assert code == 0, output
    assert ("bucket reports has no room for lists of versions; merge" in output) is said


@pytest.mark.parametrize(("bucket", "number"), [(AWS, 18), (OWN, 21)], ids=["AWS", "another store"])
def test_check_says_that_there_is_no_room_for_copies(
    tmp_path: Path, bucket: dict[str, Any], number: int
) -> None:
    """Their session alone needs that much: it reads tags too."""
    prefixes = [f"{'x' * 62}-{n}/" for n in range(number)]
    for count, said in ((2, False), (number, True)):
        many = [grant("download", "upload", prefix=each) for each in prefixes[:count]]
        code, output = checked(tmp_path, *many, bucket=bucket)
        assert code == 0, output
        assert ("bucket reports has no room for copies; merge" in output) is said
    for more in ({"max_content_length": 5}, {"content_types": ["text/csv"]}):
        limited = [grant("download", "upload", prefix=each, **more) for each in prefixes]
        assert "copies" not in checked(tmp_path, *limited, bucket=bucket)[1]


@pytest.mark.parametrize(("length", "said"), [(60, False), (800, True)])
def test_check_says_that_there_is_no_room_for_another_bucket(
    tmp_path: Path, length: int, *, said: bool
) -> None:
    buckets = {"reports": AWS, "photos": AWS}
    reads = [
        {**grant("download", prefix=f"{letter * length}/"), "bucket": "photos"} for letter in "xy"
    ]
    code, output = checked(tmp_path, grant("download", "upload"), *reads, buckets=buckets)
    assert code == 0, output
    assert ("bucket reports has no room for copies from other buckets; merge" in output) is said


def test_check_says_which_limits_the_copies_lack(tmp_path: Path) -> None:
    """Uploads may lack none: copies never come from a form."""
    many = [grant("download", "upload", "form", prefix=f"{'x' * 60}-{n}/") for n in range(17)]
    output = checked(tmp_path, *many)[1]
    assert "bucket reports has no room for create-only of copies; merge" in output
    few = [grant("download", "upload", prefix=f"{'x' * 60}-{n}/") for n in range(4)]
    assert "of copies" not in checked(tmp_path, *few)[1]


def test_check_says_that_other_stores_get_no_limits(tmp_path: Path) -> None:
    output = checked(tmp_path, grant("upload"), bucket=OWN)[1]
    assert "bucket reports: signatures enforce create-only and lifetimes" in output
    assert "signatures enforce" not in checked(tmp_path, grant("upload"))[1]
