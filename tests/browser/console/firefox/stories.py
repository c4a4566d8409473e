"""Stories in Debian's Firefox, which Playwright cannot drive: Node tells them, with puppeteer."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

from tests.browser.axe import AXE
from tests.clients.toolchains import tool
from tests.end_to_end.examples import node

HERE: Final = Path(__file__).parent
SECONDS: Final = 120  # on a busy machine; alone it takes seven


def tell(story: str, directory: Path, origins: set[str], **told: Any) -> Path:
    """Run a story, which fails if anything in it does. Return the directory of what was downloaded.

    The page logs nothing, breaks no policy and loads from no other than these `origins`.
    """
    downloads = directory / "downloads"
    downloads.mkdir()
    everything = {
        "firefox": tool("firefox-esr", "firefox-esr"),
        "axe": str(AXE),
        "downloads": str(downloads),
        "scheme": "light",
        **told,
    }
    done = subprocess.run(
        [node(), str(HERE / f"{story}.mjs")],
        input=json.dumps(everything),
        env={"PATH": os.defpath, "HOME": str(directory), "TMPDIR": str(directory)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["logged"] == []
    assert set(seen["origins"]) == origins
    return downloads
