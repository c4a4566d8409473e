"""The setting `not_after`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.app.settings import Settings, load_settings
from service.cli.check.callers import ending_keys
from service.errors import FOUND, ConfigurationError

END = datetime(2026, 11, 24, 20, tzinfo=UTC)


def configured(not_after: Any) -> Settings:
    caller = {"api_key": "billing", "sha256": ["ab" * 32], "not_after": not_after}
    bucket = {"region": "eu-west-1", "credentials": "static"}
    return Settings.model_validate({"buckets": {"reports": bucket}, "callers": [caller]})


@pytest.mark.parametrize(
    ("before_end", "said"),
    [
        (timedelta(days=8), None),
        (timedelta(days=7), "is within a week; rotate its key and set a later time"),
        (timedelta(), "is within a week"),
        (timedelta(seconds=-1), "has passed, so its keys are refused"),
    ],
)
def test_check_warns_of_a_key_that_ends(before_end: timedelta, said: str | None) -> None:
    found = [*ending_keys(configured(END.isoformat()), END - before_end)]
    assert len(found) == (said is not None)
    if said is not None:
        assert found[0].path == "callers.0.not_after"
        assert found[0].message.startswith(f"{FOUND} {said}")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("api_key: a, sha256: [{digest}], not_after: 2026-11-24", "write a time with its zone"),
        ("api_key: a, sha256: [{digest}], not_after: 2026-11-24T20:00:00", "write a time with its"),
        ("api_key: a, sha256: [{digest}], not_after: 20261124", "write a time with its zone"),
        ("api_key: a, sha256: [{digest}], revoked_before: 20261124", "write a time with its zone"),
        ("issuer: a, subject: b, not_after: 2026-11-24T20:00:00Z", "not_after is for an API key"),
    ],
)
def test_an_end_that_is_unclear_is_refused(tmp_path: Path, more: str, said: str) -> None:
    path = tmp_path / "presign.yaml"
    path.write_text(
        "buckets: {reports: {region: eu-west-1, credentials: static}}\n"
        f"callers:\n  - {{{more.format(digest='ab' * 32)}}}\n"
    )
    with pytest.raises(ConfigurationError) as found:
        load_settings(path)
    problems = [str(each) for each in found.value.problems]
    assert any(said in each and f"{path}:3: callers.0" in each for each in problems)
