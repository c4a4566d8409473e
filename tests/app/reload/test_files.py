"""Files that change: each change is served whole, or not at all."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from service.app import reload
from tests.app.reload.house import (
    WIDER,
    Reloading,
    config_map,
    put,
    settled,
    told,
    watching,
)
from tests.app.services.house import (
    BUCKET,
    PATIENCE,
    SALES,
    configuration,
    until,
)


async def test_a_change_is_served_and_told(
    service: Reloading, caplog: pytest.LogCaptureFixture
) -> None:
    assert not await service.serves_wider()
    assert await service.changed_to(WIDER) == "ok"
    assert await service.serves_wider()
    assert await service.changed_to(configuration()) == "ok"
    assert not await service.serves_wider()
    assert told(caplog) == ["a new configuration is served"] * 2


async def test_nothing_is_told_of_files_that_say_the_same(service: Reloading) -> None:
    service.write(service.path.read_text())
    await settled(service)
    assert service.told == []


async def test_a_comment_costs_nobody_a_session(service: Reloading) -> None:
    await service.house.sign()
    fetched = service.house.fetched()
    text = "# why\n" + json.dumps(configuration())
    assert await service.changed_to(text) == "ok"
    await service.house.sign()
    assert service.house.fetched() == fetched


async def test_a_broken_file_changes_nothing_and_each_fault_is_told(
    service: Reloading, caplog: pytest.LogCaptureFixture
) -> None:
    broken = configuration(colour="red")
    broken["callers"][1]["grants"][0]["bucket"] = "nowhere !"
    assert await service.changed_to(broken) == "failed"
    await service.house.sign()
    await service.house.sign(SALES, "b/c")
    lines = told(caplog)
    assert len(lines) == 2
    assert all("is not served, the old one goes on: " in line for line in lines)
    assert {line.rpartition(": ")[0].rpartition(": ")[2] for line in lines} == {
        "colour",
        "callers.1.grants.0.bucket",
    }


@pytest.mark.parametrize(
    "text",
    [
        "buckets: [",
        "",
        "- a",
        "buckets: 5",
        "a: 1\na: 2",
        "\x00",
        "x: 2026-13-01T00:00:00Z",
        pytest.param(f"a: {'[' * 500}", id="deeper than the YAML reader goes"),
        pytest.param('callers_dir: "a\\0b"', id="a directory of a name that no system takes"),
    ],
)
async def test_whatever_the_file_says_the_old_goes_on(service: Reloading, text: str) -> None:
    assert await service.changed_to(text) == "failed"
    await service.house.sign()
    assert await service.changed_to(WIDER) == "ok"
    assert await service.serves_wider()


async def test_a_file_that_is_mended_to_what_it_was_is_told_of(service: Reloading) -> None:
    assert await service.changed_to("{") == "failed"
    assert await service.changed_to(configuration()) == "ok"


async def test_what_cannot_be_served_is_told_and_the_watch_goes_on(
    service: Reloading, caplog: pytest.LogCaptureFixture
) -> None:
    service.house.fault = RuntimeError("no client")
    more = {"reports": BUCKET, "photos": BUCKET, "more": BUCKET}
    assert await service.changed_to(configuration(buckets=more)) == "failed"
    assert told(caplog) == ["the configuration cannot be served, the old one goes on"]
    await service.house.sign()
    service.house.fault = None
    assert await service.changed_to(WIDER) == "ok"


async def test_a_file_that_vanishes_and_comes_back_is_read_again(service: Reloading) -> None:
    assert await service.outcome(service.path.unlink) == "failed"
    await service.house.sign()
    assert await service.changed_to(WIDER) == "ok"
    assert await service.serves_wider()


async def test_a_file_that_is_written_in_place_is_read_again(service: Reloading) -> None:
    service.path.write_text(json.dumps(WIDER))
    await until(lambda: service.told[-1:] == ["ok"])
    assert await service.serves_wider()


async def test_a_file_that_is_being_written_is_left_until_it_is_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first half would be good, and lack a caller."""
    looks = 0
    look = reload._Files.have_changed

    def written_before_each_look(files: Any) -> bool:
        """So that no look is too early or too late, however busy the machine is."""
        nonlocal looks
        looks += 1
        if looks <= 40:
            put(path, f"buckets: {{}}\n# {looks}")
        elif looks == 41:
            put(path, WIDER)
        return look(files)

    async with watching(path) as service:
        monkeypatch.setattr(reload._Files, "have_changed", written_before_each_look)
        await until(service.told.copy)
        await settled(service)
        assert looks > 41
        assert service.told == ["ok"]
        assert await service.serves_wider()


async def test_who_never_stops_writing_is_not_waited_for(service: Reloading) -> None:
    number = 0
    async with asyncio.timeout(PATIENCE):
        while not service.told:
            number += 1
            service.write(f"{json.dumps(WIDER)}\n# {number}")
            await asyncio.sleep(0)
    assert await service.serves_wider()


async def test_what_changed_before_the_watch_began_is_not_missed(path: Path) -> None:
    async with watching(path, before=lambda: put(path, WIDER)) as service:
        await until(service.told.copy)
        assert service.told == ["ok"]
        assert await service.serves_wider()


async def test_a_file_that_broke_before_the_watch_began_is_told_of(path: Path) -> None:
    async with watching(path, before=lambda: put(path, "{")) as service:
        await until(service.told.copy)
        assert service.told == ["failed"]
        await service.house.sign()


async def test_a_config_maps_swap_is_served_whole(tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    config_map(mount, "..2026_1", presign=configuration())
    async with watching(mount / "presign.yaml") as service:
        assert await service.outcome(lambda: config_map(mount, "..2026_2", presign=WIDER)) == "ok"
        assert await service.serves_wider()
        assert await service.outcome(lambda: config_map(mount, "..2026_3", presign="{")) == "failed"
        assert await service.serves_wider()
        again = configuration()
        assert await service.outcome(lambda: config_map(mount, "..2026_4", presign=again)) == "ok"
        assert not await service.serves_wider()


@pytest.mark.parametrize(
    ("change", "late"),
    [
        ({"log_level": "DEBUG"}, "server.log_level"),
        (
            {"cors_origins": ["https://a.example"], "max_in_flight": 9},
            "server.cors_origins, server.max_in_flight",
        ),
        ({"drain_seconds": 1, "rate_limit_url": "redis://:sentinel@a:1"},
         "server.drain_seconds, server.rate_limit_url"),
    ],
)  # fmt: skip
async def test_settings_of_the_process_are_told_to_wait_for_its_next_start(
    service: Reloading, caplog: pytest.LogCaptureFixture, change: dict[str, Any], late: str
) -> None:
    assert await service.changed_to(configuration(server=change)) == "ok"
    assert told(caplog)[1:] == [f"changed, but taking effect only at the next start: {late}"]
    assert await service.changed_to({**WIDER, "server": change}) == "ok"
    assert len(told(caplog)) == 3  # told once


async def test_a_default_lifetime_takes_effect_at_once(
    service: Reloading, caplog: pytest.LogCaptureFixture
) -> None:
    assert await service.changed_to(configuration(server={"default_expires_in": 77})) == "ok"
    assert (await service.house.sign()).validity.expires_in == 77
    assert told(caplog) == ["a new configuration is served"]
