"""presign-client's `presign://` in pandas, polars, DuckDB and universal_pathlib, from the environment of the clients: docs/clients.md."""

import os
import subprocess
from pathlib import Path
from typing import Final

import pytest

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
    ministack.put("pandas/q3.csv", b"name,amount\nann,1\nbob,41\n")

    done = run(service, page_block("to_csv"))

    assert (done.returncode, done.stdout, done.stderr) == (0, "42\n", "")
    assert ministack.content("pandas/copy.csv") == b"name,amount\nann,1\nbob,41\n"


@pytest.mark.parametrize(
    ("cache", "options", "second"),
    [
        ("filecache", "", "42\n"),
        ("filecache", ', "check_files": True', "7\n"),
        ("simplecache", "", "42\n"),
    ],
)
def test_a_cache_reads_an_object_once(
    ministack: Store,
    service: RunningService,
    tmp_path: Path,
    *,
    cache: str,
    options: str,
    second: str,
) -> None:
    kept = f'"{tmp_path}"{options}'
    program = page_block("filecache").replace("filecache", cache).replace('"kept"', kept)
    for content, printed in ((b"amount\n42\n", "42\n"), (b"amount\n7\n", second)):
        ministack.put("pandas/q3.csv", content)
        done = run(service, program)
        assert (done.stdout, done.stderr) == (printed, "")


def test_polars_and_duckdb_work_as_the_page_says(service: RunningService) -> None:
    done = run(service, page_block("import polars"))

    assert (done.returncode, done.stdout, done.stderr) == (0, "42\n" * 3, "")


def test_universal_pathlib_renames_a_file(ministack: Store, service: RunningService) -> None:
    """It warns that it has no tests of its own for `presign://`."""
    ministack.put("paths/a.csv", b"amount\n42\n")
    program = """
import warnings
from upath import UPath

warnings.filterwarnings("ignore", "UPath 'presign'")
file = UPath("presign://objects/paths/a.csv", overwrite=True)
print(file.rename("presign://objects/paths/b.csv").read_text(), file.exists())
"""

    done = run(service, program)

    assert (done.stdout, done.stderr) == ("amount\n42\n False\n", "")
    assert ministack.content("paths/a.csv") is None


@pytest.mark.parametrize("name", ["read_parquet", "scan_parquet"])
def test_polars_does_not_know_the_address(service: RunningService, name: str) -> None:
    address = "presign://objects/polars/q3.parquet"

    done = run(service, f"import polars\npolars.{name}({address!r}).lazy().collect()")

    assert "FileNotFoundError" in done.stderr


def page_block(part: str) -> str:
    [block] = [each for each in commands("docs/clients.md") if part in each.text]
    assert block.mark == "run by tests/clients/test_pandas.py"
    return block.text.replace("presign://reports/", "presign://objects/").replace(
        '"reports", ', '"objects", '
    )


def run(service: RunningService, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [GENERATORS / "python", "-W", "error", "-c", REGISTER + script],
        env={
            "PATH": os.defpath,
            "PYTHONPATH": str(CLIENT),
            "PRESIGN_URL": str(service.client.base_url),
            "PRESIGN_TOKEN": API_KEY,
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
