"""The URL of a Redis or Valkey: what its client refuses, `presign check` refuses too."""

from pathlib import Path
from typing import Final

import pytest
from pydantic import SecretStr

from service.config.texts import check_store_url
from tests.cli.invoking import GOOD, checked

PASSWORD: Final = "hunter2"


@pytest.mark.parametrize(
    ("url", "option"),
    [
        ("redis://h?db=x", "db"),
        ("redis://h?foo=1", "foo"),
        ("redis://h?db=1&max_connections=-1", "max_connections"),
        ("redis://h?ssl_ca_certs=/ca.crt", "ssl_ca_certs"),
        ("rediss://h?ssl_cert_reqs=perhaps", "ssl_cert_reqs"),
        ("redis://h?retry=3", "retry"),
        ("redis://h?protocol=9", "protocol"),
    ],
)
def test_an_option_that_the_client_refuses_is_named(tmp_path: Path, url: str, option: str) -> None:
    with_password = url.replace("//h", f"//:{PASSWORD}@h")
    done = checked(tmp_path, f"server: {{rate_limit_url: '{with_password}'}}\n{GOOD}")
    assert done.exit_code == 1
    assert "server.rate_limit_url: the options after the `?` are redis-py's" in done.output
    assert f'which refuses "{option}": correct or remove it' in done.output
    assert PASSWORD not in done.output


@pytest.mark.parametrize(
    "url",
    [
        "redis://user:123?hunter2=x@h/0",  # a `?` in the password
        "redis://user:12#hunter2@h/0",
        "redis://user:12/hunter2@h/0",
        "redis://h?db=hunter2",
    ],
)
def test_a_refusal_never_shows_a_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"write|refuses") as told:
        check_store_url(SecretStr(url))
    assert PASSWORD not in str(told.value)


@pytest.mark.parametrize("path", ["/x", "/1/2", "#0"])
def test_a_path_that_is_no_database_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="write the URL of a Redis or Valkey"):
        check_store_url(SecretStr(f"redis://h{path}"))


@pytest.mark.parametrize(
    "url",
    [
        "redis://h",
        "redis://h/",
        "redis://u:p%3F@h:1/2?protocol=3&client_name=presign&socket_keepalive=yes",
        "redis://h?password=p@ss",
        "rediss://h?ssl_ca_certs=/ca.crt&ssl_cert_reqs=required&ssl_check_hostname=false",
    ],
)
def test_options_of_the_client_are_accepted(url: str) -> None:
    assert check_store_url(SecretStr(url)).get_secret_value() == url
