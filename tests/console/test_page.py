"""How the page is served, and what its files contain. No browser is needed."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from hatchling.builders.wheel import WheelBuilder

from service.app.settings import Settings
from service.console import content_security_policy
from service.console.page_settings import Console, PageSettings
from tests.end_to_end.examples import node
from tests.support.app import ADDRESS, API_KEY, make_app_settings, make_open_grant, run_app

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "service" / "console" / "page"
CLIENT: Final = ROOT / "client" / "js" / "src"
# By the name in the page: each of the client's files is in one place only.
NAMED: Final = {path.name: path for path in sorted(PAGE.iterdir())} | {
    f"client/{path.name}": path for path in sorted(CLIENT.iterdir())
}
FILES: Final = list(NAMED.values())
SCRIPTS: Final = [path for path in FILES if path.suffix == ".js"]
SERVED: Final = {f"/console/{name}": path for name, path in NAMED.items() if name != "index.html"}
PATHS: Final = ["/console", "/console/colour.css", *SERVED]
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# The scripts that may keep something in the browser, and where.
STORING: Final = {
    "unfinished_uploads.js": {"indexedDB"},
    # The key of a person who chose that
    "kept_key.js": {"sessionStorage"},
    # The folder that is open
    "addresses.js": {"history.", "location.hash"},
    "page_title.js": {"document.title"},
    # During a sign-in, and to remove the code from the address
    "issuer_sign_in.js": {"sessionStorage", "history.", "location.hash", "location.search"},
}
NAMESPACE: Final = "http://www.w3.org/2000/svg"


def settings(**more: Any) -> Settings:
    return make_app_settings(make_open_grant(), console=True, **more)


@pytest.fixture(name="open_client")
async def _open_client() -> Any:
    async with run_app(settings()) as client:
        yield client


async def test_without_the_setting_there_is_no_console(client: httpx.AsyncClient) -> None:
    for path in [*PATHS, "/console/"]:
        response = await client.get(path)
        assert (response.status_code, response.json()["code"]) == (404, "not_found"), path
        assert "content-security-policy" not in response.headers


async def test_each_file_is_served_to_everybody_with_its_type(
    open_client: httpx.AsyncClient,
) -> None:
    for path, file in SERVED.items():
        response = await open_client.get(path, headers={"Authorization": ""})
        assert response.status_code == 200, path
        assert response.headers["content-type"] == TYPES[file.suffix]
        assert response.content == file.read_bytes()
        assert API_KEY not in response.text
        assert "set-cookie" not in response.headers


async def test_each_response_has_the_security_headers(open_client: httpx.AsyncClient) -> None:
    for path in PATHS:
        for method in ("GET", "HEAD"):
            response = await open_client.request(method, path)
            assert response.status_code == 200, path
            check_security_headers(response)


def check_security_headers(response: httpx.Response) -> None:
    expected = {
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }
    assert expected.items() <= dict(response.headers).items()
    assert "access-control-allow-origin" not in response.headers
    directives = dict(
        each.split(" ", 1) for each in response.headers["content-security-policy"].split("; ")
    )
    assert directives == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": f"'self' {ADDRESS.origin}",
        "media-src": ADDRESS.origin,
        "frame-src": ADDRESS.origin,
        "connect-src": f"'self' {ADDRESS.origin}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


async def test_the_policy_names_each_public_store_origin_once() -> None:
    inner = replace(ADDRESS, host="inner.example")
    addresses = {
        "demo": replace(ADDRESS, host="b.example:9000", internal=inner),
        "closed": replace(ADDRESS, scheme="http", host="a.example"),
        "third": replace(ADDRESS, scheme="http", host="a.example"),
        "sixth": replace(ADDRESS, host="[::1]:9000"),
    }
    bucket = {"region": "eu-west-1", "credentials": "static"}
    many = settings(buckets={"third": bucket, "sixth": bucket})
    async with run_app(many, addresses=addresses) as client:
        policy = (await client.get("/console")).headers["content-security-policy"]
    assert "; connect-src 'self' http://a.example https://b.example:9000;" in policy
    assert "inner" not in policy


def test_a_policy_without_stores_still_names_the_service() -> None:
    assert "; connect-src 'self';" in content_security_policy([])


async def test_a_trailing_slash_redirects_to_the_page(open_client: httpx.AsyncClient) -> None:
    response = await open_client.get("/console/")
    assert (response.status_code, response.headers["location"]) == (308, "../console")


@pytest.mark.parametrize(
    "path", ["/console/absent.js", "/console/__init__.py", "/console/..%2f__init__.py",
             "/console/page/index.html", "/console/%2e%2e/app.py", "/console/client/absent.js",
             "/console/client", "/console/client/../__init__.py", "/console/presign.js",
             "/console/index.html"]
)  # fmt: skip
async def test_no_other_file_is_served(open_client: httpx.AsyncClient, path: str) -> None:
    assert (await open_client.get(path)).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_the_page_accepts_no_writes(open_client: httpx.AsyncClient, method: str) -> None:
    assert (await open_client.request(method, "/console")).status_code == 405


async def test_a_new_configuration_takes_effect_at_once(client: httpx.AsyncClient) -> None:
    transport: Any = client._transport
    console = transport.app.parts.use_case(Console)
    console.configure(PageSettings(name="Acme", colour="#0f766e"))
    assert (await client.get("/console")).status_code == 200
    console.configure(None)
    assert (await client.get("/console")).status_code == 404


def test_no_file_names_another_host() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8").replace(NAMESPACE, "")
        assert re.findall(r"(?:https?:|wss?:|[\"'(=]\s*)//[\w.-]", text) == [], path
        if path.suffix != ".js":
            assert "url(" not in text
            assert "@import" not in text


def test_the_page_has_no_inline_script_or_style() -> None:
    text = (PAGE / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|javascript:", text) == []
    svg = (PAGE / "icon.svg").read_text(encoding="utf-8")
    assert re.findall(r"<script|<style|style=|\son\w+=|href=", svg) == []


def test_no_script_makes_html_stores_anything_or_logs() -> None:
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function|"
        r"localStorage|sessionStorage|indexedDB|document\.cookie|history\.|document\.title|"
        r"console\.|location\.(?:href|hash|search)|serviceWorker|sendBeacon"
    )
    found = {path.name: set(re.findall(forbidden, path.read_text("utf-8"))) for path in SCRIPTS}
    assert {name: words for name, words in found.items() if words} == STORING


def links() -> Iterator[tuple[str, str]]:
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    for name in re.findall(r"(?:src|href)=\"([^\"#]+)\"", page):
        yield "index.html", name.removeprefix("console/")
    for own, path in NAMED.items():
        folder = "client/" if own.startswith("client/") else ""
        text = path.read_text(encoding="utf-8")
        imported = re.findall(r"(?:from |import\()\"\./([^\"]+)\"", text)
        for name in [*imported, *re.findall(r"\"\./([^\"]+\.css)\"", text)]:
            yield own, f"{folder}{name}"


def test_every_file_is_linked_and_every_link_exists() -> None:
    assert {name for _, name in links()} | {"index.html"} == {*NAMED, "colour.css"}


def test_each_script_is_a_valid_module() -> None:
    parse = """
        import { readFileSync } from "node:fs";
        import { SourceTextModule } from "node:vm";
        for (const name of process.argv.slice(1))
          new SourceTextModule(readFileSync(name, "utf8"), { identifier: name });
    """
    flags = ["--experimental-vm-modules", "--no-warnings", "--input-type=module", "--eval"]
    command = [node(), *flags, parse, *map(str, SCRIPTS)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_the_page_has_every_id_that_is_used() -> None:
    page = (PAGE / "index.html").read_text(encoding="utf-8")
    ids = re.findall(r"\sid=\"([^\"]+)\"", page)
    assert len(set(ids)) == len(ids)
    assert set(re.findall(r"href=\"#([^\"]+)\"", page)) <= set(ids)
    text = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    assert set(re.findall(r"(?:byId|fromTemplate)\(\"([^\"]+)\"\)", text)) <= set(ids)
    icons = re.findall(r"\bicon(?:\(|: )\"(\w+)\"", text)
    assert {f"icon-{name}" for name in icons} <= set(ids)
    assert set(re.findall(r"(?:for|aria-describedby|list)=\"([^\"]+)\"", page)) <= set(ids)


def test_the_page_is_in_the_wheel() -> None:
    builder = WheelBuilder(str(ROOT))
    packed = {file.distribution_path for file in builder.recurse_included_files()}
    assert {f"service/console/page/{name}" for name in NAMED} <= packed
