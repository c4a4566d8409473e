"""The names that a drop box's page sends, and the keys that the service makes of them."""

import json
import subprocess
from pathlib import Path
from typing import Final

from service.access.key_prefixes import sent_object_key
from tests.end_to_end.examples import node

SENT_NAMES: Final = Path(__file__).parents[3] / "service/protocols/links/page/sent_names.js"
TAKE: Final = f"""
import {{ SentNames }} from {json.dumps(SENT_NAMES.as_uri())};
const names = new SentNames();
console.log(JSON.stringify(JSON.parse(process.argv[1]).map((name) => names.take(name))));
"""
NAMES: Final = [
    *("a.pdf", "a.pdf", "a\\b", "a_b", "\x01", "\x9f", "_", ".", "..", "..", "${filename}"),
    *("x" * 251 + ".pdf", "x" * 251 + ".pdf", "x" * 240 + "y.pdf", "x" * 255, "x" * 255),
    *("é" * 200 + ".pdf", "é" * 200 + ".pdf", "😀" * 70, "😀" * 70, "😀" * 63 + "a.b"),
    *("x" * 250 + ".éé", "x" * 250 + ".éé"),
    *("a." + "e" * 250, "a." + "e" * 250, "." + "e" * 254, "\ud800.txt", "\ufffd.txt", "\ufeffa"),
]


def test_each_name_of_a_visit_has_its_own_key() -> None:
    command = [node(), "--input-type=module", "-e", TAKE, json.dumps(NAMES)]
    taken = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=30).stdout)
    keys = [sent_object_key("in/", "f" * 12, "2026-11-28", name) for name in taken]
    assert keys == [f"in/{'f' * 12}/2026-11-28 {name}" for name in taken]
    assert len(set(keys)) == len(NAMES)
