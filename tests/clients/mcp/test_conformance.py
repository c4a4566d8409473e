"""The official conformance suite, in two versions: the page says which kinds of checks fail."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.clients.mcp.serving import NODE_MODULES, Agents, serve
from tests.end_to_end.examples import node
from tests.support.stores import Store

SUITES: Final = {
    "0.1.16": NODE_MODULES / "@modelcontextprotocol/conformance/dist/index.js",
    "0.2.0-alpha.12": NODE_MODULES / "conformance-2026/dist/index.js",
}
OF_BOTH: Final = ("server-initialize", "ping", "tools-list", "dns-rebinding-protection")
OF_THE_LATEST: Final = ("http-header-validation", "server-stateless", "caching")
SCENARIOS: Final = [
    *(("0.1.16", each) for each in OF_BOTH),
    *(("0.2.0-alpha.12", each) for each in (*OF_BOTH, *OF_THE_LATEST)),
]
# These call the suite's own test tools.
OF_TEST_TOOLS: Final = {
    "sep-2575-server-rejects-undeclared-capability",
    "sep-2575-missing-capability-http-400",
    "sep-2575-http-server-no-independent-requests-on-stream",
    "sep-2575-server-no-log-without-loglevel",
}
OF_PROMPTS_AND_RESOURCES: Final = {
    "sep-2549-prompts-list-caching-hints",
    "sep-2549-resources-list-caching-hints",
    "sep-2549-resources-templates-list-caching-hints",
}
EXCEPTIONS: Final = OF_TEST_TOOLS | OF_PROMPTS_AND_RESOURCES
# The suite sends no Authorization.
ANYBODY: Final[dict[str, Any]] = {
    "grants": [{"bucket": "objects", "prefix": "team/", "allow": ["list", "download"]}]
}
_CHECK: Final = re.compile(r"\[([\w-]+) *\] (SUCCESS|FAILURE)")
_COLOUR: Final = re.compile(r"\x1b\[\d+m")


@pytest.fixture(scope="module")
def open_to_all(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agents]:
    directory = tmp_path_factory.mktemp("service")
    with serve(ministack, directory, unsafe_anonymous_caller=ANYBODY) as running:
        yield running


@pytest.mark.parametrize(("suite", "scenario"), SCENARIOS)
def test_all_checks_pass_but_those_on_the_page(
    suite: str, scenario: str, open_to_all: Agents, tmp_path: Path
) -> None:
    checks = run(suite, scenario, open_to_all.url, tmp_path)
    assert "SUCCESS" in {status for _, status in checks}
    failed = {name for name, status in checks if status == "FAILURE"}
    assert failed == (EXCEPTIONS & {name for name, _ in checks})
    if scenario in OF_BOTH or scenario == "http-header-validation":
        assert not failed


def test_no_exception_is_left_over(open_to_all: Agents, tmp_path: Path) -> None:
    failed = set[str]()
    for scenario in OF_THE_LATEST:
        checks = run("0.2.0-alpha.12", scenario, open_to_all.url, tmp_path)
        failed |= {name for name, status in checks if status == "FAILURE"}
    assert failed == EXCEPTIONS


def run(suite: str, scenario: str, url: str, directory: Path) -> list[tuple[str, str]]:
    command = [node(), str(SUITES[suite]), "server", "--url", f"{url}/mcp", "--scenario", scenario]
    done = subprocess.run(
        command,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return _CHECK.findall(_COLOUR.sub("", done.stdout))
