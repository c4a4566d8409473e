"""What a bucket may say depends on its kind of credentials."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from service.config.buckets import BucketDefaults, BucketSettings
from service.config.credential_kinds import (
    CREDENTIALS,
    OF_SOME_KINDS,
    Credentials,
    kind_of,
    kinds_with,
)
from tools import ROOT

ROLE = "arn:aws:iam::111122223333:role/presign"


def test_each_setting_of_a_kind_is_one_of_a_bucket() -> None:
    assert BucketDefaults.model_fields.keys() >= OF_SOME_KINDS


@pytest.mark.parametrize("credentials", CREDENTIALS)
def test_a_kind_with_a_role_takes_its_arn(credentials: Credentials) -> None:
    kind = kind_of(credentials)
    assert (kind.role_trusts is not None) == ("role_arn" in kind.settings)
    assert kind.has_sessions or kind.role_trusts is None


def test_nothing_compares_the_name_of_a_kind() -> None:
    compared = re.compile(rf"(?:[!=]=|\bin [(\[{{]) *\"(?:{'|'.join(CREDENTIALS)})\"")
    modules = (ROOT / "service").rglob("*.py")
    assert [each for each in modules if compared.search(each.read_text("utf-8"))] == []


def test_settings_of_no_common_kind_have_none() -> None:
    assert kinds_with(frozenset({"role_arn"})) == ["assume_role", "web_identity"]
    assert kinds_with(frozenset({"role_arn", "access_key_id_file"})) == []


def test_a_refused_setting_names_the_kinds_that_take_it(tmp_path: Path) -> None:
    more = {"region": "eu-west-1", "credentials": "web_identity", "role_arn": ROLE}
    with pytest.raises(ValidationError) as refused:
        BucketSettings.model_validate({**more, "external_id": "presign", "source_identity": True})
    assert (
        "credentials: web_identity takes no external_id and no source_identity; leave that out, or "
        "write null for what bucket_defaults has, or write credentials: assume_role"
    ) in str(refused.value)
    (file := tmp_path / "id").write_text("AKIAFILE")
    with pytest.raises(ValidationError, match=r"no access_key_id_file; .* bucket_defaults has \["):
        BucketSettings.model_validate({**more, "access_key_id_file": file})
