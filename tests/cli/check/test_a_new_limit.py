"""What a new limit of a grant touches: a copy of the service gets one, in three of its files."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.cli.invoking import DIGEST, ROOT

# Per file: a line that is there, and what comes before it.
EDITS: Final = {
    "access/grants.py": ("    conditions: Conditions | None = None\n", "    max_form: int | None = None\n"),
    "access/limits.py": (
        '    Limit("max_keys",',
        """\
    Limit(
        "max_form",
        Unit.BYTES,
        frozenset({Operation.FORM}),
        "forms up to {}",
        lambda grant, request: Limited("#/max_form", "Too large a form.")
        if grant.max_form is not None and (request.content_length or 0) > grant.max_form
        else None,
    ),
""",
    ),
    "config/callers.py": ("    max_keys: Shown[", "    max_form: Shown[ByteSize | None] = None\n\n"),
}  # fmt: skip
CONFIGURATION: Final = f"""
buckets:
  reports: {{region: eu-west-1, role_arn: "arn:aws:iam::111122223333:role/presign"}}
callers:
  - api_key: a
    sha256: [{DIGEST}]
    grants:
      - {{bucket: reports, prefix: a/, allow: [form], max_expires_in: 60, max_form: 2MiB}}
      - {{bucket: reports, prefix: a/, allow: [form], max_expires_in: 60}}
      - {{bucket: reports, prefix: b/, allow: [list], max_expires_in: 60, max_form: 2MiB}}
"""
REFUSED: Final = """
from service.access.decisions import decide
from service.access.grants import AccessRequest, Grant, Grants, Operation
form = Operation.FORM
grant = Grant(bucket="b", prefix="", allow=frozenset({form}), max_form=4)
print(decide(Grants([grant]), AccessRequest(operation=form, bucket="b", key="a", content_length=5)))
"""


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "service", tmp_path / "service", ignore=shutil.ignore_patterns("*.pyc"))
    for name, (before, added) in EDITS.items():
        path = tmp_path / "service" / name
        text = path.read_text()
        assert text.count(before) == 1, name
        path.write_text(text.replace(before, added + before))
    (tmp_path / "presign.yaml").write_text(CONFIGURATION)
    return tmp_path


def run(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(directory)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_new_limit_is_refused_described_and_checked(copied: Path) -> None:
    assert "Too large a form." in run(copied, "-c", REFUSED)
    said = run(copied, "-m", "service", "check", "--config", "presign.yaml")
    assert "form a/… in reports, URLs up to 1 min, forms up to 2 MiB" in said
    assert "max_form has no effect without form" in said
    assert "has no effect on form, because" in said
    shown = json.loads(run(copied, "-m", "service", "check", "--json", "--config", "presign.yaml"))
    assert shown["callers"][0]["grants"][0]["max_form"] == 2 * 2**20
