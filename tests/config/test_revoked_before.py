"""The setting `revoked_before`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.access.callers import CallerEntry, Identity, revoked_before
from service.access.grants import Caller
from service.app.builders import caller_entries
from service.app.settings import load_settings
from service.cli.main import main

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def written(directory: Path, moment: str) -> Path:
    path = directory / "presign.yaml"
    path.write_text(
        "buckets: {reports: {region: eu-west-1, credentials: static}}\n"
        "callers:\n"
        f"  - {{api_key: billing, sha256: [{'ab' * 32}], revoked_before: {moment}}}\n"
    )
    return path


def checked(directory: Path, moment: str) -> Result:
    path = written(directory, moment)
    return CliRunner().invoke(main, ["check", "--config", str(path)])


@pytest.mark.parametrize(
    ("moment", "epoch"),
    [
        ("2026-01-01T00:00:00Z", NEW_YEAR),
        ("2026-01-01 00:00:00Z", NEW_YEAR),
        ("2026-01-01T02:00:00+02:00", NEW_YEAR),
        ("2025-12-31T20:30:00-03:30", NEW_YEAR),
        ('"2026-01-01T00:00:00Z"', NEW_YEAR),
        ("'2026-01-01T02:00:00+02:00'", NEW_YEAR),
        ("2026-01-01T00:00:00.5Z", NEW_YEAR + 0.5),
    ],
)
def test_a_time_with_its_zone_is_read(tmp_path: Path, moment: str, epoch: float) -> None:
    [entry] = caller_entries(load_settings(written(tmp_path, moment)))
    assert entry.revoked_before == epoch


@pytest.mark.parametrize(
    "moment",
    [
        *("2026-01-01T00:00:00", "2026-01-01", '"2026-01-01 00:00:00"', "soon", "[1]"),
        *("2026-13-01T00:00:00Z", "2026-02-30"),  # in no calendar
    ],
)
def test_an_invalid_time_or_one_without_a_zone_is_refused(tmp_path: Path, moment: str) -> None:
    done = checked(tmp_path, moment)
    assert done.exit_code == 1
    assert "invalid configuration (1 error)" in done.output
    message = "write a time with its zone, such as 2026-11-24T"
    assert f"presign.yaml:3: callers.0.revoked_before: {message}" in done.output


@pytest.mark.parametrize(("ahead", "code"), [(30, 0), (300, 1)])
def test_a_time_in_the_future_is_refused(tmp_path: Path, ahead: int, code: int) -> None:
    """It would leave the caller without a session. A clock may be slightly wrong."""
    done = checked(tmp_path, (datetime.now(UTC) + timedelta(seconds=ahead)).isoformat())
    assert done.exit_code == code, done.output
    message = "write a time in the past; sessions that began before it are dropped"
    assert (message in done.output) is (code == 1)


def test_the_latest_time_of_all_matching_entries_counts() -> None:
    def entry(subject: str, moment: float) -> CallerEntry:
        return CallerEntry(issuer="cluster-a", subject=subject, grants=(), revoked_before=moment)

    entries = [entry("a:b", 1), entry("a:*", 3), entry("c:*", 9), entry("a:b", 2)]
    assert revoked_before(entries, Identity(Caller(issuer="cluster-a", subject="a:b"))) == 3
    assert revoked_before(entries, Identity(Caller(issuer="cluster-b", subject="a:b"))) == float(
        "-inf"
    )
