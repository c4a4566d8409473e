"""Changes of the section `links`, and of its key files, while the service runs."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from service.config.key_files import new_key
from service.protocols.links import PROTOCOL
from service.protocols.links.settings import LinksValues
from service.protocols.links.share_links import ShareLinks
from service.protocols.links.tickets import LinkKeys
from tests.app.reload.harness import WatchedService, log_messages, put, watching
from tests.app.services.harness import configuration
from tests.protocols.links.factories import EXAMPLE, KEY, OTHER_KEY
from tests.support.waiting import until

TICKET: Final = LinkKeys([KEY]).seal(EXAMPLE)
STORE: Final = "redis://127.0.0.1:9"  # nobody is there
RESTART: Final = "changed, but will take effect only after a restart: "


class Files:
    def __init__(self, directory: Path) -> None:
        self.path = directory / "presign.yaml"
        self.key = directory / "link.key"
        put(self.key, new_key(KEY))

    def configured(self, **links: Any) -> dict[str, Any]:
        server = {"public_url": "https://files.example.com"}
        return configuration(links={"keys": [str(self.key)], **links}, server=server)


@pytest.fixture(name="files")
def _files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Files:
    caplog.set_level(logging.INFO, "service.app.reload")
    return Files(tmp_path)


@asynccontextmanager
async def watched(files: Files, before: dict[str, Any]) -> AsyncIterator[WatchedService]:
    put(files.path, before)
    async with watching(files.path) as service:
        yield service


def in_use(service: WatchedService) -> LinksValues | None:
    values: LinksValues | None = service.harness.services.protocols[PROTOCOL].values
    return values


def opens(service: WatchedService) -> bool:
    settings = in_use(service)
    return settings is not None and settings.keys.open_ticket(TICKET.text) is not None


async def test_a_key_file_that_changes_is_read_again(files: Files) -> None:
    async with watched(files, files.configured()) as service:
        assert opens(service)
        assert await service.outcome(lambda: put(files.key, new_key(OTHER_KEY))) == "ok"
        assert not opens(service)


async def test_an_invalid_key_file_leaves_the_old_key_in_use(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    async with watched(files, files.configured()) as service:
        assert await service.outcome(lambda: put(files.key, "sentinel")) == "failed"
        assert opens(service)
    assert "links.keys.0: write the path of a readable file with a key" in caplog.text
    assert "sentinel" not in caplog.text


async def test_a_link_is_revoked_by_the_file(files: Files) -> None:
    async with watched(files, files.configured()) as service:
        assert await service.changed_to(files.configured(revoked_links=[TICKET.id])) == "ok"
        assert (settings := in_use(service)) is not None
        assert settings.revoked == {TICKET.id}


async def test_without_the_section_there_are_no_links_until_it_is_back(files: Files) -> None:
    async with watched(files, files.configured()) as service:
        service.write(configuration())
        await until(lambda: in_use(service) is None)
        service.write(files.configured())
        await until(lambda: opens(service))


async def test_the_public_address_changes_at_once(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    moved = {**files.configured(), "server": {"public_url": "https://new.example.com"}}
    async with watched(files, files.configured()) as service:
        assert await service.changed_to(moved) == "ok"
        assert (settings := in_use(service)) is not None
        assert settings.url == "https://new.example.com"
        problem = service.harness.problems.problem("forbidden", "No.")
    assert problem["type"] == "https://new.example.com/errors#forbidden"
    assert log_messages(caplog)[1:] == []


async def test_a_section_that_was_not_there_at_the_start_waits(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    async with watched(files, configuration()) as service:
        service.write(files.configured())
        await until(lambda: f"{RESTART}links" in log_messages(caplog))
        assert in_use(service) is None


async def test_a_store_is_opened_at_the_start_only(
    files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    async with watched(files, files.configured()) as service:
        assert await service.changed_to(files.configured(store_url=STORE)) == "ok"
        share_links = service.harness.services.protocols[PROTOCOL]
        assert isinstance(share_links, ShareLinks)
        assert share_links.shared is None
    assert log_messages(caplog)[1:] == [f"{RESTART}links.store_url"]
