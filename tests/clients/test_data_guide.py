"""docs/guides/data.md: its programs, what it says of each library, and what leaks."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.clients.http.places import install_httpfs
from tests.clients.test_pandas import run
from tests.docs.documents import commands, text_of
from tests.support.demo import ROOT
from tests.support.factories import OPERATIONS
from tests.support.service import API_KEY, RunningService, make_caller, run_service
from tests.support.stores import Store

PAGE: Final = "docs/guides/data.md"
OBJECT: Final = "presign://objects/polars.parquet"
SIGNED: Final = """
from presign_client import Presign

with Presign() as presign:
    url = presign.download_url("objects", "polars.parquet").url
"""
CHANGED: Final = f"{SIGNED}url = url[:-4] + 'ffff'\n"  # its signature


def as_here(text: str) -> str:
    """Return a program of the page with our bucket."""
    return text.replace("demo/", "objects/").replace('"demo"', '"objects"')


def duckdb_replacing(amount: str) -> str:
    """Return the program of DuckDB's step with another table, which it reads at the end."""
    [program] = [each.text for each in commands(PAGE) if "register_filesystem" in each.text]
    read = "print(duckdb.sql(\"FROM 'presign://objects/duckdb.parquet'\").fetchall()[0][0])"
    return f"{as_here(program)}{read}".replace("42 AS amount", f"{amount} AS amount")


@pytest.fixture(scope="module", name="printed")
def _printed(service: RunningService, ministack: Store) -> list[str]:
    """What the programs of the page print, in its order. They write what later tests read."""
    ministack.empty("sales/")  # a worker may come here twice, and pandas gives each file a new name
    programs = [each for each in commands(PAGE) if each.language == "python"]
    assert {each.mark for each in programs} == {f"run by tests/clients/{Path(__file__).name}"}
    done = [run(service, as_here(each.text)) for each in programs]
    assert [each.stderr for each in done] == [""] * len(programs)
    return [each.stdout for each in done]


def test_each_library_reads_what_it_wrote(printed: list[str]) -> None:
    assert printed == ["42\n"] * 5


@pytest.mark.usefixtures("printed")
def test_duckdb_replaces_what_it_wrote(service: RunningService, ministack: Store) -> None:
    """It writes another object, which it moves."""
    done = run(service, duckdb_replacing("43"))
    assert (done.stderr, done.stdout) == ("", "42\n43\n")
    assert ministack.content("tmp_duckdb.parquet") is None


@pytest.mark.usefixtures("printed")
def test_duckdb_needs_a_grant_to_delete_to_replace(ministack: Store, tmp_path: Path) -> None:
    allow = [each for each in OPERATIONS if each != "delete"]
    callers = [make_caller("tests", API_KEY, "", allow=allow)]
    with run_service(ministack, tmp_path, callers=callers) as service:
        assert "PermissionError" in run(service, duckdb_replacing("44")).stderr


@pytest.mark.usefixtures("printed")
@pytest.mark.parametrize(
    ("program", "error"),
    [
        (f"import polars; polars.read_parquet({OBJECT!r})", "FileNotFoundError"),
        (f"from pyarrow import parquet; parquet.read_table({OBJECT!r})", "ArrowInvalid"),
        (
            f"import pandas; pandas.DataFrame({{'a': [1]}}).to_parquet({OBJECT!r})",
            "FileExistsError",
        ),
    ],
    ids=["polars", "PyArrow", "pandas"],
)
def test_a_library_refuses_as_the_page_says(
    service: RunningService, program: str, error: str
) -> None:
    assert error in run(service, program).stderr
    assert error in text_of(PAGE)


@pytest.mark.usefixtures("printed")
@pytest.mark.parametrize(
    ("program", "leaks"),
    [
        (f"{CHANGED}import polars; polars.scan_parquet(url).collect()", True),
        (f"{SIGNED}import polars; raise ValueError(polars.scan_parquet(url).explain())", True),
        (f"{CHANGED}import duckdb; duckdb.sql(f\"LOAD httpfs; FROM '{{url}}'\")", True),
        ("import pandas; pandas.read_parquet('presign://objects/no.parquet')", False),
    ],
    ids=["polars", "a plan of polars", "DuckDB", "presign://"],
)
def test_errors_name_a_signed_url_where_the_page_says_so(
    service: RunningService, tmp_path: Path, program: str, leaks: bool
) -> None:
    install_httpfs(tmp_path)
    done = run(service, program, HOME=str(tmp_path))
    assert done.returncode == 1
    assert ("X-Amz-Signature=" in done.stderr) is leaks


@pytest.mark.parametrize(
    ("option", "leaks"), [("token='of-the-option'", True), ("", False)], ids=["option", "variable"]
)
def test_only_a_token_that_is_an_option_is_pickled(
    service: RunningService, option: str, leaks: bool
) -> None:
    program = f"import fsspec, pickle; made = fsspec.filesystem('presign', {option}); "
    shown = "print(made.to_json(), pickle.dumps(made))"
    done = run(service, program + shown, PRESIGN_TOKEN="of-the-option")
    assert done.returncode == 0
    assert done.stdout.count("of-the-option") == 2 * leaks


def test_the_versions_on_the_page_are_locked() -> None:
    sentence = text_of(PAGE).partition("tests run ")[2].partition(".\n")[0]
    named = re.findall(r"(\w+) ([\d.]+)", sentence)
    locked = (ROOT / "locks/clients.lock").read_text(encoding="utf-8")
    assert len(named) == 5
    for name, version in named:
        assert re.search(rf"^{name.lower()}=={version}\.", locked, re.MULTILINE), name
