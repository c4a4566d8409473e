"""How an instance starts."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

CONFIGURATION: Final = {
    "buckets": {"reports": {"region": "eu-west-1", "credentials": "static"}},
    "callers": [],
}
SCRIPT: Final = """
import subprocess, sys
subprocess.Popen = lambda *_, **__: sys.exit("a process is started")
from service.aws_lambda.start import start_instance
start_instance().close()
"""


def test_it_starts_no_other_process(tmp_path: Path) -> None:
    path = tmp_path / "presign.yaml"
    path.write_text(json.dumps(CONFIGURATION))
    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "s"}

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={"PATH": os.defpath, "PRESIGN_CONFIG": str(path), **keys},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
