"""Settings mean what YAML 1.2 says: no value is read as YAML 1.1 would."""

from pathlib import Path

import pytest

from service.app.settings import Settings, load_settings
from service.errors import ConfigurationError


def loaded(
    directory: Path, *, prefix: str = "a/", server: str = "", fips: str = "false"
) -> Settings:
    path = directory / "presign.yaml"
    path.write_text(
        f"server: {{{server}}}\n"
        f"buckets: {{reports: {{region: eu-west-1, credentials: static, fips: {fips}}}}}\n"
        f"callers: [{{api_key: a, sha256: [{'ab' * 32}], grants: [{{bucket: reports, "
        f"prefix: {prefix}, allow: [download]}}]}}]\n"
    )
    return load_settings(path)


@pytest.mark.parametrize(
    "text", ["no", "yes", "on", "off", "y", "12:30:00", "1_0:30", "2026-01-01"]
)
def test_words_and_times_of_yaml_1_1_are_text(tmp_path: Path, text: str) -> None:
    [caller] = loaded(tmp_path, prefix=text).callers
    assert caller.grants[0].prefix == text


@pytest.mark.parametrize(
    ("text", "number"), [("0o17", 15), ("017", 17), ("1_000", 1000), ("0x10", 16), ("'60'", 60)]
)
def test_numbers_are_those_of_yaml_1_2(tmp_path: Path, text: str, number: int) -> None:
    assert loaded(tmp_path, server=f"max_in_flight: {text}").server.max_in_flight == number


@pytest.mark.parametrize("text", ["12:30", "1:0", "1e400", "."])
def test_other_numbers_are_refused(tmp_path: Path, text: str) -> None:
    """YAML 1.1 reads 12:30 as 750."""
    with pytest.raises(ConfigurationError, match="max_in_flight"):
        loaded(tmp_path, server=f"max_in_flight: {text}")


@pytest.mark.parametrize("text", ["1e9", "017", "~", "true"])
def test_a_value_that_is_no_text_is_no_prefix(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match="prefix"):
        loaded(tmp_path, prefix=text)
