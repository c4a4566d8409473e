"""What a command imports: imports are nine tenths of the start, and much of the memory."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import httpx
import pytest

from service.auth.api_keys import digest_of
from tests.cli.invoking import GOOD
from tests.support.processes import free_ports
from tests.support.service import run_service_process

SETTINGS: Final = {
    "buckets": {"reports": {"region": "eu-west-1", "credentials": "static"}},
    "callers": [
        {
            "api_key": "billing",
            "sha256": [digest_of("key")],
            "grants": [{"bucket": "reports", "prefix": "", "allow": ["download"]}],
        }
    ],
}
KEYS: Final = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "s"}
IMPORTED: Final = re.compile(r"^import time: .*\| +(\S+)$", re.MULTILINE)


def test_a_service_imports_nothing_for_command_lines_or_queues(tmp_path: Path) -> None:
    """It has signed a URL by then."""
    (port,) = free_ports(1)
    with run_service_process(SETTINGS, tmp_path, port, PYTHONPROFILEIMPORTTIME="1", **KEYS):
        signed = httpx.post(
            f"http://127.0.0.1:{port}/v1/download-urls",
            json={"bucket": "reports", "key": "a"},
            headers={"Authorization": "Bearer key"},
        )
    imported = set(IMPORTED.findall((tmp_path / "output.log").read_text()))
    assert signed.status_code == 200
    assert {"httpx", "fastapi", "service.s3.endpoints"} <= imported
    unused = {"rich", "pygments", "pydantic.v1.main"}
    unused |= {"service.s3.botocore_endpoints", "service.protocols.arrivals.sqs"}
    assert unused & imported == set()


LEAN: Final = """
import sys
from service.cli.main import main
main({words}, standalone_mode=False)
print(sorted({heavy} & set(sys.modules)), file=sys.stderr)
"""
HEAVY: Final = {
    *("fastapi", "starlette", "uvicorn", "httpx", "aioboto3", "botocore", "aiohttp", "redis"),
    *("jwt", "limits", "prometheus_client", "opentelemetry", "service.server", "service.console"),
}


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        (["schema"], []),
        (["schema", "callers"], []),
        (["check"], ["botocore"]),  # it knows where buckets are
        (["iam"], ["botocore"]),
    ],
    ids=str,
)
def test_reading_a_configuration_needs_neither_server_nor_sdk(
    words: list[str], needed: list[str], tmp_path: Path
) -> None:
    (tmp_path / "presign.yaml").write_text(GOOD)
    done = subprocess.run(
        [sys.executable, "-c", LEAN.format(words=words, heavy=HEAVY)],
        cwd=tmp_path,
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, f"{needed}\n")
    assert done.stdout
