"""`presign check` counts a session for copies only where somebody may copy."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from service.auth.api_keys import digest_of
from service.cli.main import main

ROLE: Final = "arn:aws:iam::111122223333:role/presign"
BUCKET: Final = {"region": "eu-west-1", "role_arn": ROLE}
ISSUER: Final = {"issuer": "https://i.example", "audience": "p", "jwks_url": "https://i.example/k"}


def grant(operation: str, bucket: str = "reports", **limits: Any) -> dict[str, Any]:
    return {"bucket": bucket, "prefix": "", "allow": [operation], "max_expires_in": 900, **limits}


def of_key(name: str, *grants: dict[str, Any]) -> dict[str, Any]:
    return {"api_key": name, "sha256": [digest_of(name)], "grants": list(grants)}


def of_token(subject: str, *grants: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"issuer": "people", "subject": subject, "grants": list(grants), **more}


READ: Final = grant("download")
WRITE: Final = grant("upload")
ELSEWHERE: Final = grant("download", "photos")


@pytest.mark.parametrize(
    ("callers", "role", "copied"),
    [
        ([of_key("a", READ, WRITE)], ROLE, ["reports"]),
        ([of_key("a", READ), of_key("b", WRITE)], ROLE, []),
        ([of_key("a", READ, grant("upload", content_types=["image/*"]))], ROLE, []),
        ([of_key("a", WRITE, ELSEWHERE)], ROLE, ["reports"]),
        ([of_key("a", WRITE, ELSEWHERE)], f"{ROLE}-2", []),
        ([of_token("a:*", READ), of_token("a:b", WRITE)], ROLE, ["reports"]),
        ([of_token("a:*", READ), of_token("b:*", WRITE)], ROLE, []),
        (
            [
                of_token("*", READ, claims={"/team": "a"}),
                of_token("*", WRITE, claims={"/group": "b"}),
            ],
            ROLE,
            ["reports"],
        ),
    ],
)
def test_who_may_copy_has_one_more_session(
    tmp_path: Path, callers: list[dict[str, Any]], role: str, copied: list[str]
) -> None:
    path = tmp_path / "presign.yaml"
    document = {
        "buckets": {"reports": BUCKET, "photos": BUCKET | {"role_arn": role}},
        "issuers": {"people": ISSUER},
        "callers": callers,
    }
    path.write_text(json.dumps(document))
    done = CliRunner().invoke(main, ["check", str(path)])
    assert done.exit_code == 0, done.output
    found = [line for line in done.output.splitlines() if "for one that copies" in line]
    assert [line.split()[1] for line in found] == [f"{name}:" for name in copied]
