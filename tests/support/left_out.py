"""One line that says which tests were skipped, and how to install what they need."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

_BRINGS: Final = re.compile("`apt-get install ([a-z0-9.+-]+)` brings it")
_SKIPPED: Final = "Skipped: "  # what pytest writes before a reason


def left_out(reasons: Iterable[str]) -> str | None:
    """Return the line for the reasons of skipped tests, or None if there are none."""
    packages, others = Counter[str](), Counter[str]()
    for reason in reasons:
        found = _BRINGS.search(reason)
        if found is None:
            others[reason.removeprefix(_SKIPPED)] += 1
        else:
            packages[found[1]] += 1
    clauses = [f"{_tests(count)} ({reason})" for reason, count in sorted(others.items())]
    if packages:
        names = sorted(packages)
        needed = f"{_tests(packages.total())} for want of {', '.join(names)}"
        clauses.insert(0, f"{needed}: apt-get install {' '.join(names)}")
    return f"left out: {'; '.join(clauses)}" if clauses else None


def _tests(count: int) -> str:
    return "1 test" if count == 1 else f"{count} tests"
