"""What is released, installed into new environments as a user would: the packages run.

The packages that they need come from locks/runtime.lock.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from release.version import ROOT, current
from tests.release.building import built, copied
from tests.support.processes import free_ports, run_process, run_to_end

pytestmark = pytest.mark.slow

UV: Final = shutil.which(os.environ.get("UV", "uv")) or str(ROOT / ".venv-uv" / "bin" / "uv")
PYTHONS: Final = ("3.11", "3.13", "3.14")
_IS_COMPLETE: Final = "import ensurepip"


@pytest.fixture(scope="module", name="dist")
def _dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("released")
    return built(copied(folder / "source"), folder / "dist")


@pytest.fixture(scope="module", name="python", params=PYTHONS)
def _python(request: pytest.FixtureRequest) -> str:
    found = shutil.which(f"python{request.param}")
    if not found or run_to_end([found, "-c", _IS_COMPLETE]).returncode:
        pytest.skip(f"LEFT OUT: there is no python{request.param} with venv")
    return found


@pytest.fixture(scope="module", name="installed")
def _installed(python: str, dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the programs of an environment with presign-server, and so its client."""
    place = environment(python, tmp_path_factory.mktemp("environment"))
    pip(place, "--require-hashes", "-r", str(ROOT / "locks" / "runtime.lock"))
    pip(place, "--no-index", "--find-links", str(dist), f"presign-server=={current()}")
    return place / "bin"


def environment(python: str, place: Path) -> Path:
    run(python, "-m", "venv", "--without-pip", str(place))
    return place


def pip(place: Path, *words: str) -> None:
    """Install with uv, which reads no settings of pip: the index that pip uses is passed on."""
    index = run("python3", "-m", "pip", "config", "get", "global.index-url", may_fail=True).strip()
    run(UV, "pip", "install", "--quiet", "--python", str(place), *words, UV_DEFAULT_INDEX=index)


def run(*command: str, may_fail: bool = False, **settings: str) -> str:
    passed = {name: value for name, value in settings.items() if value}
    done = subprocess.run(
        command, env={**os.environ, **passed}, capture_output=True, text=True, check=False
    )
    assert may_fail or done.returncode == 0, done.stderr
    return done.stdout if done.returncode == 0 else ""


@pytest.fixture(name="service")
def _service(installed: Path, tmp_path: Path) -> Iterator[httpx.Client]:
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    presign = str(installed / "presign")
    made = ["init", "--bucket", "reports", "--endpoint-url", "http://127.0.0.1:9", "--json"]
    run(presign, made[0], str(tmp_path / "presign.yaml"), *made[1:])
    with (tmp_path / "presign.yaml").open("a") as file:
        file.write("console: true\n")
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    serve = [presign, "serve", "presign.yaml", "--port", str(port)]
    with (
        run_process(serve, tmp_path, f"{url}/livez", **keys),
        httpx.Client(base_url=url, trust_env=False, timeout=60) as client,
    ):
        yield client


def test_one_install_has_the_service_and_the_command(installed: Path) -> None:
    presign = str(installed / "presign")
    assert run(presign, "--version") == f"presign, version {current()}\n"
    assert {"serve", "put"} <= {*run(presign, "--help").split()}


def test_an_installed_service_has_all_that_it_serves(service: httpx.Client) -> None:
    document: dict[str, Any] = service.get("/openapi.json").raise_for_status().json()
    assert document["info"]["version"]
    for path in ("/readyz", "/errors", "/console", "/console/client/presign.js"):
        assert service.get(path, follow_redirects=True).status_code == 200, path


def test_an_installed_service_signs_nothing_without_a_key(service: httpx.Client) -> None:
    asked = {"bucket": "reports", "key": "shared/a"}
    assert service.post("/v1/download-urls", json=asked).status_code == 401


def test_the_client_alone_says_what_to_install(dist: Path, tmp_path: Path) -> None:
    place = environment(sys.executable, tmp_path / "environment")
    pip(place, "--require-hashes", "-r", str(ROOT / "locks" / "runtime.lock"))
    pip(place, "--no-index", "--find-links", str(dist), f"presign-client=={current()}")

    done = run_to_end([place / "bin" / "presign", "serve"])

    assert done.returncode == 2
    assert "install presign-server" in done.stderr
