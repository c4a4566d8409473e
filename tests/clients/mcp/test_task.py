"""An agent's whole task, by a client that knows nothing but what the service tells it.

It reads the instructions, picks each tool by its title, and fills in arguments by their
descriptions. What it does with a refusal is to say its reason.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients.mcp.serving import CLIENTS, Agents, Session, Shell, connected

REPORT = "month,total\n" + "2026-11,42\n" * 1000
TODAY = "2026-12-01"


@dataclass
class Scripted:
    """Of the tools it knows what their descriptions say, and where it may do what."""

    session: Session
    shell: Shell

    def __post_init__(self) -> None:
        self.tools = {each["title"]: each for each in self.session.tools()}
        begin = re.search(r"Begin with (\w+)", self.session.about()["instructions"])
        assert begin is not None
        self.access = self.session.value(begin[1])

    def use(self, title: str, **known: Any) -> dict[str, Any]:
        """Call the tool with this title, with what is known of the arguments that it takes."""
        tool = self.tools[title]
        takes = tool["inputSchema"]["properties"]
        assert set(tool["inputSchema"].get("required", ())) <= set(known), tool["description"]
        return self.session.call(
            tool["name"], **{name: value for name, value in known.items() if name in takes}
        )

    def places(self, operation: str) -> Iterator[dict[str, str]]:
        for each in self.access["grants"]:
            if operation in each["allow"]:
                yield {"bucket": each["bucket"], "prefix": each["prefix"]}


@pytest.fixture(params=[CLIENTS[0], CLIENTS[3]], ids=lambda client: client.name)
def agent(request: pytest.FixtureRequest, agents: Agents, shell: Shell) -> Iterator[Scripted]:
    for month in ("09", "10", "11"):
        agents.store.put(f"reports/2026/{month}/report-{month}.csv", REPORT.encode())
    with connected(request.param, agents.url) as session:
        yield Scripted(session, shell)


def test_an_agent_summarizes_last_months_report(agent: Scripted, agents: Agents) -> None:
    """Find last month's report, read its size, download it, upload a summary, be refused."""
    found = [
        {"bucket": place["bucket"], **file}
        for place in agent.places("list")
        if place["bucket"] == "objects"
        for file in agent.use("Find files", pattern="report-11*", **place)["structuredContent"][
            "files"
        ]
    ]
    [report] = found
    described = agent.use("Describe a file", **report)["structuredContent"]
    assert described["size"] == len(REPORT)

    told = agent.use("Get a download URL", **report)["structuredContent"]
    assert agent.shell.run(told["command"], "report.csv").returncode == 0
    content = (agent.shell.directory / "report.csv").read_text()
    assert len(content) == described["size"]
    summary = f"{TODAY}: {content.count('42')} rows\n"
    (agent.shell.directory / "summary.txt").write_text(summary)

    where = next(agent.places("upload"))
    key = f"{where['prefix']}summary-{agent.session.about()['revision']}.txt"
    upload = {"bucket": where["bucket"], "key": key, "size": len(summary.encode())}
    sent = agent.use("Get an upload request", **upload)["structuredContent"]
    assert agent.shell.run(sent["command"], "summary.txt").returncode == 0
    assert agents.store.content(key) == summary.encode()

    refused = agent.use("Get an upload request", **{**upload, "key": "reports/summary.txt"})
    assert refused["isError"] is True
    assert refused["content"][0]["text"] == (
        "forbidden: None of your grants allows `upload` on this name. show_access has what you may "
        "do, and where."
    )


def test_no_content_has_passed_the_service(agent: Scripted, agents: Agents, tmp_path: Path) -> None:
    report = {"bucket": "objects", "key": "reports/2026/11/report-11.csv"}
    answers = [
        agent.use(title, **report, size=len(REPORT), prefix="reports/", pattern="*")
        for title in ("Describe a file", "Get a download URL", "List files", "Find files")
    ]
    assert "2026-11,42" not in json.dumps(answers)
    assert not list(tmp_path.iterdir())
