"""docs/mlflow.md: its commands, with MLflow's client and server."""

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Final

import httpx
import pytest

from tests.clients.mlflow.server import CLEANER, Program, Server, Tracking, new_program

MIB: Final = 1024**2
PARTS_ONLY: Final = {"MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "1"}
LOG_A_FILE: Final = """
import mlflow
mlflow.set_experiment("files")
with mlflow.start_run() as run:
    mlflow.log_artifact("large.bin")
path = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="large.bin", dst_path="copy")
print(path)
"""
OF_ANOTHER_TEAM: Final = """
import mlflow
mlflow.set_experiment("files")
with mlflow.start_run():
    mlflow.log_artifact("notes.txt")
"""


# What does not depend on how a store verifies a signature: each command of MLflow takes 3 s of CPU.
ONE_STORE: Final = pytest.mark.parametrize("verifying_store", ["ministack"], indirect=True)


@pytest.fixture(name="program")
def _program(server: Server, tmp_path: Path) -> Program:
    return new_program(server, tmp_path)


@pytest.mark.parametrize("environment", [{}, PARTS_ONLY], ids=["usual", "parts"])
def test_the_page_logs_lists_and_downloads(
    program: Program, server: Server, environment: dict[str, str]
) -> None:
    files = {"notes.txt": "n" * 1024, "plots/a b+ü.txt": "plot", "plots/deep/empty.txt": ""}
    for name, text in files.items():
        path = program.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    before, stored = server.discarded(), server.sizes().keys()
    printed = program.page("import mlflow", environment)
    assert "notes.txt 1024\nplots None\n" in printed
    assert printed.rstrip().endswith("[2, 4]")
    new = {key: size for key, size in server.sizes().items() if key not in stored}
    assert all(key.startswith("mlflow/vision/") for key in new)
    model = [key.rpartition("/")[2] for key in new if "/models/" in key]
    assert {"MLmodel", "python_model.pkl"} <= {*model}
    copies = program.directory / "copy" / "plots"
    assert (copies / "a b+ü.txt").read_text(encoding="utf-8") == "plot"
    assert (copies / "deep" / "empty.txt").read_bytes() == b""
    discarded = server.discarded() - before
    assert discarded == (0 if environment else sum(new.values()))


@pytest.mark.parametrize("environment", [{}, PARTS_ONLY], ids=["usual", "parts"])
def test_a_large_file_goes_to_the_store_alone(
    program: Program, server: Server, environment: dict[str, str]
) -> None:
    content = Random(server.store.name).randbytes(200 * MIB)
    (program.directory / "large.bin").write_bytes(content)
    before, sent = server.discarded(), len(server.recorded.requests)
    program.run(LOG_A_FILE, environment)
    assert (program.directory / "copy" / "large.bin").read_bytes() == content
    puts = [each for each in server.recorded.requests[sent:] if each.method == "PUT"]
    assert len(puts) == (20 if environment else 1)
    assert sum(each.length for each in puts) == len(content)
    assert server.discarded() - before <= (0 if environment else len(content) / 10)


@ONE_STORE
def test_another_teams_root_is_refused(server: Server, tmp_path: Path) -> None:
    program = new_program(server, tmp_path, team="search")
    (tmp_path / "notes.txt").write_text("of another team")
    stored = server.sizes()
    printed = program.run(OF_ANOTHER_TEAM, fails=True)
    assert "There is no such artifact root, or you have no grant" in printed
    printed = program.run(OF_ANOTHER_TEAM, PARTS_ONLY, fails=True)
    assert "There is no such artifact root, or you have no grant" in printed
    assert server.sizes() == stored


def test_gc_deletes_the_artifacts_of_deleted_runs(program: Program, server: Server) -> None:
    (program.directory / "large.bin").write_bytes(b"x")
    before = server.sizes().keys()
    program.run(f"{LOG_A_FILE}\nmlflow.delete_run(run.info.run_id)\n")
    [key] = server.sizes().keys() - before
    cleaner = Program(server=server, directory=server.tracking.directory, token=CLEANER)
    assert "has been permanently deleted" in cleaner.page("mlflow gc")
    assert key not in server.sizes()


def test_the_page_of_mlflow_shows_artifacts(
    server: Server, tracking_with_page: Tracking, tmp_path: Path
) -> None:
    (tmp_path / "large.bin").write_bytes(b"shown")
    program = new_program(replace(server, tracking=tracking_with_page), tmp_path)
    before = server.discarded()
    printed = program.run(
        f"{LOG_A_FILE}\nprint(run.info.run_id)",
        {**PARTS_ONLY, "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true"},
    )
    assert server.discarded() == before
    run = printed.split()[-1]
    with httpx.Client(base_url=tracking_with_page.url, trust_env=False, timeout=60) as page:
        listed = page.get("/api/2.0/mlflow/artifacts/list", params={"run_id": run}).json()
        assert [each["path"] for each in listed["files"]] == ["large.bin"]
        wanted = {"run_id": run, "path": "large.bin"}
        assert page.get("/get-artifact", params=wanted).content == b"shown"


@ONE_STORE
def test_the_store_never_gets_the_token(program: Program, server: Server) -> None:
    (program.directory / "large.bin").write_bytes(b"x")
    program.run(LOG_A_FILE)
    assert {"GET", "PUT"} <= {each.method for each in server.recorded.requests}
    for each in server.recorded.requests:
        assert "authorization" not in each.headers
        assert program.token not in f"{each.path} {each.headers}"
