"""presign-client's `presign://` in pandas, from the environment of the clients: docs/client.md."""

import os
import subprocess
from pathlib import Path
from typing import Final

from tests.clients.toolchains import GENERATORS
from tests.support.service import API_KEY, RunningService
from tests.support.stores import Store

CLIENT: Final = Path(__file__).parents[2] / "client"
SCRIPT: Final = """
import pandas
from fsspec import register_implementation

# As the entry point of an installed presign-client does.
register_implementation("presign", "presign_client.filesystem.PresignFileSystem")
table = pandas.read_csv("presign://objects/pandas/q3.csv")
print(table["amount"].sum())
table.to_csv("presign://objects/pandas/copy.csv", index=False)
"""


def test_pandas_reads_and_writes_objects(ministack: Store, service: RunningService) -> None:
    ministack.put("pandas/q3.csv", b"name,amount\nann,1\nbob,41\n")

    done = subprocess.run(
        [GENERATORS / "python", "-W", "error", "-c", SCRIPT],
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
