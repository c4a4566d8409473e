"""`make pages-newest`: run the pages' commands with today's packages, and name the pages that break.

    python -m tools.newest_pages

A reader installs what a page names without a version, and the tests run what a lock pins. So a page
may fail for every reader while its tests pass.
"""

import ast
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Final

from defusedxml import ElementTree

from tools import ROOT

CLIENTS: Final = ROOT / "tests" / "clients"
# Their pages name a version of each package, and so do their environments.
WITH_VERSIONS: Final = ("mlflow", "test_remote_signing.py")


def pages_of_tests() -> dict[str, str]:
    """Return the page that each file of tests runs, as its first line says, by the file's path."""
    found = {}
    for path in sorted(CLIENTS.rglob("test_*.py")):
        first = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").partition("\n")[0]
        pages = re.findall(r"docs/[\w/-]+\.md", first)
        if pages and not any(each in path.parts for each in WITH_VERSIONS):
            found[str(path.relative_to(ROOT))] = " and ".join(pages)
    return found


def broken(report: Path, pages: dict[str, str]) -> dict[str, list[str]]:
    """Return the tests that failed, by their page, from pytest's report in XML."""
    failed = defaultdict(list)
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            path = f"{(case.get('classname') or '').replace('.', '/')}.py"
            failed[pages.get(path, path)].append(case.get("name") or "")
    return dict(failed)


def main() -> None:
    pages = pages_of_tests()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        options = ["-q", "-n", str(os.cpu_count()), "--dist", "worksteal", f"--junitxml={report}"]
        plain = "addopts=-ra --strict-markers --strict-config --import-mode=importlib"
        tests = [sys.executable, "-m", "pytest", *options, "--override-ini", plain, *pages]
        ended = subprocess.run(tests, cwd=ROOT, check=False)
        failed = broken(report, pages) if report.exists() else {}
    for page, names in failed.items():
        sys.stdout.write(f"{page} breaks with today's packages: {', '.join(names)}\n")
    raise SystemExit(ended.returncode)


if __name__ == "__main__":
    main()
