"""The declarations of the client for JavaScript, checked by the pinned TypeScript."""

import subprocess
from pathlib import Path
from typing import Final

from tests.clients.page import ROOT
from tests.clients.toolchains import NODE_MODULES
from tests.end_to_end.examples import node

PROGRAM: Final = Path(__file__).parent / "drivers" / "drive_presign_client.ts"
OPTIONS: Final = (
    *("--strict", "--noEmit", "--allowJs", "--checkJs", "false", "--skipLibCheck", "false"),
    *("--module", "esnext", "--moduleResolution", "bundler", "--target", "es2024"),
    *("--lib", "es2024,dom,dom.iterable,dom.asynciterable", "--typeRoots", "none"),
)


def test_a_program_is_checked_strictly(tmp_path: Path) -> None:
    """The package is found by its name, with the `exports` of its package.json."""
    folder = tmp_path / "tests" / "clients" / "drivers"
    folder.mkdir(parents=True)
    program = folder / PROGRAM.name
    program.write_text(PROGRAM.read_text(encoding="utf-8"))
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "presign-client").symlink_to(ROOT / "client" / "js")
    (tmp_path / "client").symlink_to(ROOT / "client")

    done = subprocess.run(
        [node(), NODE_MODULES / "typescript" / "bin" / "tsc", *OPTIONS, program],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert (done.returncode, done.stdout) == (0, "")
