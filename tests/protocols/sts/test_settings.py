"""What `presign check` says about `sts`."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from service.auth.api_keys import digest_of
from service.cli.main import main

AWS = {"region": "eu-west-1", "role_arn": "arn:aws:iam::111122223333:role/presign"}


def checked(directory: Path, *allow: str, **sections: Any) -> tuple[int, str]:
    path = directory / "presign.yaml"
    grant = {"bucket": "reports", "prefix": "a/", "allow": allow, "max_expires_in": 900}
    caller = {"api_key": "spark", "sha256": [digest_of("spark")], "grants": [grant]}
    document = {"buckets": {"reports": AWS}, "callers": [caller], **sections}
    path.write_text(json.dumps(document, indent=1))
    done = CliRunner().invoke(main, ["check", "--config", str(path)])
    return done.exit_code, done.output


def test_check_says_that_it_is_on(tmp_path: Path) -> None:
    code, output = checked(tmp_path, "download", "credentials", sts=True)
    assert code == 0
    assert "at /sts: AssumeRoleWithWebIdentity" in output
    assert "nobody gets any" not in output


@pytest.mark.parametrize(("is_on", "warned"), [(True, True), (False, False)])
def test_without_a_grant_for_credentials_it_is_in_vain(
    tmp_path: Path, *, is_on: bool, warned: bool
) -> None:
    _, output = checked(tmp_path, "download", sts=is_on)
    assert ("no grant allows `credentials`, so nobody gets any at /sts" in output) is warned
    assert ("at /sts:" in output) is is_on
