"""Which tests a change needs first: those of `make quick`, and the clients' of a pull request.

Only this module says so. A path belongs to the folder of tests/ with its name: service/access/ and
tests/access/ to tests/access, client/ to tests/client; of `protocols` and `deploy`, to the folder
below. A test belongs to itself, a page to tests/docs and to the tests that name it. The tables have
the rest. What is in none, such as pyproject.toml, may matter to all tests, and needs the short
suite. On `main` all tests run.
"""

import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from tools import ROOT

SHORT: Final = "the short suite"
# Rooms of several folders, each with tests of its own.
_DIVIDED: Final = frozenset({"protocols", "deploy"})
# Tests that need more than Python's packages and some programs: they have targets of their own.
_ELSEWHERE: Final = frozenset({"browser", "clients", "compose", "iam", "validators"})
# What tests of other rooms read of a grant: its operations and limits
_OF_GRANTS: Final = (
    "tests/access",
    "tests/cli/check/test_a_new_limit.py",
    "tests/console/test_access_words.py",
    "tests/contract/test_implementation.py",
    "tests/presigning/test_access_requests.py",
)
_TESTS: Final[Mapping[str, tuple[str, ...]]] = {
    ".ci": ("tests/supply_chain",),
    ".dockerignore": ("tests/supply_chain",),
    ".github": ("tests/validators/test_workflows.py",),
    "Dockerfile": ("tests/supply_chain",),
    "Makefile": ("tests/docs", "tests/supply_chain"),
    "changes": ("tests/release/test_version.py",),
    "examples": ("tests/docs", "tests/end_to_end/test_upload_examples.py"),
    "locks": ("tests/supply_chain",),
    "openapi.yaml": ("tests/contract",),
    "presign.example.yaml": ("tests/config", "tests/docs"),
    "presign.schema.json": ("tests/config",),
    "service/access/grants.py": _OF_GRANTS,
    "service/access/limits.py": _OF_GRANTS,
    "service/api": ("tests/api", "tests/contract"),
    "tests/support": (SHORT, "tests/support"),
    "tests/validators/test_workflows.py": ("tests/validators/test_workflows.py",),
    "tools": ("tests/tools", "tests/docs", "tests/supply_chain", "tests/deploy/grafana"),
}
# What real clients and browsers use, and their tests.
_CLIENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "client/js": ("tests/browser", "tests/clients/test_javascript_types.py"),
    "client/presign_client/filesystem.py": (
        "tests/clients/test_data_guide.py",
        "tests/clients/test_pandas.py",
    ),
    "examples": ("tests/browser/test_web_page_guide.py", "tests/clients/test_backends.py"),
    "openapi.yaml": ("tests/clients/test_clients.py",),
    "service/console": ("tests/browser",),
    "service/protocols/arrivals": (
        "tests/clients/test_receivers.py",
        "tests/clients/test_webhooks.py",
    ),
    "service/protocols/build_caches": ("tests/clients/build_caches",),
    "service/protocols/credentials": ("tests/clients/credentials",),
    "service/protocols/git_lfs": ("tests/clients/git_lfs",),
    "service/protocols/hugging_face": ("tests/clients/hugging_face",),
    "service/protocols/links": ("tests/browser/links",),
    "service/protocols/mcp": ("tests/clients/mcp",),
    "service/protocols/mlflow": ("tests/clients/mlflow",),
    "service/protocols/objects": (
        "tests/browser/test_object_urls.py",
        "tests/clients/http",
        "tests/clients/test_package_repositories.py",
    ),
    "service/protocols/package_index": ("tests/clients/test_package_index.py",),
    "service/protocols/remote_signing": ("tests/clients/test_remote_signing.py",),
    "service/protocols/sts": ("tests/clients/credentials",),
    "service/protocols/uppy": ("tests/browser/test_uppy.py",),
    "service/sessions/r2_tokens.py": ("tests/clients/test_r2_tokens.py",),
    "service/signing/cloudfront.py": ("tests/clients/test_cloudfront_signer.py",),
}
_NEW: Final = ("--others", "--exclude-standard")  # files that git does not know yet
_MARK: Final = re.compile(r"run by (tests/(?:browser|clients)/[\w/]+\.py)")


def quick_tests(paths: Iterable[str], folders: Collection[str]) -> set[str]:
    """Return folders and files of tests, and SHORT. `folders` are those with tests in them."""
    return {test for path in paths for test in _tests(path, folders)}


def _tests(path: str, folders: Collection[str]) -> tuple[str, ...]:
    if path.endswith(".md") and not path.startswith("changes/"):
        return ("tests/docs",)
    if listed := _listed(path, _TESTS):
        return listed
    parts = path.split("/")
    names = parts[1:-1] if parts[0] in {"service", "tests"} else parts[:-1]
    if names and names[0] in _ELSEWHERE:
        return ()
    if _is_test(path):
        return (path,)
    depth = 2 if names and names[0] in _DIVIDED else 1
    named = ("/".join(["tests", *names[:length]]) for length in range(depth, 0, -1))
    return (next((each for each in named if names and each in folders), SHORT),)


def naming_tests(pages: Iterable[str], texts: Mapping[str, str]) -> set[str]:
    """Return the tests whose text names a page. README.md is the name of too many."""
    names = {PurePosixPath(page).name for page in pages if page.endswith(".md")} - {"README.md"}
    return {test for test, text in texts.items() if any(name in text for name in names)}


def client_tests(paths: Mapping[str, str], folders: Collection[str]) -> set[str]:
    """Return the tests of clients and browsers that the changed paths, with their texts, need.

    A page needs those that run its commands, by its marks.
    """
    return {test for path, text in paths.items() for test in _of_clients(path, text, folders)}


def _of_clients(path: str, text: str, folders: Collection[str]) -> Iterator[str]:
    if path.endswith(".md"):
        yield from _MARK.findall(text)
    elif path.startswith(("tests/browser/", "tests/clients/")):
        below = "/".join(path.split("/")[:3])
        yield below if _is_test(below) or below in folders else below.rpartition("/")[0]
    else:
        yield from _listed(path, _CLIENTS)


def _is_test(path: str) -> bool:
    return path.startswith("tests/") and PurePosixPath(path).match("test_*.py")


def _listed(path: str, table: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the tests of the path, or of a folder above it."""
    rows = (tests for name, tests in table.items() if f"{path}/".startswith(f"{name}/"))
    return next(rows, ())


def _git(*words: str) -> list[str]:
    command = ["git", *words]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return [each for each in re.split("[\0\n]", done.stdout) if each]


def _differing() -> set[str]:
    """Return the paths that differ from where this branch left `main`, committed or not."""
    known = _git(
        "for-each-ref", "--format=%(refname)", "refs/remotes/origin/main", "refs/heads/main"
    )
    if not known:
        sys.exit("there is neither origin/main nor main to compare with: git fetch origin main")
    [base] = _git("merge-base", "HEAD", max(known))  # origin's, if it is there
    tracked = _git("diff", "-z", "--name-only", "--no-renames", base)
    return {*tracked, *_git("ls-files", "-z", *_NEW)}


def _modules() -> list[str]:
    return _git("ls-files", "-z", "--cached", *_NEW, "tests/**/test_*.py")


def _folders() -> set[str]:
    return {str(folder) for module in _modules() for folder in PurePosixPath(module).parents}


def _of_quick() -> dict[str, str]:
    """Return the texts of all tests that `make quick` may run."""
    found = [each for each in _modules() if each.split("/")[1] not in _ELSEWHERE]
    return {each: (ROOT / each).read_text("utf-8") for each in found if (ROOT / each).exists()}


def _text(path: str) -> str:
    file = ROOT / path
    is_page = path.endswith(".md") and file.is_file()
    return file.read_text(encoding="utf-8") if is_page else ""


def main(kind: str, short: Sequence[str]) -> None:
    """Print the tests of a kind, `quick` or `clients`. Those of the short suite are given."""
    paths, folders = _differing(), _folders()
    if kind == "clients":
        found = client_tests({path: _text(path) for path in paths}, folders)
    else:
        found = quick_tests(paths, folders) | naming_tests(paths, _of_quick())
        found |= {*short} if SHORT in found else set()
    print(*sorted(each for each in found if (ROOT / each).exists()))


if __name__ == "__main__":
    if sys.argv[1:2] not in [["quick"], ["clients"]]:
        sys.exit("usage: python -m tools.changed quick|clients [TESTS OF THE SHORT SUITE …]")
    main(sys.argv[1], sys.argv[2:])
