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
CACHED: Final = """
import pandas

kept = {{"{cache}": {{{options}}}}}
table = pandas.read_csv("{cache}::presign://objects/pandas/q3.csv", storage_options=kept)
print(table["amount"].sum())
"""
POLARS_AND_DUCKDB: Final = """
import duckdb
import fsspec
import polars

from presign_client import Presign

with fsspec.open("presign://objects/polars/q3.parquet", "wb") as file:
    polars.DataFrame({"name": ["ann", "bob"], "amount": [1, 41]}).write_parquet(file)
with fsspec.open("presign://objects/polars/q3.parquet") as file:
    print(polars.read_parquet(file)["amount"].sum())

with Presign() as presign:
    url = presign.download_url("objects", "polars/q3.parquet").url
print(polars.scan_parquet(url).select(polars.col("amount").sum()).collect().item())

duckdb.register_filesystem(fsspec.filesystem("presign"))
print(duckdb.sql("SELECT sum(amount) FROM 'presign://objects/polars/*.parquet'").fetchall()[0][0])
"""


def test_pandas_reads_and_writes_objects(ministack: Store, service: RunningService) -> None:
    ministack.put("pandas/q3.csv", b"name,amount\nann,1\nbob,41\n")

    [block] = [each for each in commands("docs/clients.md") if "to_csv" in each.text]
    done = run(service, block.text.replace("presign://reports/", "presign://objects/"))

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
    program = CACHED.format(cache=cache, options=f'"cache_storage": "{tmp_path}"{options}')
    for content, printed in ((b"amount\n42\n", "42\n"), (b"amount\n7\n", second)):
        ministack.put("pandas/q3.csv", content)
        done = run(service, program)
        assert (done.stdout, done.stderr) == (printed, "")


def test_polars_and_duckdb_read_what_polars_wrote(service: RunningService) -> None:
    done = run(service, POLARS_AND_DUCKDB)

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
