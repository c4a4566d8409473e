"""A configuration that is valid, and commands that read one."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from click.testing import CliRunner, Result

from service.cli.main import main

ROOT: Final = Path(__file__).parents[2]
DIGEST: Final = "725acb2ebe612bb4e761d87deb9114d9f50b1efc78cbc8c953cb25f1b2dbf755"
GOOD: Final = f"""
buckets:
  reports: {{region: eu-west-1, role_arn: "arn:aws:iam::111122223333:role/presign"}}
callers:
  - api_key: billing
    sha256: [{DIGEST}]
    grants:
      - {{bucket: reports, prefix: invoices/, allow: [download, upload], max_expires_in: 900}}
      - {{bucket: reports, prefix: "", allow: [list], allow_overwrite: true}}
"""


def presign(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "service", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def checked(directory: Path, text: str) -> Result:
    path = directory / "presign.yaml"
    path.write_text(text)
    return CliRunner().invoke(main, ["check", "--config", str(path)])
