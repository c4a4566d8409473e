"""The section `mcp`, what `presign check` says about it, and what is there while it is off."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from service.auth.api_keys import digest_of
from service.cli.main import main
from service.config.key_files import KEY_BYTES, new_key
from service.protocols.mcp import PROTOCOL
from service.protocols.mcp.settings import McpSettings
from tests.cli.invoking import rights_by_caller
from tests.protocols.mcp.harness import ISSUER, PUBLIC_URL
from tests.support.app import app_of, make_app_settings, make_open_grant, run_app

ROLE: Final = "arn:aws:iam::111122223333:role/presign"
SERVER: Final = {"public_url": PUBLIC_URL}


def caller(name: str, at: str, *allow: str, **more: Any) -> dict[str, Any]:
    granted = {"bucket": "reports", "prefix": at, "allow": allow, "max_expires_in": 900}
    return {"api_key": name, "sha256": [digest_of(name)], "grants": [{**granted, **more}]}


def document(*callers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "server": SERVER,
        "buckets": {"reports": {"region": "eu-west-1", "role_arn": ROLE}},
        "callers": list(callers or [caller("agent", "team/", "list", "download")]),
        "mcp": True,
        **more,
    }


def checked(directory: Path, *callers: dict[str, Any], **more: Any) -> tuple[int, str]:
    path = directory / "presign.yaml"
    path.write_text(json.dumps(document(*callers, **more), indent=1))
    done = CliRunner().invoke(main, ["check", "--config", str(path)])
    return done.exit_code, done.output


def links(directory: Path) -> dict[str, Any]:
    path = directory / "key"
    path.write_text(new_key(b"k" * KEY_BYTES))
    return {"links": {"keys": [str(path)], "store_url": "memory://"}}


def test_check_says_which_tools_a_caller_gets(tmp_path: Path) -> None:
    callers = (
        caller("reader", "team/", "list", "download"),
        caller("writer", "team/", "upload"),
        caller("sharer", "team/", "download", "link"),
        caller("nothing", "team/", "form"),
    )
    reading = ["describe_file", "sign_download"]
    sharing = ["use show_access", *reading, "create_link", "list_links", "revoke_link"]
    assert rights_by_caller(document(*callers, **links(tmp_path)), PROTOCOL) == {
        "API key reader": ["use show_access", "list_files", "find_files", *reading],
        "API key writer": ["use show_access", "sign_upload"],
        "API key sharer": sharing,
        "API key nothing": ["use show_access"],
    }
    without = rights_by_caller(document(*callers), PROTOCOL)
    assert without["API key sharer"] == sharing[:3]
    section = links(tmp_path)["links"] | {"store_url": None}
    unlisted = rights_by_caller(document(*callers, links=section), PROTOCOL)
    assert unlisted["API key sharer"] == sharing[:4]


def test_check_says_where_it_is_and_who_signs_in(tmp_path: Path) -> None:
    entry = ISSUER | {"audience": f"{PUBLIC_URL}/mcp"}
    code, output = checked(tmp_path, issuers={"acme": entry})
    assert code == 0, output
    assert f"mcp: {PUBLIC_URL}/mcp; clients sign in at https://login.acme.com" in output
    assert "API key agent may use show_access, list_files, find_files, describe_file" in output
    assert ": mcp: " not in output
    _, again = checked(tmp_path, issuers={"acme": entry}, mcp={"sign_in": ["acme", "acme"]})
    assert again == output
    code, output = checked(tmp_path)
    assert f"mcp: {PUBLIC_URL}/mcp; clients sign in at no issuer" in output


@pytest.mark.parametrize(
    ("allow", "more", "said"),
    [
        (["download", "link"], {}, "makes links for anybody; an agent with it may be talked into"),
        (["delete"], {"prefix": ""}, "deletes in the whole bucket; an agent"),
        (["upload"], {"prefix": "", "allow_overwrite": True}, "overwrites in the whole bucket; an"),
        (["delete"], {}, None),
        (["upload"], {"allow_overwrite": True}, None),
    ],
)
def test_check_warns_of_what_an_agent_may_be_talked_into(
    tmp_path: Path, allow: list[str], more: dict[str, Any], said: str | None
) -> None:
    code, output = checked(tmp_path, caller("agent", "team/", *allow, **more), **links(tmp_path))
    assert code == 0, output
    assert ("may be talked into" in output) == (said is not None)
    assert (said or "") in output
    code, output = checked(tmp_path, caller("agent", "team/", *allow, **more), mcp=False)
    assert "may be talked into" not in output


def test_check_warns_of_an_issuer_without_the_second_audience(tmp_path: Path) -> None:
    _, output = checked(tmp_path, issuers={"acme": ISSUER})
    assert f"none of its entries in `issuers` has the audience {PUBLIC_URL}/mcp" in output
    second = ISSUER | {"audience": f"{PUBLIC_URL}/mcp"}
    _, output = checked(tmp_path, issuers={"acme": ISSUER, "agents": second})
    assert "none of its entries" not in output
    both = ISSUER | {"audience": ["presign", f"{PUBLIC_URL}/mcp"]}
    _, output = checked(tmp_path, issuers={"acme": both})
    assert "none of its entries" not in output


def test_check_warns_of_issuers_without_a_public_url(tmp_path: Path) -> None:
    _, output = checked(tmp_path, issuers={"acme": ISSUER}, server={})
    assert "server.public_url is missing, so clients that sign in get" in output
    _, output = checked(tmp_path, issuers={"acme": ISSUER}, server={}, mcp={"sign_in": []})
    assert "server.public_url is missing" not in output


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (
            {"sign_in": ["acme", "acme", "acem"]},
            'mcp.sign_in.2: no issuer "acem" is configured; did you mean "acme"?',
        ),
        ({"expires_in": 0}, "mcp.expires_in: write a duration from 1s to"),
        ({"scope": ["a"]}, "mcp.scope: unknown setting; did you mean scopes"),
        ({"scopes": ["a b"]}, "mcp.scopes.0: write a scope of OAuth, such as openid"),
        ({"scopes": ["a"] * 21}, "mcp.scopes: "),
        ("yes", "mcp: write true, false, or settings such as `expires_in`"),
    ],
)
def test_an_invalid_section_is_explained(tmp_path: Path, section: Any, said: str) -> None:
    code, output = checked(tmp_path, issuers={"acme": ISSUER}, mcp=section)
    assert (code, said in output) == (1, True), output


def test_true_has_all_defaults() -> None:
    settings = make_app_settings(make_open_grant(), mcp=True).mcp
    assert settings == McpSettings(expires_in=300, sign_in=None, scopes=())
    assert make_app_settings(make_open_grant(), mcp=False).mcp is None


async def test_while_it_is_off_there_is_no_route() -> None:
    async with run_app(make_app_settings(make_open_grant())) as client:
        posted = await client.post("/mcp", json={})
        found = await client.get("/.well-known/oauth-protected-resource/mcp")
        paths = {getattr(each, "path", "") for each in app_of(client).flat_routes}
    assert (posted.status_code, posted.json()["detail"]) == (404, "No such resource.")
    assert found.status_code == 404
    assert not any("mcp" in path for path in paths)


def test_while_it_is_off_nothing_of_it_is_imported() -> None:
    """But its settings, and what `presign check` says."""
    program = """
import asyncio, sys
from tests.support.app import make_app_settings, make_open_grant, run_app
async def main():
    async with run_app(make_app_settings(make_open_grant(), mcp=sys.argv[1] == "on")):
        print(*sorted(each for each in sys.modules if each.startswith("service.protocols.mcp.")))
asyncio.run(main())
"""
    off, on = (
        subprocess.run(
            [sys.executable, "-c", program, each], capture_output=True, text=True, check=True
        ).stdout.split()
        for each in ("off", "on")
    )
    assert off == [f"service.protocols.mcp.{each}" for each in ("check", "rights", "settings")]
    assert len(on) > 10
