"""presign-client's `presign://` in pandas, from the environment of the clients: docs/client.md."""

import os
import subprocess
from pathlib import Path
from typing import Final

from tests.clients.toolchains import GENERATORS
from tests.docs.documents import commands
from tests.support.service import API_KEY, RunningService
from tests.support.stores import Store

CLIENT: Final = Path(__file__).parents[2] / "client"
# As the entry point of an installed presign-client does.
REGISTER: Final = """
from fsspec import register_implementation
register_implementation("presign", "presign_client.filesystem.PresignFileSystem")
"""


def test_pandas_reads_and_writes_objects(ministack: Store, service: RunningService) -> None:
    [block] = [each for each in commands("docs/client.md") if "import pandas" in each.text]
    script = REGISTER + block.text.replace("presign://reports/", "presign://objects/")
    ministack.put("pandas/q3.csv", b"name,amount\nann,1\nbob,41\n")

    done = subprocess.run(
        [GENERATORS / "python", "-W", "error", "-c", script],
        env={
            "PATH": os.defpath,
            "PYTHONPATH": str(CLIENT),
            "PRESIGN_URL": str(service.client.base_url),
            "PRESIGN_TOKEN": API_KEY,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "42\n", "")
    assert ministack.content("pandas/copy.csv") == b"name,amount\nann,1\nbob,41\n"
