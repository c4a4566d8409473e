"""What docs/uppy.md shows, which is what the tests run."""

import re
from pathlib import Path
from typing import Final

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "uppy.md"


def shown(language: str) -> str:
    """The one block of a language."""
    text = DOCUMENT.read_text(encoding="utf-8")
    block: str
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return block
