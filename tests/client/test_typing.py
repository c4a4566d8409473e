"""Programs that use the client are checked by its types."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from pathlib import Path

from presign_client import AsyncPresign, Presign, PresignError


def send(path: Path) -> str:
    with Presign() as presign:
        try:
            return presign.upload(path, "reports", path.name).key
        except PresignError as error:
            return error.code


async def keys() -> list[str]:
    async with AsyncPresign() as presign:
        return [entry.key async for entry in presign.list("reports")]
"""
WRONG = "from presign_client import Presign\n\nPresign().upload(5, 'reports', 'a')\n"
WRONG_ASYNC = """
from presign_client import AsyncPresign


async def key() -> int:
    return (await AsyncPresign().upload("a", "reports", "a", replace=True)).key
"""


@pytest.mark.slow
@pytest.mark.parametrize(("program", "errors"), [(PROGRAM, 0), (WRONG, 1), (WRONG_ASYNC, 2)])
def test_a_program_is_checked_strictly(tmp_path: Path, program: str, errors: int) -> None:
    (tmp_path / "program.py").write_text(program)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file="]

    done = subprocess.run(
        [*mypy, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == bool(errors)
    assert done.stdout.count(": error: ") == errors, done.stdout
