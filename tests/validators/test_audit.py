"""`make audit`, with pip-audit itself and an advisory service on loopback."""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.http_servers import Handler, serving
from tools import ROOT
from tools.audit import (
    Ignored,
    Verdict,
    audit,
    for_the_image,
    ignored_advisories,
    judge,
    report,
)

TODAY: Final = dt.datetime.now(tz=dt.UTC).date()
HASH: Final = "--hash=sha256:" + "0" * 64
ADVISORY: Final = {
    "id": "PYSEC-0000-1",
    "aliases": ["CVE-0000-1"],
    "affected": [
        {
            "package": {"name": "weak", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}],
        }
    ],
}


class Advisories(Handler):
    """OSV's protocol: https://google.github.io/osv.dev/post-v1-query/. It has one advisory."""

    def do_POST(self) -> None:  # noqa: N802 - its name there
        asked: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["content-length"])))
        vulnerable = asked["package"]["name"] == "weak" and asked["version"] == "1.0"
        self.answer(200, json.dumps({"vulns": [ADVISORY]} if vulnerable else {}).encode())


@pytest.fixture(scope="module", name="service")
def _service() -> Iterator[list[str]]:
    with serving(Advisories) as url:
        yield ["-s", "osv", "--osv-url", f"{url}/v1/query"]


@pytest.fixture(name="lock")
def _lock(tmp_path: Path) -> Path:
    path = tmp_path / "runtime.lock"
    path.write_text(f"sound==1.0 {HASH}\nweak==1.0 {HASH}\n")
    return path


def test_a_package_with_an_advisory_fails(lock: Path, service: list[str]) -> None:
    failure = "weak 1.0: PYSEC-0000-1, fixed in 2.0"
    assert audit(lock, [], service) == Verdict(audited=2, failures=[failure])


@pytest.mark.parametrize("name", ["PYSEC-0000-1", "CVE-0000-1"])
def test_an_advisory_is_ignored_until_its_date(lock: Path, service: list[str], name: str) -> None:
    ignored = Ignored(id=name, reason="not reached", until=TODAY)
    assert audit(lock, [ignored], service).failures == []
    over = replace(ignored, until=TODAY - dt.timedelta(days=1))
    assert audit(lock, [over], service).failures != []


def test_packages_without_an_advisory_pass(lock: Path, service: list[str]) -> None:
    lock.write_text(f"sound==1.0 {HASH}\n")
    assert report(lock, audit(lock, [], service)).startswith("runtime.lock: no known")


def test_an_unreachable_service_is_reported(lock: Path) -> None:
    nobody = ["-s", "osv", "--osv-url", "http://127.0.0.1:9/v1/query"]  # RFC 863: discard
    verdict = audit(lock, [], nobody)
    assert verdict.failures == []
    assert report(lock, verdict).startswith("LEFT OUT: ")


def test_a_single_package_without_an_answer_fails() -> None:
    answered = {"name": "sound", "version": "1.0", "vulns": []}
    unanswered = {"name": "odd", "skip_reason": "odd was not found"}
    verdict = judge({"dependencies": [answered, unanswered]}, [], TODAY)
    assert verdict.failures == ["odd was not found"]
    assert judge({"dependencies": [unanswered]}, [], TODAY).left_out


def test_an_audit_that_fails_otherwise_fails(lock: Path) -> None:
    assert audit(lock, [], ["--no-such-option"]).failures


def test_the_audit_covers_the_images_python() -> None:
    audited = for_the_image(ROOT / "locks/runtime.lock")
    assert "deprecated==3" in audited  # 1.3 below Python 3.12
    assert ";" not in audited


def test_each_ignored_advisory_has_a_reason_and_a_date() -> None:
    for each in ignored_advisories((ROOT / "pyproject.toml").read_text()):
        assert each.until <= TODAY + dt.timedelta(days=366)
    with pytest.raises(ValueError, match="without a reason"):
        ignored_advisories('[tool.audit]\nignored = [{id = "A", reason = "", until = 2026-01-01}]')
    with pytest.raises(TypeError, match="until"):
        ignored_advisories('[tool.audit]\nignored = [{id = "A", reason = "not reached"}]')
