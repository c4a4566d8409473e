"""Clients made by the commands that docs/clients.md shows, compiled strictly, and ready to run."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.clients.page import DRIVERS, ROOT, commands
from tests.clients.toolchains import (
    GENERATORS,
    NODE_MODULES,
    generators_path,
    jakarta_annotations,
    tool,
)
from tests.end_to_end.examples import node

SECONDS: Final = 300  # the first compilation for Go is of its standard library too
PYTHON: Final = str(GENERATORS / "python")
PACKAGE: Final = "presign-client"  # as the commands name it


@dataclass(frozen=True, kw_only=True)
class Made:
    command: list[str]
    directory: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *arguments],
            cwd=self.directory,
            # Java and Python read their arguments in the locale's encoding.
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", **self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


@dataclass(frozen=True)
class Client:
    """One that docs/clients.md has a section of."""

    heading: str
    driver: str
    compile: Callable[[str, Path], Made] = field(repr=False)

    def make(self, directory: Path) -> Made:
        for command in commands(self.heading):
            generate(command, directory)
        return self.compiled(directory)

    def compiled(self, directory: Path) -> Made:
        shutil.copy(DRIVERS / self.driver, directory)
        return self.compile(self.driver, directory)


def step(directory: Path, *command: str, **environment: str) -> None:
    """One that must be done without a word of complaint."""
    done = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, "PATH": generators_path(), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"


def generate(command: str, directory: Path) -> None:
    shutil.copy(ROOT / "openapi.yaml", directory)
    step(directory, "bash", "-euc", command.removeprefix("npx "))


def python_strictly(driver: str, directory: Path) -> Made:
    step(directory, PYTHON, "-m", "mypy", "--strict", f"{PACKAGE}/presign_client")
    step(directory, PYTHON, "-m", "mypy", "--strict", driver, MYPYPATH=PACKAGE)
    return python(driver, directory)


def python_driver_strictly(driver: str, directory: Path) -> Made:
    """What openapi-generator makes is typed, but not strictly: its 190 errors are not ours to mend."""
    types = ["-m", "mypy", "--strict", "--follow-imports=silent"]
    step(directory, PYTHON, *types, driver, MYPYPATH=PACKAGE)
    return python(driver, directory)


def python(driver: str, directory: Path) -> Made:
    return Made(
        command=[PYTHON, "-W", "error", driver],
        directory=directory,
        environment={"PYTHONPATH": PACKAGE},
    )


def java(driver: str, directory: Path) -> Made:
    compiler, runtime = (tool(name, "default-jdk-headless") for name in ("javac", "java"))
    classes = os.pathsep.join(["classes", str(jackson()), str(jakarta_annotations())])
    sources = [str(path) for path in (directory / PACKAGE / "src/main").rglob("*.java")]
    options = ["-encoding", "UTF-8", "-proc:none", "-Xlint:unchecked,fallthrough,cast", "-Werror"]
    step(directory, compiler, *options, "-d", "classes", "-cp", classes, *sources, driver)
    return Made(command=[runtime, "-cp", classes, Path(driver).stem], directory=directory)


def jackson() -> Path:
    """Jackson as the generated pom asks for it; Debian's is too old.

    No Maven repository may be at hand. But the generator runs on the JVM itself, and its archive has
    such a Jackson, unshaded.
    """
    [archive] = GENERATORS.parent.glob("lib/python*/site-packages/openapi_generator_cli/*.jar")
    return archive


def go(driver: str, directory: Path) -> Made:
    (directory / "go.mod").write_text("module presign.example\n\ngo 1.23\n")
    compiler = tool("go", "golang-go")
    offline = {"GOPROXY": "off", "GOTOOLCHAIN": "local"}  # nothing but the standard library
    step(directory, compiler, "vet", "./...", **offline)
    step(directory, compiler, "build", "-o", "drive", driver, **offline)
    return Made(command=[str(directory / "drive")], directory=directory)


def typescript(driver: str, directory: Path) -> Made:
    (directory / "node_modules").symlink_to(NODE_MODULES)
    (directory / "package.json").write_text('{"type": "module"}')
    shutil.copy(Path(__file__).parent / "tsconfig.json", directory)
    step(directory, "tsc", "--project", ".")
    return Made(command=[node(), f"built/{Path(driver).stem}.js"], directory=directory)


CLIENTS: Final = [
    Client("openapi-python-client", "drive_openapi_python_client.py", python_strictly),
    Client("openapi-generator: Python", "drive_openapi_generator.py", python_driver_strictly),
    Client("openapi-generator: Java", "Drive.java", java),
    Client("openapi-generator: Go", "drive.go", go),
    Client("openapi-typescript and openapi-fetch", "drive_openapi_fetch.ts", typescript),
    Client("hey-api", "drive_hey_api.ts", typescript),
]
