"""The program of docs/mcp.md, with PyPI's `mcp`."""

import subprocess
from pathlib import Path

import httpx

from tests.clients.mcp.serving import CLIENTS, PYTHON, Agents, Shell, connected, environment_of
from tests.clients.running import behind_nginx
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
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (shell.directory / "new.txt").write_bytes(b"12345")
    assert shell.run(done.stdout, "new.txt").returncode in {0, 22}  # 22: the other run was first
    assert agents.store.content("team/new.txt") == b"12345"


def test_nginx_passes_messages_and_the_metadata_on(agents: Agents, tmp_path: Path) -> None:
    with behind_nginx(agents.url, tmp_path) as url:
        for client in CLIENTS:
            with connected(client, url) as session:
                assert session.value("show_access")["subject"] == "agent"
        found = httpx.get(
            f"{url}/.well-known/oauth-protected-resource/mcp", trust_env=False, timeout=60
        )
    assert found.status_code == 404  # as no issuer is configured: of presign, not of nginx
    assert found.headers["x-request-id"]
