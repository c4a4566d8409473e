"""Each result is valid by the schema of its revision, as PyPI's `mcp-types` has it."""

import json
import subprocess
from typing import Any, Final

import httpx

from service.protocols.mcp.rights import NEEDS
from tests.clients.mcp.serving import PYTHON, PYTHON_DRIVERS, Agents
from tests.protocols.mcp.harness import LATEST, META
from tests.support.service import API_KEY

REVISIONS: Final = (LATEST, "2025-11-25", "2025-06-18")
AT: Final = {"bucket": "objects", "key": "team/result.csv"}
CLIENT: Final = {"name": "tests", "version": "1"}


def test_each_result_is_valid_by_its_revision(agents: Agents) -> None:
    agents.store.put("team/result.csv", b"1")
    results = [
        [method, revision, found]
        for revision in REVISIONS
        for method, found in answers(agents, revision)
    ]
    done = subprocess.run(
        [PYTHON, "-W", "error", str(PYTHON_DRIVERS / "validate.py")],
        input="".join(f"{json.dumps(each)}\n" for each in results),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(results) > 3 * len(NEEDS)


def answers(agents: Agents, revision: str) -> list[tuple[str, dict[str, Any]]]:
    """Return results of each method of the revision: of each tool one, and one refusal."""
    sent: list[tuple[str, dict[str, Any]]] = [("tools/list", {})]
    if revision == LATEST:
        sent.append(("server/discover", {}))
    else:
        about = {"protocolVersion": revision, "capabilities": {}, "clientInfo": CLIENT}
        sent += [("initialize", about), ("ping", {})]
    calls: dict[str, dict[str, Any]] = dict.fromkeys(NEEDS, AT)
    calls |= {"show_access": {}, "list_files": {"bucket": "objects", "prefix": "team/"}}
    calls |= {"find_files": {"bucket": "objects", "prefix": "team/", "pattern": "*"}}
    calls |= {"sign_upload": {**AT, "size": 1}, "list_links": {}, "revoke_link": {"id": "none"}}
    calls |= {tool: {**AT, "to_key": "team/other.csv"} for tool in ("sign_copy", "sign_move")}
    sent += [("tools/call", {"name": name, "arguments": each}) for name, each in calls.items()]
    return [(method, result_of(agents, revision, method, params)) for method, params in sent]


def result_of(agents: Agents, revision: str, method: str, params: dict[str, Any]) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    if method != "initialize":
        headers["MCP-Protocol-Version"] = revision
    if revision == LATEST:
        headers |= {"Mcp-Method": method, "Mcp-Name": params.get("name", "")}
        params = {**params, "_meta": META}
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = httpx.post(
        f"{agents.url}/mcp", json=message, headers=headers, trust_env=False, timeout=60
    )
    result: dict[str, Any] = answer.json()["result"]
    if method == "tools/call":
        assert result["isError"] == (params["name"] == "revoke_link"), result
    return result
