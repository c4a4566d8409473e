"""`callers_dir`: a file a team."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.app.reload.house import (
    Reloading,
    config_map,
    of_teams,
    put,
    settled,
    team,
    told,
    watching,
)
from tests.app.services.house import (
    BILLING,
    BUCKET,
    SALES,
    grant,
)


async def test_a_teams_file_that_is_added_changed_or_removed_is_served(teams: Reloading) -> None:
    assert await teams.house.refused(SALES, "b/c") is None
    assert teams.house.who_has("audit") is None
    assert await teams.changed_to(team("audit"), "callers.d/audit.yaml") == "ok"
    assert teams.house.who_has("audit") is not None
    changed = team("sales", grant(prefix="c/"))
    assert await teams.changed_to(changed, "callers.d/sales.yaml") == "ok"
    assert await teams.house.refused(SALES, "b/c") == "forbidden"
    assert await teams.house.refused(SALES, "c/d") is None
    assert await teams.outcome((teams.path.parent / "callers.d" / "sales.yaml").unlink) == "ok"
    assert teams.house.who_has("sales") is None
    assert await teams.house.refused(BILLING) is None


async def test_one_teams_change_costs_no_other_team_a_session(teams: Reloading) -> None:
    await teams.house.sign(SALES, "b/c")
    await teams.house.sign()
    fetched = teams.house.fetched()
    await teams.changed_to(team("audit"), "callers.d/audit.yaml")
    await teams.house.sign(SALES, "b/c")
    await teams.house.sign()
    assert teams.house.fetched() == fetched


async def test_a_teams_fault_is_told_with_its_file_and_line(
    teams: Reloading, caplog: pytest.LogCaptureFixture
) -> None:
    broken = team("audit", grant(), grant(max_expires_in=0))
    assert await teams.changed_to(broken, "callers.d/audit.yaml") == "failed"
    line = json.dumps(broken, indent=1).splitlines().index('     "max_expires_in": 0') + 1
    file = teams.path.parent / "callers.d" / "audit.yaml"
    assert f"{file}:{line}: callers.0.grants.1.max_expires_in: " in told(caplog)[0]
    assert await teams.house.refused(SALES, "b/c") is None


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
async def test_a_team_may_write_callers_and_nothing_else(
    teams: Reloading, caplog: pytest.LogCaptureFixture, text: str | dict[str, Any]
) -> None:
    assert await teams.changed_to(text, "callers.d/audit.yaml") == "failed"
    assert str(teams.path.parent / "callers.d" / "audit.yaml") in told(caplog)[0]
    assert await teams.house.refused(SALES, "b/c") is None
    assert await teams.house.refused(bucket="mine") == "forbidden"


async def test_a_team_cannot_take_another_callers_name_or_key(
    teams: Reloading, caplog: pytest.LogCaptureFixture
) -> None:
    assert await teams.changed_to(team("billing"), "callers.d/audit.yaml") == "failed"
    assert 'callers.0 has the api_key name "billing" too' in told(caplog)[0]


@pytest.mark.parametrize("text", ["", "callers:", "callers: []", "# nobody yet"])
async def test_a_teams_file_may_have_nobody(teams: Reloading, text: str) -> None:
    assert await teams.changed_to(text, "callers.d/audit.yaml") == "ok"


@pytest.mark.parametrize("name", [".#audit.yaml", ".audit.yaml", "audit.yaml~", "README.md"])
async def test_what_is_hidden_or_of_another_kind_is_no_teams_file(
    teams: Reloading, name: str
) -> None:
    (teams.path.parent / "callers.d" / name).write_text("{")
    await settled(teams)
    assert teams.told == []
    assert await teams.changed_to(team("audit"), "callers.d/audit.yaml") == "ok"


async def test_a_directory_of_callers_may_be_a_config_map(path: Path) -> None:
    put(path, of_teams())
    mount = path.parent / "callers.d"
    config_map(mount, "..2026_1", sales=team("sales"))
    async with watching(path) as service:
        assert await service.house.refused(SALES, "b/c") is None
        new = team("sales", grant(prefix="c/"))
        assert await service.outcome(lambda: config_map(mount, "..2026_2", sales=new)) == "ok"
        assert await service.house.refused(SALES, "c/d") is None


async def test_a_new_directory_is_watched_though_it_could_not_be_served_at_first(
    teams: Reloading,
) -> None:
    put(teams.path.parent / "new.d" / "sales.yaml", "{")
    assert await teams.changed_to(of_teams("new.d")) == "failed"
    assert await teams.house.refused(SALES, "b/c") is None  # the old one's
    assert await teams.changed_to(team("sales", grant(prefix="c/")), "new.d/sales.yaml") == "ok"
    assert await teams.house.refused(SALES, "c/d") is None
    old = team("sales", grant(prefix="z/"))
    teams.write(old, "callers.d/sales.yaml")  # nobody's any more
    await settled(teams)
    assert teams.told == ["failed", "ok"]


async def test_a_directory_that_is_missing_is_told_and_mended_in_either_place(
    teams: Reloading, caplog: pytest.LogCaptureFixture
) -> None:
    assert await teams.changed_to(of_teams("nowhere.d")) == "failed"
    assert f"{teams.path.parent / 'nowhere.d'}: No such file or directory" in told(caplog)[0]
    assert await teams.changed_to(of_teams("callers.d")) == "ok"
    assert await teams.changed_to(of_teams("nowhere.d")) == "failed"
    assert await teams.outcome((teams.path.parent / "nowhere.d").mkdir) == "ok"
    assert teams.house.who_has("sales") is None
