"""docs/guides: the index, the configurations and the examples. Other tests run the other commands.

`tests/clients` and `tests/browser` run the backends, the workflow and the page of the guides.
"""

import json
import os
import re
import sys
from pathlib import Path
from textwrap import dedent
from typing import Final

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from service.access.callers import grants_of
from service.api.problems import _KINDS
from service.app.builders import caller_entries
from service.app.configuration import issuers_of
from service.app.settings import Settings
from service.auth.tokens import token_of
from service.cli.main import main
from tests.auth.provider_tokens import GITHUB
from tests.clients.toolchains import tool
from tests.docs.documents import Block, blocks, commands, text_of
from tests.support.demo import ROOT, paste
from tools.site_tree import PAGES

INDEX: Final = "docs/guides/README.md"
GUIDES: Final = [page for page in PAGES if page.startswith("docs/guides/") and page != INDEX]
MOST_LINES: Final = 100  # one screen, or little more
CI: Final = "docs/guides/ci-artefacts.md"
EKS: Final = "deploy/helm/README.md"
CONFIGURATIONS: Final = [
    block
    for page in GUIDES
    for block in blocks(page)
    if block.language == "yaml"
    and "buckets:" in block.text
    and not block.text.startswith("# buckets.d/")  # not a whole configuration
]


def place(block: Block) -> str:
    return block.place.removeprefix("docs/guides/")


def test_the_index_links_every_guide_by_its_title() -> None:
    linked = re.findall(r"^\| \[(.+)\]\(([\w-]+\.md)\) \|", text_of(INDEX), re.MULTILINE)
    titles = [(text_of(page).partition("\n")[0], page.rpartition("/")[2]) for page in GUIDES]
    assert sorted((f"# {title}", page) for title, page in linked) == sorted(titles)


@pytest.mark.parametrize("page", GUIDES)
def test_a_guide_has_its_parts_on_one_screen(page: str) -> None:
    assert len(text_of(page).splitlines()) <= MOST_LINES
    headings = re.findall(r"^## (.*)$", text_of(page), re.MULTILINE)
    assert headings[:2] == ["You need", "Steps"]
    assert headings[-1] == "Read on"


@pytest.mark.parametrize("page", [INDEX, *GUIDES])
def test_lines_of_prose_have_at_most_120_characters(page: str) -> None:
    lines = [line for line in text_of(page).splitlines() if not line.lstrip().startswith("|")]
    assert [line for line in lines if len(line) > 120] == []


@pytest.mark.parametrize("page", GUIDES)
def test_every_named_problem_is_one_of_the_service(page: str) -> None:
    named = re.findall(r"\[`(\w+)`\]\(\.\./errors\.md#(\w+)\)", text_of(page))
    assert len(named) == text_of(page).count("errors.md")
    assert {code for code, _ in named} <= _KINDS.keys()
    assert all(code == anchor for code, anchor in named)


@pytest.mark.parametrize("block", CONFIGURATIONS, ids=place)
def test_presign_check_accepts_the_configuration(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "presign.yaml"
    path.write_text(block.text)
    done = CliRunner().invoke(main, ["check", "--offline", "--config", str(path)])
    assert done.exit_code == 0, done.output
    warnings = [line for line in done.output.splitlines() if line.startswith("warning:")]
    if "allow_overwrite: true" in block.text:  # what the page is about
        assert warnings.pop(0).endswith("callers.0.grants.0: allows overwriting objects")
    if "callers:" not in block.text:  # the page shows them elsewhere
        assert warnings.pop(0).endswith("callers: there are none, so nobody may do anything")
    assert warnings == []


def test_no_guide_listens_on_a_port_of_the_demo() -> None:
    of_the_demo = {"8000", "5000", *re.findall(r"PORT=(\d+)", text_of("README.md"))}
    text = "\n".join(each.text for page in GUIDES for each in commands(page))
    of_guides = set(re.findall(r"(?:--port|http\.server .*) (\d+)$", text, re.MULTILINE))
    assert of_guides
    assert not of_guides & of_the_demo


def test_the_request_on_the_page_is_that_of_the_example() -> None:
    [shown] = [b.text for b in blocks("docs/guides/web-page.md") if b.language == "js"]
    program = dedent((ROOT / "examples/upload.html").read_text(encoding="utf-8"))
    assert "".join(f"  {line}\n" for line in shown.splitlines()) in program


# docs/guides/ci-artefacts.md


def ci_settings() -> Settings:
    [shown] = [block.text for block in CONFIGURATIONS if block.page == CI]
    return Settings.model_validate(YAML(typ="safe", pure=True).load(shown))


def prefixes(**changes: str) -> set[str]:
    """Return where a job may write whose token has these claims."""
    entries = caller_entries(ci_settings())
    issuer = issuers_of(ci_settings(), entries)["github"]
    found = token_of({**GITHUB, "exp": 1, "iat": 0, **changes}, issuer)
    assert found is not None
    return {grant.prefix for grant in grants_of(entries, found.identity)}


@pytest.mark.parametrize("repository", ["acme/shop", "acme@1234567/shop@74"])
def test_jobs_of_the_main_branch_get_their_repositorys_prefix(repository: str) -> None:
    assert prefixes(sub=f"repo:{repository}:ref:refs/heads/main") == {"74/"}


@pytest.mark.parametrize(
    "changes",
    [
        {"repository_owner_id": "9", "repository_owner": "acme"},
        {"repository_owner_id": "12345678"},
        {"ref": "refs/heads/other"},
        {"ref": "refs/pull/7/merge", "sub": "repo:acme/shop:pull_request"},
        {"ref": "refs/heads/main/x"},
    ],
)
def test_other_jobs_of_github_get_nothing(changes: dict[str, str]) -> None:
    assert prefixes(**changes) == set()


# deploy/helm/README.md


def test_the_commands_write_the_manifests_and_the_role(tmp_path: Path) -> None:
    tool("jq", "jq")
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    issuer = "https://oidc.eks.us-east-2.amazonaws.com/id/A1B2"
    names = {"ACCOUNT": "444455556666", "REGION": "us-east-2", "BUCKET": "ours", "ISSUER": issuer}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    marked = [each for each in commands(EKS) if each.mark == "run by tests/docs/test_guides.py"]
    printed = [paste(each.text, tmp_path, {"PATH": path, **names}) for each in marked]

    assert "bucket reports: https://ours.s3.us-east-2.amazonaws.com/ in us-east-2" in printed[1]
    assert "arn:aws:iam::444455556666:role/presign-reports" in printed[1]
    trust, sign = (json.loads((tmp_path / f"ours/{n}.json").read_text()) for n in ("trust", "sign"))
    [trusted] = trust["Statement"]
    provider = issuer.removeprefix("https://")
    arn = f"arn:aws:iam::444455556666:oidc-provider/{provider}"
    assert trusted["Principal"] == {"Federated": arn}
    assert "arn:aws:s3:::ours/*" in [each["Resource"] for each in sign["Statement"]]
    for file in (tmp_path / "ours").iterdir():
        assert leftovers(file) == [], file


def leftovers(path: Path) -> list[str]:
    return re.findall(r"111122223333|acme-reports-prod|eu-west-1|EXAMPLED\w+", path.read_text())


def test_every_file_that_the_commands_name_exists() -> None:
    text = "\n".join(each.text for page in [*GUIDES, EKS] for each in commands(page))
    named = set(re.findall(r"\b(?:ours|deploy|examples)/[\w./-]+", text))
    assert len(named) > 5
    named -= set(re.findall(r"> (ours/\S+)", text))  # what they write
    assert [
        each
        for each in named
        if not (ROOT / each.replace("ours/", "deploy/helm/examples/eks/")).exists()
    ] == []
