from pathlib import Path

import pytest

from benchmarks import proto
from benchmarks.sides import ROOT, Side

pytestmark = pytest.mark.slow

HERE = Side("here", ROOT)


def test_this_service_answers_each_row() -> None:
    found = proto.measure([HERE], list(proto.ROWS), rounds=1)
    assert found.refusals == {}
    assert set(found.us) == {(row, side) for row in proto.ROWS for side in ("here", proto.HELLO)}


def test_rows_that_a_commit_cannot_answer_are_told_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "__init__.py").touch()
    (tmp_path / "service" / "__main__.py").write_text("raise SystemExit('sign: unknown setting')")
    compared = [Side("older", tmp_path), HERE]
    lines = list(proto.table(proto.measure(compared, ["get"], rounds=1), ["get"], compared))
    assert lines[2].startswith("| a download | - | - | ")
    assert lines[-1] == "a download cannot be measured at older: sign: unknown setting"
