"""The program of docs/mcp.md, with PyPI's `mcp`."""

import subprocess

from tests.clients.mcp.serving import PYTHON, Agents, Shell, environment_of
from tests.docs.documents import commands
from tests.support.service import API_KEY

PAGE = "docs/mcp.md"
PRESIGN = "https://presign.acme.com"  # on the page


def test_the_program_of_the_page_gets_an_upload(agents: Agents, shell: Shell) -> None:
    [program] = [each.text for each in commands(PAGE) if each.language == "python"]
    done = subprocess.run(
        [PYTHON, "-c", program.replace(PRESIGN, agents.url).replace('"reports"', '"objects"')],
        cwd=shell.directory,
        env=environment_of(API_KEY),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (shell.directory / "new.txt").write_bytes(b"12345")
    assert shell.run(done.stdout, "new.txt").returncode in {0, 22}  # 22: the other run was first
    assert agents.store.content("team/new.txt") == b"12345"
