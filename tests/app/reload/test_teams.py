"""`callers_dir`: one file for each team."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.app.reload.harness import (
    WatchedService,
    config_map,
    log_messages,
    put,
    settled,
    team,
    watching,
    with_callers_dir,
)
from tests.app.services.harness import BILLING, BUCKET, SALES, grant


async def test_a_teams_file_can_be_added_changed_and_removed(teams: WatchedService) -> None:
    assert await teams.harness.error_code(SALES, "b/c") is None
    assert teams.harness.identify("audit") is None
    assert await teams.changed_to(team("audit"), "callers.d/audit.yaml") == "ok"
    assert teams.harness.identify("audit") is not None
    changed = team("sales", grant(prefix="c/"))
    assert await teams.changed_to(changed, "callers.d/sales.yaml") == "ok"
    assert await teams.harness.error_code(SALES, "b/c") == "forbidden"
    assert await teams.harness.error_code(SALES, "c/d") is None
    assert await teams.outcome((teams.path.parent / "callers.d" / "sales.yaml").unlink) == "ok"
    assert teams.harness.identify("sales") is None
    assert await teams.harness.error_code(BILLING) is None


async def test_an_error_is_logged_with_file_and_line(
    teams: WatchedService, caplog: pytest.LogCaptureFixture
) -> None:
    broken = team("audit", grant(), grant(max_expires_in=0))
    assert await teams.changed_to(broken, "callers.d/audit.yaml") == "failed"
    line = json.dumps(broken, indent=1).splitlines().index('     "max_expires_in": 0') + 1
    file = teams.path.parent / "callers.d" / "audit.yaml"
    assert f"{file}:{line}: callers.0.grants.1.max_expires_in: " in log_messages(caplog)[0]
    assert await teams.harness.error_code(SALES, "b/c") is None


@pytest.mark.parametrize(
    "text",
    [
        team("audit", buckets={"mine": BUCKET}),
        team("audit", issuers={}),
        team("audit", callers_dir="."),
        team("audit", unsafe_anonymous_caller={"grants": []}),
        {"buckets": {"mine": BUCKET}},
        "- a",
        "callers: 5",
        "{",
    ],
)
async def test_a_teams_file_may_only_have_callers(
    teams: WatchedService, caplog: pytest.LogCaptureFixture, text: str | dict[str, Any]
) -> None:
    assert await teams.changed_to(text, "callers.d/audit.yaml") == "failed"
    assert str(teams.path.parent / "callers.d" / "audit.yaml") in log_messages(caplog)[0]
    assert await teams.harness.error_code(SALES, "b/c") is None
    assert await teams.harness.error_code(bucket="mine") == "forbidden"


async def test_a_team_cannot_take_another_callers_name(
    teams: WatchedService, caplog: pytest.LogCaptureFixture
) -> None:
    assert await teams.changed_to(team("billing"), "callers.d/audit.yaml") == "failed"
    assert 'has the api_key name "billing" too; merge the grants' in log_messages(caplog)[0]


@pytest.mark.parametrize("text", ["", "callers:", "callers: []", "# none yet"])
async def test_a_teams_file_may_be_empty(teams: WatchedService, text: str) -> None:
    assert await teams.changed_to(text, "callers.d/audit.yaml") == "ok"


@pytest.mark.parametrize("name", [".#audit.yaml", ".audit.yaml", "audit.yaml~", "README.md"])
async def test_hidden_and_other_files_are_ignored(teams: WatchedService, name: str) -> None:
    (teams.path.parent / "callers.d" / name).write_text("{")
    await settled(teams)
    assert teams.results == []
    assert await teams.changed_to(team("audit"), "callers.d/audit.yaml") == "ok"


async def test_the_directory_may_be_a_config_map(path: Path) -> None:
    put(path, with_callers_dir())
    mount = path.parent / "callers.d"
    config_map(mount, "..2026_1", sales=team("sales"))
    async with watching(path) as service:
        assert await service.harness.error_code(SALES, "b/c") is None
        new = team("sales", grant(prefix="c/"))
        assert await service.outcome(lambda: config_map(mount, "..2026_2", sales=new)) == "ok"
        assert await service.harness.error_code(SALES, "c/d") is None


async def test_a_new_directory_is_watched_even_if_invalid_at_first(teams: WatchedService) -> None:
    put(teams.path.parent / "new.d" / "sales.yaml", "{")
    assert await teams.changed_to(with_callers_dir("new.d")) == "failed"
    assert await teams.harness.error_code(SALES, "b/c") is None
    assert await teams.changed_to(team("sales", grant(prefix="c/")), "new.d/sales.yaml") == "ok"
    assert await teams.harness.error_code(SALES, "c/d") is None
    old = team("sales", grant(prefix="z/"))
    teams.write(old, "callers.d/sales.yaml")  # no longer used
    await settled(teams)
    assert teams.results == ["failed", "ok"]


async def test_a_missing_directory_can_be_fixed_in_both_ways(
    teams: WatchedService, caplog: pytest.LogCaptureFixture
) -> None:
    assert await teams.changed_to(with_callers_dir("nowhere.d")) == "failed"
    text = 'callers_dir: "nowhere.d" is not a directory that can be read: No such file or directory'
    assert text in log_messages(caplog)[0]
    assert await teams.changed_to(with_callers_dir("callers.d")) == "ok"
    assert await teams.changed_to(with_callers_dir("nowhere.d")) == "failed"
    assert await teams.outcome((teams.path.parent / "nowhere.d").mkdir) == "ok"
    assert teams.harness.identify("sales") is None
