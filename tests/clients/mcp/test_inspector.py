"""The Inspector's CLI lists the tools and calls them."""

import json
from typing import Any

from service.protocols.mcp.rights import NEEDS
from tests.clients.mcp.serving import NODE_MODULES, Agents, Shell, environment_of
from tests.end_to_end.examples import node
from tests.support.processes import run_to_end
from tests.support.service import API_KEY

LAUNCHER = NODE_MODULES / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"


def inspected(agents: Agents, method: str, *more: str) -> dict[str, Any]:
    header = f"Authorization: Bearer {API_KEY}"
    done = run_to_end(
        [
            *(node(), str(LAUNCHER), "--cli", f"{agents.url}/mcp", "--transport", "http"),
            *("--header", header, "--method", method, *more),
        ],
        env=environment_of(API_KEY),
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_inspector_lists_and_calls_tools(agents: Agents, shell: Shell) -> None:
    listed = inspected(agents, "tools/list")["tools"]
    assert [each["name"] for each in listed] == [*NEEDS]
    (shell.directory / "five").write_bytes(b"12345")
    arguments = ("bucket=objects", "key=team/inspected.csv", "size=5", "overwrite=false")
    given = [each for argument in arguments for each in ("--tool-arg", argument)]
    result = inspected(agents, "tools/call", "--tool-name", "sign_upload", *given)
    command = result["structuredContent"]["command"]
    first, again = shell.run(command, "five"), shell.run(command, "five")
    assert (first.returncode, again.returncode in {0, 22}) == (0, True)
    assert agents.store.content("team/inspected.csv") == b"12345"
