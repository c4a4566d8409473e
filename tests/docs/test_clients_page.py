"""docs/clients.md: its versions are the pinned ones, and `make clients` runs its code."""

import json
import re
from typing import Final

import pytest

from tests.clients.making import CLIENTS, Client
from tests.clients.page import DRIVERS, PAGE, ROOT, blocks, commands, section, table

TEXT: Final = PAGE.read_text(encoding="utf-8")
NPM: Final = ROOT / "tests" / "clients"
NAMES: Final = [client.heading for client in CLIENTS]


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


def lines(text: str) -> list[str]:
    """Return the lines without indentation, which differs in a class."""
    return [line.strip() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("client", CLIENTS, ids=NAMES)
def test_each_sections_code_is_in_its_driver(client: Client) -> None:
    driver = "\n".join(lines((DRIVERS / client.driver).read_text(encoding="utf-8")))
    shown = [block for language, block in blocks(section(client.heading)) if language != "sh"]
    assert shown
    assert [block for block in shown if "\n".join(lines(block)) not in driver] == []


@pytest.mark.parametrize("client", CLIENTS, ids=NAMES)
def test_each_section_has_the_command_that_generates_the_client(client: Client) -> None:
    assert [command for command in commands(client.heading) if "openapi.yaml" in command]


def test_the_go_command_allows_new_fields() -> None:
    [command] = commands("openapi-generator: Go")
    assert "disallowAdditionalPropertiesIfNotPresent=false" in command
