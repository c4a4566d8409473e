"""`make audit`: looks for published vulnerabilities of the locked packages, with pip-audit.

Shipped packages must have none, except those in `[tool.audit]` of pyproject.toml, each with a
reason and an expiry date. Those of tests and tools are reported, and do not fail. If the advisories
cannot be fetched, that is reported, and does not fail either: it says nothing about the packages. A
single package without an answer is a failure.

Arguments go to pip-audit, for example `-s osv`.
"""

import datetime as dt
import json
import re
import shlex
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tools import ROOT
from tools.locks import LOCKS, PYTHONS, pinned

SHIPS: Final = "runtime.lock"
HOW: Final = shlex.split(
    "--require-hashes --disable-pip --format json --desc off --aliases on --progress-spinner off"
)
# pip-audit has no exit code for this. Any other error is a failure.
UNREACHABLE: Final = re.compile(r"ConnectionError|ProxyError|ConnectTimeout|ReadTimeout|SSLError")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    id: str
    reason: str
    until: dt.date

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError(f"{self.id} is ignored without a reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The result for one lock; `left_out` says why there is none."""

    audited: int = 0
    failures: list[str] = field(default_factory=list)
    left_out: str = ""


def judge(report: dict[str, Any], ignored: Sequence[Ignored], today: dt.date) -> Verdict:
    """Return the result for a JSON report of pip-audit."""
    packages = report["dependencies"]
    unanswered = [each["skip_reason"] for each in packages if "skip_reason" in each]
    if len(unanswered) == len(packages):
        return Verdict(left_out="the service knows advisories of no package")
    live = {each.id for each in ignored if today <= each.until}
    return Verdict(
        audited=len(packages) - len(unanswered),
        failures=[*unanswered, *(fault for each in packages for fault in failures(each, live))],
    )


def failures(package: dict[str, Any], ignored: set[str]) -> list[str]:
    return [
        f"{package['name']} {package['version']}: {each['id']}, fixed in {' or '.join(each['fix_versions']) or 'none yet'}"
        for each in package.get("vulns", [])
        if not ignored & {each["id"], *each["aliases"]}
    ]


def audit(lock: Path, ignored: Sequence[Ignored], options: Sequence[str]) -> Verdict:
    done = pip_audit(for_the_image(lock), options)
    if done.stdout.startswith("{"):
        return judge(json.loads(done.stdout), ignored, dt.datetime.now(tz=dt.UTC).date())
    if UNREACHABLE.search(done.stderr):
        return Verdict(left_out="the service cannot be reached")
    return Verdict(failures=[f"pip-audit failed: {done.stderr.strip()}"])


def for_the_image(lock: Path) -> str:
    """pip-audit checks only what its own Python would install, which may differ from the
    image's.
    """
    return "\n".join(
        " ".join([f"{pin.name}=={pin.version}", *(f"--hash=sha256:{each}" for each in pin.sha256)])
        for pin in pinned(lock, PYTHONS[-1]).values()
    )


def pip_audit(requirements: str, options: Sequence[str]) -> subprocess.CompletedProcess[str]:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(requirements)
        file.flush()
        program = Path(sys.executable).parent / "pip-audit"
        command: list[str | Path] = [program, "-r", file.name, *HOW, *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def report(lock: Path, verdict: Verdict) -> str:
    if verdict.left_out:
        return f"LEFT OUT: {lock.name} was not audited: {verdict.left_out}"
    if not verdict.failures:
        return f"{lock.name}: no known vulnerability in {verdict.audited} packages"
    kind = "" if lock.name == SHIPS else " (it does not ship)"
    return "\n".join(f"{lock.name}{kind}: {fault}" for fault in verdict.failures)


def ignored_advisories(pyproject: str) -> list[Ignored]:
    return [Ignored(**each) for each in tomllib.loads(pyproject)["tool"]["audit"]["ignored"]]


def main(options: Sequence[str], locks: Sequence[Path] = LOCKS) -> int:
    ignored = ignored_advisories((ROOT / "pyproject.toml").read_text())
    verdicts = {lock: audit(lock, ignored, options) for lock in locks}
    for lock, verdict in verdicts.items():
        print(report(lock, verdict))
    return 1 if any(each.failures for lock, each in verdicts.items() if lock.name == SHIPS) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
