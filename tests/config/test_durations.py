"""Durations in the configuration: seconds, or a number with a unit."""

from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from service.app.settings import Settings
from service.config.durations import Duration, Seconds, duration_text
from service.config.server import ServerSettings
from tools.configuration_page import SCHEMA

SECONDS: TypeAdapter[Any] = TypeAdapter(Seconds)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [(900, 900), ("900", 900), ("45s", 45), ("15m", 900), ("1h", 3600), ("7d", 604_800), (1, 1)],
)
def test_a_duration_is_in_seconds_or_has_a_unit(written: object, seconds: int) -> None:
    assert SECONDS.validate_python(written) == seconds


@pytest.mark.parametrize(
    "written",
    [
        0,
        "0s",
        604_801,
        "8d",
        "-1",
        "1w",
        "15 m",
        "7D",
        "7d\n",
        "123456789d",
        "1h30m",
        "",
        "m",
        True,
        None,
        [900],
        "1e9999",
        "\u0661m",
    ],
)
def test_any_other_duration_is_refused(written: object) -> None:
    with pytest.raises(ValidationError, match="write a duration from 1s to 7d"):
        SECONDS.validate_python(written)


def test_a_part_of_a_second_needs_a_setting_that_allows_it() -> None:
    assert TypeAdapter(Annotated[float, Duration(0, 300)]).validate_python("0.5") == 0.5
    with pytest.raises(ValidationError):
        SECONDS.validate_python(1.5)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59, "59s"), (90, "90s"), (5400, "90m"), (604_800, "7d")]
)
def test_a_duration_is_shown_in_the_largest_unit(seconds: int, text: str) -> None:
    assert duration_text(seconds) == text


def test_every_lifetime_takes_a_unit() -> None:
    lifetimes = {
        name: key
        for model in SCHEMA["$defs"].values()
        for name, key in model.get("properties", {}).items()
        if name.endswith(("_seconds", "expires_in"))
    }
    assert {*lifetimes} >= {"drain_seconds", "session_seconds", "max_expires_in", "expires_in"}
    assert not [name for name, key in lifetimes.items() if "'duration'" not in str(key)]


def test_the_environment_takes_units_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRESIGN_DEFAULT_EXPIRES_IN", "1h")
    monkeypatch.setenv("PRESIGN_DRAIN_SECONDS", "2.5")
    server = ServerSettings()
    assert (server.default_expires_in, server.drain_seconds) == (3600, 2.5)


def test_settings_hold_seconds() -> None:
    uppy = {"bucket": "b", "prefix": "{caller}/", "expires_in": "10m"}
    bucket = {"region": "eu-west-1", "credentials": "static", "session_seconds": "1h"}
    settings = Settings.model_validate({"buckets": {"b": bucket}, "uppy": uppy})
    assert settings.uppy is not None
    assert (settings.uppy.expires_in, settings.buckets["b"].session_seconds) == (600, 3600)
