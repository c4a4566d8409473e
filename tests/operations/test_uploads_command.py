"""`presign uploads`: its options, and what the operator reads."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli.main import main
from service.config.durations import parse_duration
from service.operations.abandoned_uploads import SweepResult, UploadWithAge, age_of
from service.operations.uploads_output import document, line, summary
from tests.cli.invoking import GOOD
from tests.operations.fake_bucket import DAY, HOUR, OLD, upload


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7d", 7 * DAY), ("36h", 36 * HOUR), ("90m", 90 * 60), ("1m", 60), ("0m", 0)],
)
def test_a_duration_is_in_days_hours_or_minutes(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",  # u0667 is an Arabic digit
    [
        "",
        "7",
        "d",
        "7 d",
        "-7d",
        "1.5d",
        "30 s",
        "1w",
        "7D",
        "7d12h",
        "\u0667d",
        "123456789d",
        "7d\n",
    ],
)
def test_an_invalid_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="such as 7d, 36h, 90m or 45s"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--older-than", "soon"], "such as 7d, 36h, 90m or 45s"),
        (["--older-than", "7d", "--bucket", "report"], "there are: reports"),
    ],
)
def test_the_command_says_what_to_write(tmp_path: Path, options: list[str], message: str) -> None:
    path = tmp_path / "presign.yaml"
    path.write_text(GOOD)
    done = CliRunner().invoke(main, ["uploads", "--config", str(path), *options])
    assert (done.exit_code, message in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("initiated", "age"),
    [
        ("1970-01-02T00:00:00Z", 2 * DAY),
        ("1970-01-02T00:00:00.000Z", 2 * DAY),
        ("1970-01-02T02:00:00.5+02:00", 2 * DAY),
        ("yesterday", None),
        ("1970-01-02T00:00:00", None),  # local time
        ("1970-13-02T00:00:00Z", None),
    ],
)
def test_an_age_is_that_of_a_time_with_its_zone(initiated: str, age: int | None) -> None:
    assert age_of(initiated, 3.0 * DAY) == (age and pytest.approx(age, abs=1))


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("invoices/2026-03.pdf", "invoices/2026-03.pdf"), ("a b", "'a b'"),
        ("Résumé.pdf", "'Résumé.pdf'"), ("a\tb\nc", r"'a\tb\nc'"), ("\x1b[2J", r"'\x1b[2J'"),
        ("\x9b2J", r"'\x9b2J'"), ("gpj.\u202eexe", r"'gpj.\u202eexe'"), ("it's", '"it\'s"'),
    ],
)  # fmt: skip
def test_a_line_contains_no_control_characters(key: str, shown: str) -> None:
    printed = line("reports", UploadWithAge(upload(1, key=key), 3.0 * DAY))
    assert printed.split("\t") == ["reports", shown, "id-000001", OLD, "3 d"]


@pytest.mark.parametrize(
    ("age", "shown"),
    [
        (-5.0, "0 s"), (59.0, "59 s"), (119 * 60.0, "119 m"), (2.0 * HOUR, "2 h"),
        (47.9 * HOUR, "47 h"), (2.0 * DAY, "2 d"), (1000.0 * DAY, "1000 d"), (None, "unknown age"),
    ],
)  # fmt: skip
def test_an_age_is_shown_in_a_suitable_unit(age: float | None, shown: str) -> None:
    assert line("reports", UploadWithAge(upload(1), age)).endswith(f"\t{shown}")


def test_the_document_has_uploads_and_problems() -> None:
    found = [
        ("reports", UploadWithAge(upload(1), 90.5)),
        ("reports", UploadWithAge(upload(2), None)),
    ]
    printed = document(found, {"reports": SweepResult(found=1, ageless=1, problems=("a problem",))})
    assert printed["uploads"][0] == {
        "bucket": "reports",
        "key": upload(1).key,
        "upload_id": "id-000001",
        "initiated": OLD,
        "age_seconds": 90,
    }
    assert printed["uploads"][1]["age_seconds"] is None
    assert printed["buckets"] == {"reports": {"aborted": 0, "problems": ["a problem"]}}


@pytest.mark.parametrize(
    ("results", "older_than", "abort", "text"),
    [
        ([SweepResult(found=12)], 7 * DAY, False, "12 uploads older than 7d; use --abort to abort them"),
        ([SweepResult(found=5, aborted=5), SweepResult(found=7, aborted=6)], 36 * HOUR, True,
         "12 uploads older than 36h; 11 aborted"),
        ([SweepResult(found=1, aborted=1)], 90 * 60, True, "1 upload older than 90m; 1 aborted"),
        ([], 0, False, "0 uploads of any age"),
        ([SweepResult(found=1, ageless=2)], DAY, False,
         "1 upload older than 1d, and 2 of unknown age, left alone; use --abort to abort them"),
    ],
)  # fmt: skip
def test_the_summary_counts_found_and_aborted_uploads(
    results: list[SweepResult], older_than: int, abort: bool, text: str
) -> None:
    assert summary(results, older_than=older_than, abort=abort) == text
