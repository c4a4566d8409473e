"""The site of `make docs`: its tree, its navigation, and what its check finds."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.demo import ROOT
from tools import site_tree
from tools.site_check import problems
from tools.site_markdown import for_the_site

SETTINGS: Final = tomllib.loads((ROOT / "docs/zensical.toml").read_text(encoding="utf-8"))
READERS: Final = [
    "Start",
    "Guides",
    "Build",
    "Connect",
    "People",
    "Operate",
    "Reference",
    "Project",
]


def paths(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    else:
        for each in nav.values() if isinstance(nav, dict) else nav:
            yield from paths(each)


def test_the_navigation_has_each_page_once_by_reader() -> None:
    nav = SETTINGS["project"]["nav"]
    assert [name for part in nav for name in part] == READERS
    assert sorted(paths(nav)) == sorted(site_tree.PAGES)


@pytest.fixture(scope="module", name="tree")
def _tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site") / "docs"
    site_tree.write(target)
    return target


@pytest.mark.parametrize("page", [*site_tree.PAGES, "openapi.yaml", "docs/flow.svg"])
def test_pages_and_what_they_link_keep_their_places(tree: Path, page: str) -> None:
    assert (tree / page).is_file()


def test_a_link_to_a_directory_leads_to_its_list(tree: Path) -> None:
    page = (tree / "deploy/helm/README.md").read_text(encoding="utf-8")
    assert "](examples/eks/README.md)" in page
    listing = (tree / "deploy/helm/examples/eks/README.md").read_text(encoding="utf-8")
    assert "- [values.yaml](values.yaml)" in listing
    assert (tree / "deploy/helm/examples/eks/values.yaml").is_file()


def test_the_search_finds_no_list_of_files(tree: Path) -> None:
    listing = (tree / "deploy/helm/examples/eks/README.md").read_text(encoding="utf-8")
    assert listing.startswith("---\nsearch:\n  exclude: true\n---\n# deploy/helm/examples/eks\n")


def test_no_page_links_a_hidden_file(tree: Path) -> None:
    """The generator leaves such files out, so a link to one leads nowhere on the site."""
    assert [str(found) for found in tree.rglob(".*")] == []


def test_the_first_page_has_a_head_of_its_own(tree: Path) -> None:
    assert (tree / "README.md").read_text(encoding="utf-8").startswith("---\ntemplate: home.html\n")
    assert (ROOT / "docs/site/home.html").is_file()


@pytest.mark.parametrize("page", ["docs/threats.md"])
def test_the_search_leaves_out_a_record(tree: Path, page: str) -> None:
    assert (
        (tree / page).read_text(encoding="utf-8").startswith("---\nsearch:\n  exclude: true\n---\n")
    )


def test_the_search_finds_a_page_by_other_words() -> None:
    page = "# Audit\n\n<!-- search: log, trail -->\n\nText\n"
    assert site_tree.searched(page) == "# Audit\n\n<p hidden>log, trail</p>\n\nText\n"


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("a\n- b\n  c", "a\n\n- b\n    c"),
        (
            "1. a\n\n   ```sh\n   b\n    c\n   ```\n2. d",
            "\n1. a\n\n    ```sh\n    b\n     c\n    ```\n\n2. d",
        ),
        ("- a\n  - b\n    c\n\n  d", "\n- a\n    - b\n        c\n\n    d"),
        ("- a\n- b", "\n- a\n- b"),
        ("```text\n- a\n  b\n```", "```text\n- a\n  b\n```"),
        (
            "<!-- tabs -->\n**curl**\n\n```sh\na\n```\n\n**Go**\n\n- b\n<!-- end of tabs -->\nc",
            '=== "curl"\n\n\n    ```sh\n    a\n    ```\n\n\n=== "Go"\n\n\n\n    - b\n\nc',
        ),
        ("<!-- run with the demo -->\n```sh\n<!-- a -->\n```", "\n```sh\n<!-- a -->\n```"),
    ],
)
def test_lists_are_indented_as_the_generator_reads_them(page: str, expected: str) -> None:
    assert for_the_site(page) == expected


def site(directory: Path, body: str, style: str = "") -> Path:
    page = f'<link href="style.css" rel="stylesheet"><div class="md-content" id="top">{body}</div>'
    (directory / "index.html").write_text(page, encoding="utf-8")
    (directory / "style.css").write_text(style, encoding="utf-8")
    return directory


@pytest.mark.parametrize(
    "body",
    [
        '<a href="#top">',
        '<a href="index.html#top">',
        '<a href="https://example.com/elsewhere">',
        '<a href="mailto:a@example.com">',
        '<img src="data:image/png;base64,AA">',
        '<img src="style.css">',
    ],
)
def test_a_link_that_leads_somewhere_is_no_problem(tmp_path: Path, body: str) -> None:
    assert problems(site(tmp_path, body, "a {background: url(data:image/png;base64,AA)}")) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="other.html">', "leads to other.html, which does not exist"),
        ('<a href="index.html#nowhere">', "leads to index.html#nowhere, which has no such heading"),
        ('<a href="#nowhere">', "leads to #nowhere, which has no such heading"),
        ('<img src="no.png">', "leads to no.png, which does not exist"),
        ('<source srcset="style.css 1x, no.png 2x">', "leads to no.png, which does not exist"),
        ('<script src="https://cdn.example/a.js">', "loads https://cdn.example/a.js"),
        ('<script src="//cdn.example/a.js">', "loads //cdn.example/a.js"),
        ('<link href="https://fonts.example/a">', "loads https://fonts.example/a"),
        ('<img src="https://badges.example/a.svg">', "loads https://badges.example/a.svg"),
    ],
)
def test_a_broken_link_or_another_host_is_found(tmp_path: Path, body: str, problem: str) -> None:
    assert problems(site(tmp_path, body)) == [f"index.html: {problem}"]


@pytest.mark.parametrize(
    "style",
    [
        '@import "https://fonts.example/a";',
        "@font-face {src: url('https://fonts.example/a')}",
        "a {background: url(//pictures.example/a)}",
    ],
)
def test_a_style_that_loads_from_another_host_is_found(tmp_path: Path, style: str) -> None:
    [found] = problems(site(tmp_path, "", style))
    assert found.startswith("style.css: loads ")


def test_a_site_without_pages_is_a_problem(tmp_path: Path) -> None:
    assert problems(tmp_path) == [f"{tmp_path} has no pages"]


def test_the_site_has_its_own_style_and_script() -> None:
    project = SETTINGS["project"]
    for path in (*project["extra_css"], *project["extra_javascript"]):
        assert (ROOT / "docs/site" / path).is_file()


def test_the_theme_loads_no_fonts() -> None:
    assert SETTINGS["project"]["theme"]["font"] is False
