"""Abandoned uploads in words: what an operator writes, and what is shown."""

from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from service.cli.main import main
from service.operations.abandoned_uploads import (
    SweepResult,
    UploadWithAge,
    age_of,
    line,
    parse_duration,
    summary,
)
from tests.cli.test_commands import GOOD
from tests.operations.test_abandoned_uploads import OLD, upload

HOUR: Final = 3600
DAY: Final = 24 * HOUR


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7d", 7 * DAY), ("36h", 36 * HOUR), ("90m", 90 * 60), ("1m", 60), ("0m", 0)],
)
def test_a_duration_is_a_number_of_days_hours_or_minutes(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",  # u0667 is an Arabic digit
    ["", "7", "d", "7 d", "-7d", "1.5d", "30s", "1w", "7D", "7d12h", "\u0667d", "123456d", "7d\n"],
)
def test_what_is_no_duration_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="such as 7d, 36h or 90m"):
        parse_duration(text)


def test_the_command_says_what_to_write_for_an_age_and_which_buckets_there_are(
    tmp_path: Path,
) -> None:
    path = tmp_path / "presign.yaml"
    path.write_text(GOOD)
    command = ["uploads", "--config", str(path), "--older-than"]
    aged = CliRunner().invoke(main, [*command, "soon"])
    assert (aged.exit_code, "such as 7d, 36h or 90m" in aged.stderr) == (2, True)
    named = CliRunner().invoke(main, [*command, "7d", "--bucket", "report"])
    assert (named.exit_code, "there are: reports" in named.stderr) == (2, True)


@pytest.mark.parametrize(
    "initiated", ["1970-01-02T00:00:00Z", "1970-01-02T00:00:00.000Z", "1970-01-02T02:00:00.5+02:00"]
)
def test_an_age_is_read_with_and_without_a_fraction(initiated: str) -> None:
    assert age_of(initiated, 3.0 * DAY) == pytest.approx(2 * DAY, abs=1)


@pytest.mark.parametrize("initiated", ["yesterday", "1970-01-02T00:00:00", "1970-13-02T00:00:00Z"])
def test_a_time_that_cannot_be_read_or_has_no_zone_has_no_age(initiated: str) -> None:
    assert age_of(initiated, 3.0 * DAY) is None


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("invoices/2026-03.pdf", "invoices/2026-03.pdf"),
        ("a b", "'a b'"),
        ("Résumé.pdf", "'Résumé.pdf'"),
        ("a\tb\nc", r"'a\tb\nc'"),
        ("\x1b[2J", r"'\x1b[2J'"),
        ("\x9b2J", r"'\x9b2J'"),
        ("gpj.\u202eexe", r"'gpj.\u202eexe'"),
        ("it's", '"it\'s"'),
    ],
)
def test_a_line_shows_no_character_that_a_terminal_obeys(key: str, shown: str) -> None:
    told = line("reports", UploadWithAge(upload(1, key=key), 3.0 * DAY))
    assert told.split("\t") == ["reports", shown, "id-000001", OLD, "3 d"]


@pytest.mark.parametrize(
    ("age", "shown"),
    [
        (-5.0, "0 m"), (59.0, "0 m"), (119 * 60.0, "119 m"), (2.0 * HOUR, "2 h"),
        (47.9 * HOUR, "47 h"), (2.0 * DAY, "2 d"), (1000.0 * DAY, "1000 d"), (None, "unknown age"),
    ],
)  # fmt: skip
def test_an_age_is_told_in_a_unit_that_fits(age: float | None, shown: str) -> None:
    assert line("reports", UploadWithAge(upload(1), age)).endswith(f"\t{shown}")


@pytest.mark.parametrize(
    ("done", "older_than", "abort", "told"),
    [
        ([SweepResult(found=12)], 7 * DAY, False, "12 uploads older than 7 d; give --abort to end them"),
        ([SweepResult(found=5, ended=5), SweepResult(found=7, ended=6)], 36 * HOUR, True,
         "12 uploads older than 36 h; 11 aborted"),
        ([SweepResult(found=1, ended=1)], 90 * 60, True, "1 upload older than 90 m; 1 aborted"),
        ([], 0, False, "0 uploads of any age"),
        ([SweepResult(found=1, ageless=2)], DAY, False,
         "1 upload older than 1 d, and 2 of unknown age, left alone; give --abort to end them"),
    ],
)  # fmt: skip
def test_the_summary_counts_what_was_found_and_ended(
    done: list[SweepResult], older_than: int, abort: bool, told: str
) -> None:
    assert summary(done, older_than=older_than, abort=abort) == told
