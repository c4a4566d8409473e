"""docs/clients.md: its versions are the pinned ones, and `make clients` runs its commands and programs."""

import json
import re
from typing import Final

import pytest

from tests.clients.making import CLIENTS, Client
from tests.clients.page import DRIVERS, PAGE, ROOT, commands, table

TEXT: Final = PAGE.read_text(encoding="utf-8")
NPM: Final = ROOT / "tests" / "clients"
NAMES: Final = [client.label for client in CLIENTS]


def python_version(package: str) -> str:
    lock = (ROOT / "locks/clients.lock").read_text()
    [version] = re.findall(rf"^{package}==(\S+)", lock, re.MULTILINE)
    return str(version)


def npm_version(package: str) -> str:
    version: str = json.loads((NPM / "package.json").read_text())["devDependencies"][package]
    lock = json.loads((NPM / "package-lock.json").read_text())["packages"]
    assert version == lock[f"node_modules/{package}"]["version"]
    return version


def version(name: str) -> str:
    if name == "openapi-typescript and openapi-fetch":
        return f"{npm_version('openapi-typescript')} and {npm_version('openapi-fetch')}"
    if name.startswith("openapi-generator: "):
        return python_version("openapi-generator-cli")
    return python_version(name)


def test_the_table_has_each_client_with_its_pinned_version() -> None:
    documented = {re.sub(r"\[(.*)\]\(.*\)", r"\1", row[0]): row[1] for row in table()}
    assert documented == {name: version(name) for name in NAMES}


def test_the_table_has_the_pinned_type_checkers() -> None:
    assert set(re.findall(r"mypy (\d[\d.]+\d)", TEXT)) == {python_version("mypy")}
    assert set(re.findall(r"TypeScript (\d+\.[\d.]+\d)", TEXT)) == {npm_version("typescript")}


@pytest.mark.parametrize("client", CLIENTS, ids=NAMES)
def test_the_table_links_the_program_that_is_run(client: Client) -> None:
    driver = (DRIVERS / client.driver).relative_to(ROOT)
    assert f"| [{client.label}](../{driver}) |" in TEXT


@pytest.mark.parametrize("client", CLIENTS, ids=NAMES)
def test_each_tab_has_the_command_that_generates_the_client(client: Client) -> None:
    assert [command for command in commands(client.label) if "openapi.yaml" in command]


def test_the_go_command_allows_new_fields() -> None:
    [command] = commands("openapi-generator: Go")
    assert "disallowAdditionalPropertiesIfNotPresent=false" in command
