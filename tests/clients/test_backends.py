"""docs/guides/python-backend.md: its commands, and what the backends refuse."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.clients.backends import Backend, run_backend
from tests.clients.toolchains import GENERATORS, tool
from tests.docs.documents import block_of, differences
from tests.support.demo import ROOT
from tests.support.processes import run_to_end
from tests.support.stores import Store

PAGE: Final = "docs/guides/python-backend.md"
DRIVERS: Final = Path(__file__).parent / "drivers"
FILE: Final = {"name": "a.csv", "size": 1, "type": "text/csv"}
REFUSALS: Final = """\
a stranger: 302 -
a forged request: 403 -
no size: 400 invalid_request
too large: 400 limit_exceeded
no key: 400 invalid_request
a GET: 400
"""


@pytest.fixture(scope="module")
def backend(ministack: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    tool("curl", "curl")
    with run_backend(ministack, tmp_path_factory.mktemp("backend"), PAGE) as running:
        yield running


def run_here(command: list[str], directory: Path, **environment: str) -> str:
    done = run_to_end(command, cwd=directory, env={"PATH": os.defpath, **environment})
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


# FastAPI


def test_the_backend_answers_as_the_guide_shows(backend: Backend, tmp_path: Path) -> None:
    asked = block_of(PAGE, "curl")
    answer = run_here(["bash", "-euc", backend.as_here(asked.text)], tmp_path)
    assert list(differences(asked.shown, json.loads(answer))) == []


def test_a_file_goes_up_and_down(backend: Backend, ministack: Store, tmp_path: Path) -> None:
    code = backend.as_here(block_of(PAGE, "import httpx").text)
    before = uploaded_by_ann(ministack)
    assert run_here([sys.executable, "-W", "error", "-c", code], tmp_path) == "name,amount\n\n"
    new = uploaded_by_ann(ministack) - before
    assert [key.rpartition("/")[2] for key in new] == ["q3.csv"]


def uploaded_by_ann(store: Store) -> set[str]:
    """Return the keys. Those of Django's user, who has the same name, may be among them."""
    admin = store.admin_client()
    listed = admin.list_objects_v2(Bucket=store.bucket, Prefix="uploads/ann/")
    return {each["Key"] for each in listed.get("Contents", [])}


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"size": 2**30}, "limit_exceeded"), ({"name": "../a.csv"}, "invalid_request")],
)
def test_what_the_user_can_correct_is_400(
    backend: Backend, changed: dict[str, object], code: str
) -> None:
    answer = httpx.post(
        f"{backend.url}/uploads", json=FILE | changed, auth=("ann", "secret"), timeout=60
    )
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize("user", [("ann", "wrong"), ("../bob", "secret")])
def test_a_stranger_gets_no_url(backend: Backend, user: tuple[str, str]) -> None:
    assert httpx.post(f"{backend.url}/uploads", json=FILE, auth=user, timeout=60).status_code == 401


def test_a_user_cannot_download_a_file_of_another(backend: Backend) -> None:
    answer = httpx.get(f"{backend.url}/files/..%2Fbob/a.csv", auth=("ann", "secret"), timeout=60)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


# Django


@pytest.fixture(scope="module")
def project(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the files that the guide names."""
    directory = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "examples/django_backend.py", directory)
    (directory / "urls.py").write_text(block_of(PAGE, "urlpatterns").text)
    (directory / "variables").write_text(backend.as_here(block_of(PAGE, "BUCKET=demo\n").text))
    return directory


def run_in_project(project: Path, code: str) -> str:
    (project / "code.py").write_text(code)
    path = os.pathsep.join(map(str, [project, DRIVERS, ROOT / "client"]))
    # The backend's `Presign` lives as long as the process, so its socket is not closed.
    python = f"{GENERATORS / 'python'} -W error -W ignore::ResourceWarning"
    lines = f". ./variables; exec {python} code.py"
    return run_here(["bash", "-euc", lines], project, PYTHONPATH=path)


def test_django_sends_a_file_up_and_down(project: Path) -> None:
    assert run_in_project(project, (DRIVERS / "django_files.py").read_text()) == "name,amount\n\n"


def test_django_refuses_strangers_and_wrong_files(project: Path) -> None:
    assert run_in_project(project, (DRIVERS / "django_refusals.py").read_text()) == REFUSALS
