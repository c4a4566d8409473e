"""presign with tools for agents in front of a store, and released clients of MCP that call them."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from service.config.key_files import KEY_BYTES, new_key
from tests.clients.page import ROOT
from tests.end_to_end.examples import node
from tests.support.processes import free_ports
from tests.support.service import API_KEY, make_caller, run_service
from tests.support.stores import Store

HERE: Final = Path(__file__).parent
PYTHON_DRIVERS: Final = HERE.parent / "drivers/mcp"
NODE_DRIVERS: Final = HERE / "node"
BIN: Final = Path(os.environ.get("TESTS_MCP", ROOT / ".venv-mcp" / "bin"))
NODE_MODULES: Final = HERE / "node_modules"
PYTHON: Final = str(BIN / "python")
WRITES: Final = ("list", "head", "download", "upload", "delete", "link")
READS: Final = ("list", "head", "download")
_SECONDS: Final = 180


@dataclass(frozen=True, slots=True)
class Client:
    """A released client, and the revision that it speaks."""

    name: str
    command: Sequence[str]
    revision: str


def _python(program: str, *arguments: str) -> list[str]:
    return [PYTHON, "-W", "error", str(PYTHON_DRIVERS / program), "{url}", *arguments]


def _node(program: str, *arguments: str) -> list[str]:
    return [node(), "--no-warnings", str(NODE_DRIVERS / program), "{url}", *arguments]


CLIENTS: Final = (
    Client("mcp, auto", _python("drive_mcp.py", "auto"), "2026-07-28"),
    Client("mcp, legacy", _python("drive_mcp.py", "legacy"), "2025-11-25"),
    Client("fastmcp", _python("drive_fastmcp.py"), "2026-07-28"),
    Client("sdk", _node("drive_sdk.mjs"), "2025-11-25"),
    Client("client, auto", _node("drive_client.mjs", "auto"), "2026-07-28"),
    Client("client, legacy", _node("drive_client.mjs", "legacy"), "2025-11-25"),
)


@dataclass(frozen=True, kw_only=True)
class Agents:
    """The service at `url`, which writes audit lines to a file, and its store."""

    url: str
    store: Store
    output: Path

    def audit(self) -> list[dict[str, Any]]:
        lines = self.output.read_text(encoding="utf-8").splitlines()
        return [json.loads(each) for each in lines if '"event":"audit"' in each]


class Refused(Exception):
    """A client's own error."""


@dataclass
class Session:
    """A client that is connected. It reads a line for each call, and answers with one."""

    process: subprocess.Popen[str]

    def about(self) -> dict[str, Any]:
        told: dict[str, Any] = self._ask("about")
        return told

    def tools(self) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = self._ask("tools")
        return told

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        told: dict[str, Any] = self._ask("call", tool, arguments)
        return told

    def value(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = self.call(tool, **arguments)
        assert not result.get("isError"), result
        value: dict[str, Any] = result["structuredContent"]
        return value

    def refusal(self, tool: str, **arguments: Any) -> str:
        result = self.call(tool, **arguments)
        assert result["isError"], result
        text: str = result["content"][0]["text"]
        return text

    def _ask(self, *asked: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):  # it has ended already: it has no answer below
            self.process.stdin.write(f"{json.dumps(asked)}\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the client has ended"
        told = json.loads(line)
        if "error" in told:
            raise Refused(told["error"])
        return told["answer"]


@contextmanager
def connected(client: Client, url: str, key: str = API_KEY) -> Iterator[Session]:
    command = [each.replace("{url}", f"{url}/mcp") for each in client.command]
    process = subprocess.Popen(
        command,
        env=environment_of(key),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Session(process)
        finally:
            assert process.stdin is not None
            with suppress(BrokenPipeError):  # of what it did not read
                process.stdin.close()
            process.wait(_SECONDS)
    assert process.returncode == 0


def environment_of(key: str) -> dict[str, str]:
    return {
        "PATH": os.pathsep.join([str(BIN), str(Path(node()).parent), os.defpath]),
        "HOME": str(HERE),
        "PRESIGN_TOKEN": key,
        "FASTMCP_CHECK_FOR_UPDATES": "off",
    }


@dataclass
class Shell:
    """Runs the commands that tools answer, each in its directory."""

    directory: Path
    environment: Mapping[str, str] = field(default_factory=lambda: {"PATH": os.defpath})

    def run(self, command: str, file: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command exactly as it was told, with `file` in the place of FILE."""
        return subprocess.run(
            ["sh", "-c", command.replace("FILE", file)],
            cwd=self.directory,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )


@contextmanager
def serve(
    store: Store,
    directory: Path,
    callers: list[dict[str, Any]] | None = None,
    *,
    port: int | None = None,
    **top: Any,
) -> Iterator[Agents]:
    """An agent writes below `team/`, and reads below `reports/`. `top` are other sections."""
    assert BIN.exists(), "MCP's clients for Python are missing: `make clients` installs them"
    assert NODE_MODULES.exists(), "MCP's clients for Node are missing: `make clients` installs them"
    port = port or free_ports(1)[0]
    url = f"http://127.0.0.1:{port}"
    key = directory / "link.key"
    key.write_text(new_key(b"k" * KEY_BYTES))
    sections = {
        "server": {"drain_seconds": 0, "public_url": url},
        "mcp": True,
        "links": {"keys": [str(key)], "store_url": "memory://"},
        **top,
    }
    callers = [agent()] if callers is None else callers
    with run_service(
        store, directory, callers=callers, top=sections, port=port, conditional_copies=True
    ):
        yield Agents(url=url, store=store, output=directory / "output.log")


def agent() -> dict[str, Any]:
    writer = make_caller("agent", API_KEY, "team/", allow=WRITES)
    reader = make_caller("agent", API_KEY, "reports/", allow=READS)
    grants = [{**each, "allow_overwrite": False} for each in writer["grants"] + reader["grants"]]
    return {**writer, "grants": grants}
