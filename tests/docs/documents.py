"""Parses the pages into fenced blocks with their marks, and runs blocks.

CONTRIBUTING.md has the marks.
"""

import json
import os
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from tests.end_to_end.examples import node
from tests.support.demo import ROOT, Demo, paste

COMMANDS: Final = frozenset({"sh", "python"})
WITH_THE_DEMO: Final = "run with the demo"
# As on the pages: the addresses of the demo and in a Pod, and a Pod's token file.
IN_A_POD: Final = "http://presign.presign.svc"
ADDRESSES: Final = ("http://127.0.0.1:8000", IN_A_POD)
TOKEN_FILE: Final = "/var/run/secrets/presign/token"
_BLOCK: Final = re.compile(
    r"(?:^ *<!-- (?P<mark>[^\n]*) -->\n)?^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, kw_only=True)
class Block:
    page: str
    line: int  # of its fence
    language: str
    mark: str
    text: str
    shown: Any = None  # the JSON block directly below it

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str) -> list[Block]:
    """Return all blocks, in the order of the page."""
    text = text_of(page)
    found = list(_BLOCK.finditer(text))
    return [
        Block(
            page=page,
            line=text.count("\n", 0, each.start("indent")) + 1,
            language=each["language"],
            mark=each["mark"] or "",
            text=textwrap.dedent(each["text"]),
            shown=_shown_below(each, after),
        )
        for each, after in zip_longest(found, found[1:])
    ]


def _shown_below(block: re.Match[str], after: re.Match[str] | None) -> Any:
    if after is None or after["language"] != "json" or after.start() != block.end() + 1:
        return None
    return json.loads(after["text"])


def section(page: str, heading: str) -> str:
    return text_of(page).partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def table(text: str) -> list[list[str]]:
    """Return the cells of all rows of all tables, with their heads."""
    rows = [line.strip()[1:-1].split("|") for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in rows]


def commands(page: str) -> list[Block]:
    return [block for block in blocks(page) if block.language in COMMANDS]


def block_of(page: str, contains: str) -> Block:
    """Return the block of commands of a page that has this text."""
    [found] = [each for each in commands(page) if contains in each.text]
    return found


def run(
    block: Block, demo: Demo, directory: Path, variables: Mapping[str, str] | None = None
) -> str:
    """Run a block in a directory with the examples, and return its output.

    It must succeed without warnings.
    """
    (directory / "token").write_text("demo")
    if not (directory / "examples").exists():
        (directory / "examples").symlink_to(ROOT / "examples")
    text = block.text.replace(TOKEN_FILE, str(directory / "token"))
    for shown in ADDRESSES:
        text = text.replace(shown, demo.url)
    if IN_A_POD in block.text:  # its bucket is that of the page's configuration
        text = text.replace('"reports"', '"demo"')
    if block.language == "python":
        (directory / "lines.py").write_text(text)
        text = "python3 lines.py"
    own = {**environment(), "XDG_STATE_HOME": str(directory / "state")}
    return paste(text, directory, {**own, **(variables or {})})


def environment() -> dict[str, str]:
    """Return variables without credentials; PATH has our `presign`, `python3` and `node`."""
    tools = [Path(sys.executable).parent, Path(node()).parent]
    path = os.pathsep.join([*map(str, tools), os.environ["PATH"]])
    return {"PATH": path, "PRESIGN_CONFIG": str(ROOT / "presign.example.yaml")}


def differences(shown: Any, answer: Any, at: str = "") -> Iterator[str]:
    """Yield how the shape of an answer differs from the shown one.

    An object with `…` among its keys is shown in part. Of a list, the first items are shown.
    """
    if isinstance(shown, dict) and isinstance(answer, dict):
        names = shown.keys() - {"…"}
        more = set() if "…" in shown else answer.keys() - names
        yield from (f"{at}/{name} is shown, and not answered" for name in names - answer.keys())
        yield from (f"{at}/{name} is answered, and not shown" for name in more)
        for name in names & answer.keys():
            yield from differences(shown[name], answer[name], f"{at}/{name}")
    elif isinstance(shown, list) and isinstance(answer, list):
        if len(shown) > len(answer):
            yield f"{at} has {len(shown)} items as shown, and {len(answer)} as answered"
        for i, (one, other) in enumerate(zip(shown, answer, strict=False)):
            yield from differences(one, other, f"{at}/{i}")
    elif type(shown) is not type(answer):
        yield f"{at} is {type(shown).__name__} as shown, and {type(answer).__name__} as answered"
