"""What a bucket with `credentials: r2` must and cannot say."""

from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import ValidationError

from service.app.session_sources import R2Origin, origins
from service.app.settings import Settings
from service.config import r2
from service.config.buckets import BucketSettings
from tests.support.r2_store import ACCOUNT, PARENT_SECRET, key_files

URL: Final = f"https://{ACCOUNT}.r2.cloudflarestorage.com"
PROXY: Final = "https://r2.acme.test:8443"


def bucket(directory: Path, **changes: Any) -> dict[str, Any]:
    found = {
        "region": "auto",
        "endpoint_url": URL,
        "credentials": "r2",
        **key_files(directory),
        **changes,
    }
    return {name: value for name, value in found.items() if value is not None}


def origin(directory: Path, **changes: Any) -> R2Origin:
    settings = Settings.model_validate({"buckets": {"media": bucket(directory, **changes)}})
    found = origins(settings)["media"]
    assert isinstance(found, R2Origin)
    return found


@pytest.mark.parametrize(
    ("changes", "account", "host"),
    [
        ({}, ACCOUNT, f"{ACCOUNT}.r2.cloudflarestorage.com"),
        *(
            (
                {"endpoint_url": f"https://{ACCOUNT}.{place}.r2.cloudflarestorage.com"},
                ACCOUNT,
                f"{ACCOUNT}.{place}.r2.cloudflarestorage.com",
            )
            for place in ("eu", "fedramp")
        ),
        ({"endpoint_url": PROXY, "account_id": "f" * 32}, "f" * 32, "r2.acme.test:8443"),
        ({"account_id": ACCOUNT}, ACCOUNT, f"{ACCOUNT}.r2.cloudflarestorage.com"),
    ],
)
def test_an_address_says_account_and_audience(
    tmp_path: Path, changes: dict[str, Any], account: str, host: str
) -> None:
    address = origin(tmp_path, bucket="acme-media", **changes).address
    assert (address.bucket, address.account_id, address.host) == ("acme-media", account, host)


@pytest.mark.parametrize(
    "url",
    [
        "https://r2.cloudflarestorage.com",
        f"https://{ACCOUNT}.us.r2.cloudflarestorage.com",
        f"https://{ACCOUNT}.r2.cloudflarestorage.com.example",
        f"https://{ACCOUNT[:-1]}.r2.cloudflarestorage.com",
        f"https://x.{ACCOUNT}.r2.cloudflarestorage.com",
    ],
)
def test_another_address_names_no_account(url: str) -> None:
    assert r2.account_of(url) is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"endpoint_url": None}, "endpoint_url is missing; write the account's"),
        ({"endpoint_url": PROXY}, "so write the account_id, 32 hexadecimal digits"),
        ({"account_id": "f" * 32}, "endpoint_url names another account"),
        ({"account_id": "F" * 32}, "write the account's id, 32 hexadecimal digits"),
        (
            {"access_key_id_file": None, "secret_access_key_file": None},
            "name two files with the keys of an R2 API token",
        ),
        ({"secret_access_key_file": None}, "write both access_key_id_file and secret_access"),
        ({"public_endpoint_url": PROXY}, "a token of R2 is for one address"),
        ({"sts_endpoint_url": PROXY}, "R2 has no STS"),
        ({"scoped_sessions": False}, "each token of R2 is one caller's"),
        ({"bucket": "arn:aws:s3:eu-west-1:111122223333:accesspoint/x"}, "R2 has no access points"),
        ({"session_seconds": 899}, "write a duration from 15m to 7d"),
        ({"session_seconds": 604_801}, "write a duration from 10s to 7d"),
        ({"role_arn": "arn:aws:iam::111122223333:role/x"}, "credentials: r2 takes no role_arn"),
        ({"external_id": "acme"}, "takes no external_id"),
        ({"session_tags": {"a": "b"}}, "takes no session_tags"),
        ({"source_identity": True}, "takes no source_identity"),
    ],
)
def test_what_cannot_be_had_is_an_error(
    tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        BucketSettings.model_validate(bucket(tmp_path, **changes))
    assert problem in str(refused.value)
    assert PARENT_SECRET not in str(refused.value)


@pytest.mark.parametrize("seconds", [900, "7d"])
def test_a_session_lasts_up_to_seven_days(tmp_path: Path, seconds: object) -> None:
    made = BucketSettings.model_validate(bucket(tmp_path, session_seconds=seconds))
    assert made.session_seconds in {900, 604_800}


def test_only_r2_has_an_account(tmp_path: Path) -> None:
    keys = bucket(tmp_path, credentials="static", account_id=ACCOUNT)
    with pytest.raises(ValidationError, match=r"static takes no account_id.*credentials: r2"):
        BucketSettings.model_validate(keys)


def test_a_changed_file_is_another_origin(tmp_path: Path) -> None:
    before = origin(tmp_path)
    (tmp_path / "secret_access_key_file").write_text("0" * 64)
    files = (before.access_key_id, before.secret_access_key)
    names = [tmp_path / "access_key_id_file", tmp_path / "secret_access_key_file"]
    assert [*files] == names
    found = Settings.model_validate({"buckets": {"media": without_files(tmp_path)}})
    assert origins(found)["media"] != before


def without_files(directory: Path) -> dict[str, Any]:
    files = {
        name: str(directory / name) for name in ("access_key_id_file", "secret_access_key_file")
    }
    return {"region": "auto", "endpoint_url": URL, "credentials": "r2", **files}
