"""The section `links`, and what `presign check` reports about it."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from service.app.protocol_values import link_keys
from service.app.settings import load_settings, watched_files
from service.cli.main import main
from service.config.key_files import new_key
from service.errors import ConfigurationError
from service.protocols.links import PROTOCOL
from tests.cli.invoking import rights_by_caller
from tests.protocols import sections

STORE: Final = "redis://:sentinel@uses:6379/0"
KEY: Final = new_key(b"k" * 32)


class Configured:
    """A configuration with links, in a directory with a key file."""

    def __init__(self, directory: Path, *callers: dict[str, Any], **links: Any) -> None:
        self.key = directory / "link.key"
        self.key.write_text(f"{KEY}\n")
        self.path = directory / "presign.yaml"
        self.document: dict[str, Any] = {
            "buckets": {"reports": sections.BUCKET},
            "callers": list(callers or [caller("billing", "download", "link")]),
            "server": {"public_url": "https://files.example.com"},
            "links": {"keys": [str(self.key)], **links},
        }

    def checked(self, *options: str) -> tuple[int, str]:
        self.path.write_text(json.dumps(self.document, indent=1))
        done = CliRunner().invoke(main, ["check", "--config", str(self.path), *options])
        return done.exit_code, done.output


def caller(name: str, *allow: str) -> dict[str, Any]:
    return sections.caller(name, "invoices/", *allow)


def test_check_knows_who_may_make_links(tmp_path: Path) -> None:
    configured = Configured(
        tmp_path,
        caller("billing", "download", "upload", "link"),
        caller("drops", "upload", "link"),
        caller("heads", "head", "link"),
        caller("others", "download"),
    )
    assert rights_by_caller(configured.document, PROTOCOL) == {
        "API key billing": ["let others download", "let others upload"],
        "API key drops": ["let others upload"],
        "API key heads": [],
        "API key others": [],
    }
    code, output = configured.checked()
    assert code == 0, output
    line = "API key billing may let others download, let others upload by share link"
    assert line in output.splitlines()
    assert output.count("by share link") == 2
    assert ": links" not in output


@pytest.mark.parametrize(
    ("server", "links", "said"),
    [
        ({}, {}, "without a store, so max_uses is refused and only revoked_links ends a link"),
        ({"rate_limit_url": STORE}, {}, "a store counts uses, and keeps revocations and lists"),
        ({}, {"store_url": STORE}, "a store counts uses, and keeps revocations and lists"),
    ],
)
def test_check_says_how_links_end(
    tmp_path: Path, server: dict[str, Any], links: dict[str, Any], said: str
) -> None:
    configured = Configured(tmp_path, **links)
    configured.document["server"] = {"public_url": "https://files.example.com/", **server}
    code, output = configured.checked()
    assert code == 0, output
    assert f"links: https://files.example.com/l/…; 1 key opens them; {said}\n" in output
    assert "sentinel" not in output


def test_check_warns_if_nobody_may_make_links(tmp_path: Path) -> None:
    _, output = Configured(tmp_path, caller("billing", "download")).checked()
    assert (
        ": links: nobody may use it; a caller needs grants with `download` and `link` in" in output
    )


def test_check_warns_of_a_store_in_memory(tmp_path: Path) -> None:
    code, output = Configured(tmp_path, store_url="memory://").checked()
    assert code == 0, output
    assert "links.store_url: memory:// counts uses and keeps revocations in one process" in output


def test_check_warns_of_links_over_http(tmp_path: Path) -> None:
    configured = Configured(tmp_path)
    configured.document["server"]["public_url"] = "http://files.example.com"
    _, output = configured.checked()
    assert ": server.public_url: is not https" in output


def test_links_need_the_address_that_they_begin_with(tmp_path: Path) -> None:
    configured = Configured(tmp_path)
    del configured.document["server"]
    code, output = configured.checked()
    assert code == 1
    assert "links: links begin with server.public_url, which is missing; write the" in output


def test_check_warns_of_what_strangers_get_without_limit(tmp_path: Path) -> None:
    limited, unlimited = (caller(name, "upload", "link") for name in ("limited", "unlimited"))
    limited["rate_limit"] = "10/minute"
    limited["grants"][0]["max_content_length"] = 10
    _, output = Configured(tmp_path, limited, unlimited, caller("plain", "upload")).checked()
    assert ": callers.1.grants.0: anybody with a link for uploads can store" in output
    assert ": callers.1: may make links, which strangers then use" in output
    assert output.count("anybody with a link") == output.count("which strangers then use") == 1


def test_check_warns_of_a_grant_for_links_that_are_off(tmp_path: Path) -> None:
    configured = Configured(tmp_path)
    del configured.document["links"]
    code, output = configured.checked()
    assert code == 0
    assert ": callers.0.grants.0: allows `link`, but there is no section `links`" in output


def test_an_invalid_key_file_is_named_by_its_place_only(tmp_path: Path) -> None:
    configured = Configured(tmp_path)
    configured.key.write_text("sentinel")
    code, output = configured.checked()
    assert code == 1
    assert "links.keys.0: write the path of a readable file with a key" in output
    assert "sentinel" not in output


def test_a_key_instead_of_its_path_is_not_repeated(tmp_path: Path) -> None:
    code, output = Configured(tmp_path, keys=[KEY]).checked()
    assert code == 1
    assert KEY not in output


def test_offline_the_key_files_are_not_read(tmp_path: Path) -> None:
    configured = Configured(tmp_path)
    configured.key.unlink()
    code, output = configured.checked("--offline")
    assert code == 0, output
    assert f"not checked: links.keys.0 {configured.key}\n" in output


@pytest.mark.parametrize(
    ("links", "said"),
    [
        ({"keys": []}, "links.keys: is empty"),
        ({"revoked_links": ["sentinel"]}, "links.revoked_links.0: write the id of a link"),
        ({"store_url": "http://uses"}, "links.store_url: write the URL of a Redis or Valkey"),
    ],
)
def test_an_invalid_setting_is_explained(tmp_path: Path, links: dict[str, Any], said: str) -> None:
    code, output = Configured(tmp_path, **links).checked()
    assert code == 1
    assert said in output
    assert "sentinel" not in output


def test_keys_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    configured, other = Configured(tmp_path), tmp_path / "new.key"
    other.write_text(new_key(b"n" * 32))
    configured.document["links"]["keys"].insert(0, str(other))
    configured.checked()
    settings = load_settings(configured.path)
    assert link_keys(settings) == [b"n" * 32, b"k" * 32]
    assert watched_files(settings) == (other, configured.key)


def test_a_key_that_has_gone_meanwhile_is_a_configuration_error(tmp_path: Path) -> None:
    configured = Configured(tmp_path)
    configured.checked()
    settings = load_settings(configured.path)
    configured.key.unlink()
    with pytest.raises(ConfigurationError, match=r"links.keys: write the path of a readable file"):
        link_keys(settings)
