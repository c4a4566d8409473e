"""The README's lines for a shell, pasted: each does what the README says, against the demo."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.demo import ROOT, Demo, demo, paste

README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
TOKEN_FILE: Final = "/var/run/secrets/presign/token"
# A block that calls the service, and the answer that is shown below it, if one is.
CALLS: Final = [
    (lines, shown)
    for lines, shown in re.findall(
        r"```sh\n((?:(?!```).)*?)```\n(?:```json\n(.*?)```)?", README, re.DOTALL
    )
    if "curl " in lines
]
OF_A_TOKEN: Final = {"issuer"}  # the demo's key has none
ANSWERED: Final = [call for call in CALLS if call[1]]


@pytest.fixture(scope="module")
def running() -> Iterator[Demo]:
    with demo() as started:
        yield started


def pasted(lines: str, running: Demo, directory: Path) -> str:
    """With the demo's address, and its key where a Pod has a token."""
    token = directory / "token"
    token.write_text("demo")
    for shown in ("http://127.0.0.1:8000", "http://presign.presign.svc"):
        lines = lines.replace(shown, running.url)
    return paste(lines.replace(TOKEN_FILE, str(token)), directory)


def test_the_readme_has_no_curl_that_is_not_tried() -> None:
    assert "".join(lines for lines, _ in CALLS).count("curl ") == README.count("curl ")
    assert len(ANSWERED) == 6


def test_the_first_lines_store_an_object_and_get_it_back(running: Demo, tmp_path: Path) -> None:
    [lines] = [lines for lines, shown in CALLS if not shown]
    # A refusal of the store's would be there too, in XML.
    assert pasted(lines, running, tmp_path) == "hello"


@pytest.mark.parametrize(
    ("lines", "shown"), ANSWERED, ids=[lines.split()[2] for lines, _ in ANSWERED]
)
def test_a_call_is_answered_in_the_shape_that_is_shown(
    running: Demo, tmp_path: Path, lines: str, shown: str
) -> None:
    answer = json.loads(pasted(lines, running, tmp_path))
    assert set(shape(answer)) == set(shape(json.loads(shown))) - OF_A_TOKEN


def shape(answer: dict[str, Any]) -> Iterator[str]:
    """Its fields, and those of what stands first in its lists."""
    for name, value in answer.items():
        yield name
        if isinstance(value, list) and value and isinstance(value[0], dict):
            yield from (f"{name}/{each}" for each in value[0])
