"""Where compilers and generators are, and what happens if one is missing.

On a developer's machine a missing toolchain skips its tests, and says how to install it. In CI it
is a failure.
"""

import os
import shutil
from pathlib import Path
from typing import Final, NoReturn

import pytest

from tests.clients.page import ROOT
from tests.end_to_end.examples import node

GENERATORS: Final = Path(os.environ.get("TESTS_CLIENTS", ROOT / ".venv-clients" / "bin"))
NODE_MODULES: Final = Path(__file__).parent / "node_modules"
JAKARTA_ANNOTATIONS: Final = Path("/usr/share/java/jakarta-annotation-api.jar")  # Debian's


def tool(name: str, package: str) -> str:
    return shutil.which(name) or missing(f"{name} is not here", package)


def jakarta_annotations() -> Path:
    if not JAKARTA_ANNOTATIONS.exists():
        missing("Java's annotations are not here", "libjakarta-annotation-api-java")
    return JAKARTA_ANNOTATIONS


def missing(what: str, package: str) -> NoReturn:
    message = f"{what}: `apt-get install {package}` brings it"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def generators_path() -> str:
    """PATH with all programs that docs/clients.md calls by name."""
    for each in (GENERATORS / "openapi-generator-cli", NODE_MODULES / ".bin" / "tsc"):
        assert each.exists(), f"{each} is missing: `make clients` installs it"
    own = [str(GENERATORS), str(Path(node()).parent), str(NODE_MODULES / ".bin")]
    return os.pathsep.join([*own, os.environ["PATH"]])
