"""Which tests a change needs first, as `make quick` and the workflow for pull requests ask."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.processes import run_to_end
from tools import ROOT, changed
from tools.changed import SHORT, client_tests, naming_tests, quick_tests

FOLDERS: Final = frozenset(
    {
        "tests/access",
        "tests/api",
        "tests/client",
        "tests/clients/http",
        "tests/deploy",
        "tests/deploy/grafana",
        "tests/docs",
        "tests/protocols",
        "tests/protocols/links",
        "tests/release",
    }
)


@pytest.mark.parametrize(
    ("path", "tests"),
    [
        ("service/access/claims.py", {"tests/access"}),
        ("tests/access/walking.py", {"tests/access"}),
        ("service/protocols/links/link.py", {"tests/protocols/links"}),
        ("service/protocols/roots.py", {"tests/protocols"}),
        ("tests/protocols/example/routes.py", {"tests/protocols"}),
        ("client/presign_client/commands/main.py", {"tests/client"}),
        ("client/js/src/upload.js", {"tests/client"}),
        ("deploy/grafana/alerts.yaml", {"tests/deploy/grafana"}),
        ("deploy/lambda/template.yaml", {"tests/deploy"}),
        ("release/oci.py", {"tests/release"}),
    ],
)
def test_a_path_needs_the_tests_of_its_name(path: str, tests: set[str]) -> None:
    assert quick_tests([path], FOLDERS) == tests


@pytest.mark.parametrize("path", ["README.md", "docs/a.md", "client/README.md", "docs/flow.svg"])
def test_a_page_needs_the_tests_of_pages(path: str) -> None:
    assert quick_tests([path], FOLDERS) == {"tests/docs"}


def test_a_page_needs_the_tests_that_name_it() -> None:
    texts = {"tests/iam/test_a.py": 'ROOT / "docs/a.md"', "tests/api/test_b.py": '"README.md"'}
    pages = ["docs/a.md", "client/README.md", "tests/api/test_b.py"]
    assert naming_tests(pages, texts) == {"tests/iam/test_a.py"}


def test_a_test_needs_itself_alone() -> None:
    path = "tests/access/test_claims.py"
    assert quick_tests([path], FOLDERS) == {path}


@pytest.mark.parametrize(
    ("path", "tests"),
    [
        ("openapi.yaml", {"tests/contract"}),
        ("service/api/schemas.py", {"tests/api", "tests/contract"}),
        (".github/workflows/ci.yml", {"tests/validators/test_workflows.py"}),
        ("tests/support/app.py", {SHORT, "tests/support"}),
        ("changes/a.added.md", {"tests/release/test_version.py"}),
    ],
)
def test_a_path_of_the_table_needs_its_tests(path: str, tests: set[str]) -> None:
    assert quick_tests([path], FOLDERS) == tests


@pytest.mark.parametrize(
    "path", ["pyproject.toml", "service/errors.py", "tests/conftest.py", "service/apis/a.py"]
)
def test_what_may_matter_to_all_needs_the_short_suite(path: str) -> None:
    assert quick_tests([path], FOLDERS) == {SHORT}


@pytest.mark.parametrize("room", ["browser", "clients", "compose", "iam", "validators"])
def test_other_targets_tests_are_not_quick(room: str) -> None:
    assert quick_tests([f"tests/{room}/test_a.py", f"tests/{room}/b.py"], FOLDERS) == set()


def test_several_paths_need_the_tests_of_each() -> None:
    paths = ["service/access/claims.py", "docs/a.md", "tests/clients/making.py"]
    assert quick_tests(paths, FOLDERS) == {"tests/access", "tests/docs"}
    assert quick_tests([], FOLDERS) == set()


@pytest.mark.parametrize(
    ("path", "tests"),
    [
        ("service/protocols/git_lfs/routes.py", {"tests/clients/git_lfs"}),
        ("service/console/page/zip.js", {"tests/browser"}),
        ("tests/clients/http/places.py", {"tests/clients/http"}),
        ("tests/clients/test_pandas.py", {"tests/clients/test_pandas.py"}),
        ("tests/clients/toolchains.py", {"tests/clients"}),
        ("tests/clients/drivers/drive.go", {"tests/clients"}),
        ("service/access/grants.py", set()),
        ("docs/calls.md", set()),
    ],
)
def test_a_client_is_run_if_it_or_what_it_uses_changed(path: str, tests: set[str]) -> None:
    assert client_tests({path: ""}, FOLDERS) == tests


def test_a_page_needs_the_clients_that_run_its_commands() -> None:
    text = (
        "<!-- run by tests/clients/http/test_page.py -->\n<!-- run by tests/docs/test_guides.py -->"
    )
    assert client_tests({"docs/a.md": text}, FOLDERS) == {"tests/clients/http/test_page.py"}


def test_the_tables_name_what_exists() -> None:
    """Or a rename would silently take tests away from a change."""
    tables = {**changed._TESTS, **changed._CLIENTS}
    named = {*tables, *(test for tests in tables.values() for test in tests)} - {SHORT}
    assert [each for each in sorted(named) if not (ROOT / each).exists()] == []


def test_each_protocol_has_a_client() -> None:
    folders = {path.parent.name for path in (ROOT / "service/protocols").glob("*/__init__.py")}
    protocols = {each for each in changed._CLIENTS if each.startswith("service/protocols/")}
    assert protocols == {f"service/protocols/{name}" for name in folders}


@pytest.fixture(name="checkout")
def _checkout(tmp_path: Path) -> Path:
    """A clone with a branch: one committed, one changed and one new file differ from main."""
    (tmp_path / "tools").mkdir()
    for name in ("__init__.py", "changed.py"):
        (tmp_path / "tools" / name).write_bytes((ROOT / "tools" / name).read_bytes())
    for room in ("access", "auth", "s3", "signing"):
        (tmp_path / "tests" / room).mkdir(parents=True)
        (tmp_path / "tests" / room / "test_a.py").touch()
        (tmp_path / "service" / room).mkdir(parents=True)
        (tmp_path / "service" / room / "a.py").touch()
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path)
    git(tmp_path, "switch", "-q", "-c", "mine")
    (tmp_path / "service/access/a.py").write_text("A = 1")
    commit(tmp_path)
    (tmp_path / "service/auth/a.py").write_text("A = 1")
    (tmp_path / "service/s3/b.py").touch()
    return tmp_path


def git(folder: Path, *words: str) -> None:
    own = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *own, *words], cwd=folder, env={"PATH": os.environ["PATH"]}, check=True)


def commit(folder: Path) -> None:
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "a")


def ask(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run_to_end([sys.executable, "-m", "tools.changed", *words], cwd=checkout)


def test_what_is_committed_changed_or_new_differs_from_main(checkout: Path) -> None:
    assert ask(checkout, "quick").stdout == "tests/access tests/auth tests/s3\n"
    assert ask(checkout, "clients").stdout == "\n"


def test_what_main_got_since_does_not_differ(checkout: Path) -> None:
    git(checkout, "stash", "-q", "-u")
    git(checkout, "switch", "-q", "main")
    (checkout / "service/signing/a.py").write_text("A = 1")
    commit(checkout)
    git(checkout, "switch", "-q", "mine")
    assert ask(checkout, "quick").stdout == "tests/access\n"


def test_origins_main_counts_if_there_is_one(checkout: Path) -> None:
    git(checkout, "update-ref", "refs/remotes/origin/main", "HEAD")
    assert ask(checkout, "quick").stdout == "tests/auth tests/s3\n"


def test_the_short_suite_is_that_of_the_makefile(checkout: Path) -> None:
    (checkout / "pyproject.toml").touch()
    shown = ask(checkout, "quick", "tests/signing").stdout
    assert shown == "tests/access tests/auth tests/s3 tests/signing\n"


def test_without_main_it_says_what_to_fetch(checkout: Path) -> None:
    git(checkout, "branch", "-q", "-D", "main")
    done = ask(checkout, "quick")
    assert (done.returncode, done.stdout) == (1, "")
    assert "git fetch origin main" in done.stderr
