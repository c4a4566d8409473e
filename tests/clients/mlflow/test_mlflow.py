"""docs/mlflow.md: its commands, with MLflow's client and server."""

from pathlib import Path

import pytest

from tests.clients.mlflow.server import Program, Server, new_program


@pytest.fixture(name="program")
def _program(server: Server, tmp_path: Path) -> Program:
    return new_program(server, tmp_path)


def test_the_page_logs_and_reads(program: Program, server: Server) -> None:
    (program.directory / "notes.txt").write_text("n" * 1024)
    (program.directory / "plots").mkdir()
    (program.directory / "plots" / "a b.txt").write_text("plot")
    (program.directory / "plots" / "empty.txt").touch()
    printed = program.page("import mlflow")
    print(printed)
    print(server.sizes())
    print(server.discarded())
    assert 0
