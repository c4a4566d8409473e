"""A changed file takes effect as a whole or not at all."""

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.app import protocol_values, reload
from service.app.settings import Settings
from tests.app.reload.harness import (
    WIDER,
    WatchedService,
    config_map,
    log_messages,
    put,
    settled,
    watching,
)
from tests.app.services.harness import BUCKET, SALES, configuration
from tests.support.waiting import until


async def test_a_change_takes_effect_and_is_logged(
    service: WatchedService, caplog: pytest.LogCaptureFixture
) -> None:
    assert not await service.serves_wider()
    assert await service.changed_to(WIDER) == "ok"
    assert await service.serves_wider()
    assert await service.changed_to(configuration()) == "ok"
    assert not await service.serves_wider()
    assert log_messages(caplog) == ["the new configuration is in use"] * 2


async def test_the_same_content_is_no_change(service: WatchedService) -> None:
    service.write(service.path.read_text())
    await settled(service)
    assert service.results == []


async def test_an_invalid_file_changes_nothing_and_logs_each_error(
    service: WatchedService, caplog: pytest.LogCaptureFixture
) -> None:
    broken = configuration(colour="red")
    broken["callers"][1]["grants"][0]["bucket"] = "nowhere !"
    assert await service.changed_to(broken) == "failed"
    await service.harness.sign()
    await service.harness.sign(SALES, "b/c")
    lines = log_messages(caplog)
    assert len(lines) == 2
    assert all("is invalid, the old one stays in use: " in line for line in lines)
    names = {line.rpartition(": ")[0].rpartition(": ")[2] for line in lines}
    assert names == {"colour", "callers.1.grants.0.bucket"}


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
        pytest.param(f"a: {'[' * 500}", id="too deep for the YAML reader"),
        pytest.param('callers_dir: "a\\0b"', id="a directory name with a NUL"),
    ],
)
async def test_the_old_configuration_stays_whatever_the_file_holds(
    service: WatchedService, text: str
) -> None:
    assert await service.changed_to(text) == "failed"
    await service.harness.sign()
    assert await service.changed_to(WIDER) == "ok"
    assert await service.serves_wider()


async def test_watching_continues_after_a_change_that_fails(
    service: WatchedService, caplog: pytest.LogCaptureFixture
) -> None:
    service.harness.source_error = RuntimeError("no client")
    more = {"reports": BUCKET, "photos": BUCKET, "more": BUCKET}
    assert await service.changed_to(configuration(buckets=more)) == "failed"
    assert log_messages(caplog) == ["the configuration cannot be used, the old one stays in use"]
    await service.harness.sign()
    service.harness.source_error = None
    assert await service.changed_to(WIDER) == "ok"


async def test_a_removed_file_that_returns_is_read(service: WatchedService) -> None:
    assert await service.outcome(service.path.unlink) == "failed"
    await service.harness.sign()
    assert await service.changed_to(WIDER) == "ok"
    assert await service.serves_wider()


async def test_a_file_written_in_place_is_read(service: WatchedService) -> None:
    service.path.write_text(json.dumps(WIDER))
    await until(lambda: service.results[-1:] == ["ok"])
    assert await service.serves_wider()


async def test_a_half_written_file_is_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first half would be valid but lack a caller."""

    def write(check: int) -> None:
        if check <= 40:
            put(path, f"buckets: {{}}\n# {check}")
        elif check == 41:
            put(path, WIDER)

    async with watching(path) as service:
        checks = before_each_check(monkeypatch, write)
        await until(service.results.copy)
        await settled(service)
        assert len(checks) > 41
        assert service.results == ["ok"]
        assert await service.serves_wider()


async def test_a_file_that_never_stops_changing_is_read(
    service: WatchedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = before_each_check(
        monkeypatch, lambda check: service.write(f"{json.dumps(WIDER)}\n# {check}")
    )
    await until(service.results.copy, lambda: f"no result after {len(checks)} checks")
    assert service.results[0] == "ok"
    assert len(checks) > reload._MAX_SETTLE_CHECKS
    assert await service.serves_wider()


def before_each_check(monkeypatch: pytest.MonkeyPatch, write: Callable[[int], None]) -> list[int]:
    """Write before each check, so that no test depends on the machine's speed.

    Return the numbers of the checks so far.
    """
    checks: list[int] = []
    have_changed = reload.WatchedFiles.have_changed

    def check(files: Any) -> bool:
        checks.append(len(checks) + 1)
        write(checks[-1])
        return have_changed(files)

    monkeypatch.setattr(reload.WatchedFiles, "have_changed", check)
    return checks


@pytest.mark.parametrize(("text", "result"), [(WIDER, "ok"), ("{", "failed")])
async def test_a_change_before_the_first_check_is_noticed(
    path: Path, text: str | dict[str, Any], result: str
) -> None:
    async with watching(path, before=lambda: put(path, text)) as service:
        await until(service.results.copy)
        assert service.results == [result]
        assert await service.serves_wider() is (result == "ok")


async def test_a_config_map_swap_takes_effect_as_a_whole(tmp_path: Path) -> None:
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
    "change",
    [
        {"log_level": "DEBUG"},
        {"cors_origins": ["https://a.example"], "max_in_flight": 9},
        {"trusted_proxies": ["10.0.0.1"], "proxy_header": "Forwarded"},
        {"drain_seconds": 1, "rate_limit_url": "redis://:sentinel@a:1"},
    ],
    ids=", ".join,
)
async def test_settings_that_need_a_restart_are_logged_once(
    service: WatchedService, caplog: pytest.LogCaptureFixture, change: dict[str, Any]
) -> None:
    assert await service.changed_to(configuration(server=change)) == "ok"
    names = ", ".join(f"server.{name}" for name in change)
    text = f"changed, but will take effect only after a restart: {names}"
    assert log_messages(caplog)[1:] == [text]
    assert await service.changed_to({**WIDER, "server": change}) == "ok"
    assert len(log_messages(caplog)) == 3


async def test_a_setting_as_at_the_start_needs_no_restart(
    service: WatchedService, caplog: pytest.LogCaptureFixture
) -> None:
    text = "changed, but will take effect only after a restart: server.log_level"
    for level, lines in (("DEBUG", [text]), ("WARNING", [text]), (None, [])):
        caplog.clear()
        server = {} if level is None else {"log_level": level}
        assert await service.changed_to(configuration(server=server)) == "ok"
        assert log_messages(caplog)[1:] == lines


async def test_settings_are_not_compared_on_the_event_loop(
    service: WatchedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads, required = set(), protocol_values.restart_required

    def recorded(old: Settings, new: Settings) -> list[str]:
        threads.add(threading.current_thread())
        return required(old, new)

    monkeypatch.setattr(protocol_values, "restart_required", recorded)
    assert await service.changed_to(WIDER) == "ok"
    assert threads
    assert threading.current_thread() not in threads


async def test_a_section_that_returns_needs_no_restart(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its routes are there since the start."""
    caplog.set_level(logging.INFO, "service.app.reload")
    uppy = {"bucket": "reports", "prefix": "a/{caller}/"}
    put(path, configuration(uppy=uppy))
    async with watching(path) as service:
        for document in (configuration(), configuration(uppy=uppy), configuration()):
            assert await service.changed_to(document) == "ok"
        assert log_messages(caplog) == ["the new configuration is in use"] * 3


async def test_a_default_lifetime_takes_effect_at_once(
    service: WatchedService, caplog: pytest.LogCaptureFixture
) -> None:
    assert await service.changed_to(configuration(server={"default_expires_in": 77})) == "ok"
    assert (await service.harness.sign()).validity.expires_in == 77
    assert log_messages(caplog) == ["the new configuration is in use"]


async def test_a_file_of_a_value_is_watched(path: Path) -> None:
    """Its new text takes effect, and an error leaves the old one in use."""
    lifetime = path.parent / "lifetime"
    lifetime.write_text("60\n")
    put(path, configuration(server={"default_expires_in": f"${{file:{lifetime}}}"}))
    async with watching(path) as service:
        assert (await service.harness.sign()).validity.expires_in == 60
        assert await service.outcome(lambda: lifetime.write_text("70")) == "ok"
        assert (await service.harness.sign()).validity.expires_in == 70
        assert await service.outcome(lifetime.unlink) == "failed"
        assert (await service.harness.sign()).validity.expires_in == 70


async def test_a_bucket_in_a_directory_can_be_added(path: Path) -> None:
    buckets = path.parent / "buckets.d"
    buckets.mkdir()
    put(path, configuration(buckets_dir="buckets.d"))
    async with watching(path) as service:
        assert (
            await service.changed_to({"buckets": {"more": BUCKET}}, "buckets.d/more.yaml") == "ok"
        )
        assert service.harness.source("more") is not None
        assert await service.outcome((buckets / "more.yaml").unlink) == "ok"


def with_key_files(path: Path) -> tuple[dict[str, Any], Path]:
    """Return a configuration with static keys in two files, and the file of the secret."""
    names = ("access_key_id_file", "secret_access_key_file")
    files = {name: path.with_name(name) for name in names}
    for file in files.values():
        file.write_text("first")
    keys = {name: str(file) for name, file in files.items()}
    bucket: dict[str, Any] = {"region": "eu-west-1", "credentials": "static", **keys}
    return configuration(buckets={"reports": bucket, "photos": BUCKET}), files[names[1]]


async def test_files_that_a_change_names_are_watched_from_then_on(path: Path) -> None:
    async with watching(path) as service:
        text, secret = with_key_files(path)
        assert await service.changed_to(text) == "ok"
        assert await service.outcome(lambda: secret.write_text("second")) == "ok"
        assert await service.changed_to(configuration()) == "ok"
        secret.write_text("third")
        await settled(service)
        assert service.results == ["ok"] * 3


async def test_new_static_keys_are_used(path: Path) -> None:
    text, secret = with_key_files(path)
    put(path, text)
    async with watching(path) as service:
        photos, reports = service.harness.source("photos"), service.harness.source("reports")
        assert await service.outcome(lambda: secret.write_text("second")) == "ok"
        assert service.harness.source("reports") is not reports
        assert service.harness.source("photos") is photos
        await service.harness.sign()
