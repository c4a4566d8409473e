"""What a run of an hour writes at its end."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks import bars, compare, page, proto, signers
from benchmarks.measuring import Samples
from benchmarks.sides import ROOT
from benchmarks.starts import Start

START = Start(first_answer_s=1.5, cpu_s=1.25, children_s=0.2, idle_mib=109.4, private_mib=80.0)
GROWTH = {"loop held by a batch of 1,000 uploads": (4.5, "ms"), "memory of a session": (5.0, "KiB")}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copy(ROOT / "docs" / "performance.md", tmp_path))


def samples(rows: Sequence[tuple[str, int]]) -> Samples:
    made = Samples()
    for number, (name, length) in enumerate(rows, 1):
        made.add(name, length, 10.0 * number)
    return made


def test_the_page_has_both_measures_of_a_request(copy: Path) -> None:
    core = samples([(name, length) for length in signers.TOKEN_LENGTHS for name in signers.URLS])
    http = samples([("hello", 0), ("raw", 0)] + [(name, 352) for name in page.OVER_HTTP])
    more = {
        "proto": dict.fromkeys(proto.ROWS, 0.625),
        "companion": None,
        "starts": [asdict(START)],
        "growth": GROWTH,
    }
    page.write(copy, "a machine", core, http, more)
    lines = copy.read_text(encoding="utf-8").splitlines()
    assert "| presign, a download | 30.0 µs | 3.00 | 0.62 |" in lines
    assert "| presign, a part of a multipart upload |  |  | 0.62 |" in lines
    assert "| loop held by a batch of 1,000 uploads | 4.5 ms |" in lines


def test_the_trend_leaves_out_what_a_commit_could_not_do(copy: Path) -> None:
    found = proto.Found()
    for row in proto.ROWS:
        for side, us in (("HEAD", 70.0), ("HEAD~0", 80.0), (proto.HELLO, 100.0)):
            found.us[row, side] = [us]
    found.refusals["sign", "HEAD"] = "unknown"
    lines = list(compare.trend(found, {"HEAD": [START], "HEAD~0": [START]}))
    page.replace(copy, "trend", lines)
    written = copy.read_text(encoding="utf-8").splitlines()
    assert "| a download | 0.70 | 0.80 |" in written
    assert "| a remote signature |  | 0.80 |" in written
    assert "| CPU to the first URL | 1.25 s | 1.25 s |" in written


def test_each_part_of_a_start_has_its_bar() -> None:
    met = {each.what: each.is_met for each in bars.of_starts([START])}
    assert met == {
        "idle memory": True,
        "CPU to the first URL": False,
        "CPU of children to the first URL": True,
    }


def test_an_upload_may_hold_the_loop_for_less_than_others() -> None:
    of_growth = {
        each.what: each.bar
        for each in bars.of_growth({**GROWTH, "loop held by a GET": (0.2, "ms")})
    }
    assert of_growth == {"loop held by a batch of 1,000 uploads": 4.0, "loop held by a GET": 10.0}


def test_many_callers_are_measured_by_what_they_add() -> None:
    few = {
        "callers": 400,
        "check_s": 1.0,
        "start_s": 1.0,
        "memory_mib": 120.0,
        "reload_s": 0.1,
        "reload_by_team_s": 0.6,
        "scrape_ms": 9.0,
    }
    rows = [
        few,
        {**few, "callers": 4000},
        {**few, "callers": 40_000, "start_s": 4.0, "memory_mib": 280.0},
    ]
    met = {each.what: (each.value, each.is_met) for each in bars.of_callers(rows)}
    assert met["load of 40,000 callers"] == (3.0, True)
    assert met["memory of 40,000 callers"] == (160.0, False)
    assert met["reload, 40,000 callers by team"] == (0.6, False)
