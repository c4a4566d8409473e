"""What a command imports: imports are nine tenths of the CPU time of `presign url` in a script."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Final

import pytest

LISTING: Final = """
import json, sys
from presign_client.commands.main import main
main(sys.argv[1:], standalone_mode=False)
print(json.dumps([name for name, each in sys.modules.items() if each]), file=sys.stderr)
"""
ANSWERS: Final = {
    "/v1/caller": {"subject": "billing", "grants": []},
    "/v1/download-urls": {"method": "GET", "url": "https://store.test/a", "headers": {}},
    "/v1/object-checks": {"found": True, "mismatches": [], "content_length": 0, "etag": '"1"'},
}
BELOW: Final = {"errors", "transfers", "transfers.pace"}
OF_EACH: Final = BELOW | {
    *("commands", "commands.main", "commands.failures", "commands.options", "commands.output"),
}
OF_CALLS: Final = {
    *("answers", "api", "calls", "retries", "settings", "signed", "stopping", "store"),
    *("connections", "pools", "proxies", "reasons", "service_http"),
    "commands.progress",
}


class _Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(ANSWERS[self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_request(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Service) as service:
        thread = Thread(target=service.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{service.server_port}"
        service.shutdown()
        thread.join()


def _modules(*words: str, url: str = "") -> set[str]:
    """Return all modules that a command imports."""
    done = subprocess.run(
        [sys.executable, "-c", LISTING, *words],
        env={"PATH": os.defpath, "PRESIGN_URL": url, "PRESIGN_TOKEN": "token"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def _imported(*words: str, url: str = "") -> tuple[set[str], set[str]]:
    """Return the modules of the client, and the packages of others, that a command imports."""
    names = _modules(*words, url=url)
    own = {each.removeprefix("presign_client.") for each in names if "presign_client." in each}
    packages = {each.partition(".")[0] for each in names if not each.startswith("_")}
    others = packages - set(sys.stdlib_module_names) - {"presign_client"}
    return own, others - _of_each_start()


def _of_each_start() -> set[str]:
    """Return what Python imports at each start here, such as a `sitecustomize`."""
    code = "import sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=True,
    )
    return {each.partition(".")[0] for each in done.stdout.split()}


@pytest.mark.parametrize("command", ["url", "whoami", "agent", "put", "cp"])
def test_help_imports_the_command_and_click_only(command: str) -> None:
    own, others = _imported(command, "--help")

    more = {"commands.progress", "commands.transferring"} if command != "agent" else set()
    assert OF_EACH | {f"commands.{command}"} <= own
    assert own <= OF_EACH | {f"commands.{command}"} | more
    assert others == {"click"}


def test_the_help_of_all_commands_imports_commands_only() -> None:
    own, others = _imported("--help")

    assert {each for each in own if not each.startswith("commands")} == BELOW
    assert others <= {"click", "service"}


@pytest.mark.parametrize("words", [("url", "reports/a"), ("whoami",)], ids=" ".join)
def test_a_call_imports_nothing_that_moves_bytes(words: tuple[str, ...], url: str) -> None:
    own, others = _imported(*words, url=url)

    result = {"caller"} if words == ("whoami",) else set()
    assert own == OF_EACH | OF_CALLS | result | {f"commands.{words[0]}"}
    assert others == {"click", "urllib3"}


def test_a_download_imports_nothing_of_uploads_and_folders(url: str, tmp_path: Path) -> None:
    """It has no byte, so no connection to the store is needed."""
    own, others = _imported("get", "reports/a", str(tmp_path / "a"), url=url)

    transfers = {
        "download",
        "expected",
        "following",
        "links",
        "names",
        "partial_file",
        "plan",
        "ranges",
    }
    assert {each for each in own if each.startswith("transfers.")} == {
        f"transfers.{each}" for each in {*transfers, "pace", "source", "workers"}
    }
    assert not {"folder_results", "listing", "store_http"} & own
    assert others == {"click", "urllib3"}


def test_a_command_imports_nothing_for_proxies(url: str, tmp_path: Path) -> None:
    for words in (["url", "reports/a"], ["get", "reports/a", str(tmp_path / "a")]):
        names = _modules(*words, url=url)

        assert "urllib.request" not in names
