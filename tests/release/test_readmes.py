"""The pages of the packages, as an index shows them: each link and picture has a whole address."""

import json
import re
import tarfile
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from release import __main__ as command
from release.packages import npm_package, python_packages
from release.readmes import PAGES, absolute, repository, write_absolute
from release.version import ROOT, NoRelease, current
from tests.release.building import copied, shown_page, targets

ADDRESS: Final = "https://git.example/acme/presign"
SERVICE: Final = "presign_server"
CLIENT: Final = "presign_client"
OF_NPM: Final = "npm"
_URLS: Final = re.compile(r"^\[project\.urls\]\n(?:[^\[].*\n|\n)*", re.MULTILINE)


def with_address(source: Path, address: str | None = ADDRESS) -> Path:
    """Write the address, or none, where the owner does."""
    for path in (source / "pyproject.toml", source / "client" / "pyproject.toml"):
        text = _URLS.sub("", path.read_text())
        path.write_text(f'{text}\n[project.urls]\nRepository = "{address}"\n' if address else text)
    package = source / "client" / "js" / "package.json"
    named = {"type": "git", "url": f"git+{address}.git"} if address else None
    package.write_text(json.dumps({**json.loads(package.read_text()), "repository": named}))
    return source


def pages_of(source: Path, out: Path) -> dict[str, str]:
    """Build the packages, and return the pages in their metadata."""
    out.mkdir()
    python_packages(source, out, {})
    npm_package(source, out, {})
    found = {}
    for name in (SERVICE, CLIENT):
        stem = f"{name}-{current()}"
        found[name] = shown_page(out / f"{stem}-py3-none-any.whl")
    with tarfile.open(out / f"presign-client-{current()}.tgz") as package:
        readme = package.extractfile("package/README.md")
        assert readme is not None
        found[OF_NPM] = readme.read().decode()
    return found


@pytest.mark.parametrize("has_address", [True, False])
def test_no_page_of_an_index_has_a_relative_link(tmp_path: Path, *, has_address: bool) -> None:
    source = with_address(copied(tmp_path / "source"), ADDRESS if has_address else None)
    write_absolute(source, current())

    pages = pages_of(source, tmp_path / "out")

    found = {name: [*targets(page)] for name, page in pages.items()}
    relative = [each for all_of in found.values() for each in all_of if not urlsplit(each).scheme]
    assert relative == []
    ours = {
        name: sum(each.startswith(f"{ADDRESS}/") for each in each_of)
        for name, each_of in found.items()
    }
    assert (min(ours.values()) > 0) is has_address
    assert (ours[SERVICE] > 90) is has_address


def test_links_lead_to_the_tag_and_pictures_to_their_bytes() -> None:
    text = "[a](docs/calls.md#links) ![b](docs/flow.svg) [c](docs) [d](#e) [f](https://f.example)"
    assert absolute(ROOT, "README.md", text, ADDRESS, "0.2.0") == (
        f"[a]({ADDRESS}/blob/v0.2.0/docs/calls.md#links) ![b]({ADDRESS}/raw/v0.2.0/docs/flow.svg) "
        f"[c]({ADDRESS}/tree/v0.2.0/docs) [d]({ADDRESS}/blob/v0.2.0/README.md#e) "
        "[f](https://f.example)"
    )
    below = absolute(ROOT, "client/README.md", "[a](../docs/calls.md)", ADDRESS, "0.2.0")
    assert below == f"[a]({ADDRESS}/blob/v0.2.0/docs/calls.md)"


def test_without_an_address_the_text_of_links_stays() -> None:
    text = '<picture>\n  <img src="docs/flow.svg">\n</picture>\n\n[a\nb](docs/calls.md) ![c](d.png)'
    assert absolute(ROOT, "README.md", text, None, "0.2.0") == "a\nb c"


def test_a_dead_link_is_refused() -> None:
    with pytest.raises(NoRelease, match=r"README\.md leads to docs/none\.md, which"):
        absolute(ROOT, "README.md", "[a](docs/none.md)", ADDRESS, "0.2.0")


@pytest.mark.parametrize("page", PAGES)
def test_each_page_has_all_of_its_links(page: str) -> None:
    text = (ROOT / page).read_text()
    whole = absolute(ROOT, page, text, ADDRESS, current())
    assert len([*targets(whole)]) == len([*targets(text)]) > 0


def test_the_owner_writes_one_address_in_three_files(tmp_path: Path) -> None:
    source = copied(tmp_path / "source")
    assert repository(ROOT) == repository(source)
    assert repository(with_address(source)) == ADDRESS
    path = source / "client" / "pyproject.toml"
    path.write_text(path.read_text().replace(ADDRESS, f"{ADDRESS}-client"))
    with pytest.raises(NoRelease, match=r"client/pyproject\.toml: \S+/presign-client"):
        repository(source)


def test_a_release_says_that_links_are_left_out(tmp_path: Path) -> None:
    source = copied(tmp_path / "source")
    assert command.without_links(with_address(source)) == []
    assert command.without_links(with_address(source, None)) == [
        "the packages' pages have no links: write `Repository` into [project.urls]"
    ]
