"""docs/share-links.md: its commands run against a service with a store of uses, and real curl.

So do the commands of two other pages that revoke a link.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from ruamel.yaml import YAML

from service.app.settings import Settings
from service.config.key_files import new_key
from service.protocols.links.settings import LinksSettings
from tests.clients.toolchains import tool
from tests.docs.documents import blocks, commands, section, table, text_of
from tests.end_to_end.linking import Linking, run_linking
from tests.support import stores
from tests.support.demo import paste
from tests.support.service import API_KEY

PAGE: Final = "docs/share-links.md"
PAGES: Final = (PAGE, "docs/guides/share-a-file.md", "docs/client.md")
HERE: Final = "run by tests/docs/test_share_links_page.py"
REPORT: Final = b"%PDF report"
TILE: Final = b"tile"


@pytest.fixture(scope="module", name="links")
def _links(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Linking]:
    for program in ("curl", "wget"):
        tool(program, program)
    rooms = [tmp_path_factory.mktemp(name) for name in ("store", "service")]
    with stores.moto(rooms[0]) as store, run_linking(store, rooms[1]) as running:
        store.put("outgoing/q3.pdf", REPORT)
        store.put("tiles/berlin/7/43/19.png", TILE)
        yield running


def variables(links: Linking) -> dict[str, str]:
    return {
        "LINK": links.address(key="outgoing/q3.pdf", filename="Q3.pdf"),
        "LINK_ID": links.create(key="outgoing/q3.pdf")[1],
        "TILES": links.address(prefix="tiles/berlin/"),
        "BOX": links.address(prefix="inbox/smith/", operations=["upload"]),
        "PRESIGN_URL": str(links.client.base_url).rstrip("/"),
        "PRESIGN_TOKEN": API_KEY,
    }


def run_here(text: str, links: Linking, directory: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    paste(text, directory, {"PATH": path, **variables(links)})


def test_the_commands_of_the_pages_work(links: Linking, tmp_path: Path) -> None:
    for name in ("scan.pdf", "more.pdf"):
        (tmp_path / name).write_bytes(name.encode())
    ran = [each for page in PAGES for each in commands(page) if each.mark == HERE]
    for block in ran:
        run_here(block.text, links, tmp_path)
    assert len(ran) == 6
    assert (tmp_path / "19.png").read_bytes() == TILE
    assert (tmp_path / "q3.pdf").read_bytes() == (tmp_path / "Q3.pdf").read_bytes() == REPORT
    assert (tmp_path / "link.key").stat().st_mode & 0o077 == 0
    listed = links.store.admin_client().list_objects_v2(
        Bucket=links.store.bucket, Prefix="inbox/smith/"
    )
    names = sorted(each["Key"].rpartition(" ")[2] for each in listed["Contents"])
    assert names == ["more.pdf", "scan.pdf", "scan.pdf"]


def test_the_configuration_on_the_page_is_valid(tmp_path: Path) -> None:
    [shown] = [block.text for block in blocks(PAGE) if block.language == "yaml"]
    configuration = YAML(typ="safe", pure=True).load(shown)
    (tmp_path / "link.key").write_text(new_key(b"k" * 32))
    assert configuration["links"].keys() == LinksSettings.model_fields.keys()
    configuration["links"]["keys"] = [str(tmp_path / "link.key")]
    bucket = {"region": "eu-west-1", "credentials": "static"}
    assert Settings.model_validate({"buckets": {"reports": bucket}, **configuration}).links


def test_every_field_of_a_new_link_is_on_the_page() -> None:
    rows = table(section(PAGE, "Make a link").partition("\n### ")[0])[2:]
    documented = {name.strip(" `") for row in rows for name in row[0].split(",")}
    schemas = YAML(typ="safe", pure=True).load(text_of("openapi.yaml"))["components"]["schemas"]
    assert documented == set(schemas["NewLinkRequest"]["properties"])
