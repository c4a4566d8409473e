from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

OPENAPI = Path(__file__).parents[2] / "openapi.yaml"


@pytest.fixture(scope="session")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(OPENAPI)
    return loaded
