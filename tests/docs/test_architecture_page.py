"""docs/architecture.md: no room of the code is missing on it, and none is there that is not."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from service.sessions.attempts import ATTEMPT_SECONDS
from service.sessions.pool import MAX_SESSIONS
from service.sessions.refresh_policy import REFRESH_MARGIN, earliest_refresh_remaining
from tests.docs.documents import text_of
from tests.support.demo import ROOT

PAGE: Final = text_of("docs/architecture.md")
PROSE: Final = " ".join(PAGE.split())
SERVICE: Final = ROOT / "service"
MAP: Final = PAGE.partition("\n## The map\n")[2]


def rows() -> Iterator[list[str]]:
    """Of the map: the files and rooms of a row, the first of which says where the others are."""
    for line in MAP.splitlines():
        if line.startswith("| `service/"):
            yield re.findall(r"`([\w/]+(?:\.py|/))`", line)


def mapped() -> Iterator[Path]:
    for first, *others in rows():
        room = ROOT / first
        yield room
        for name in others:
            beside = room / name if room.is_dir() else SERVICE / name
            yield beside if beside.exists() else SERVICE / name


def rooms() -> list[Path]:
    """What stands directly under `service`, but for what every package has."""
    modules = [path for path in SERVICE.glob("*.py") if not path.name.startswith("__")]
    packages = [path.parent for path in SERVICE.glob("*/__init__.py")]
    return sorted([*modules, *packages])


@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.name)
def test_every_room_is_on_the_map(room: Path) -> None:
    assert room in set(mapped())


@pytest.mark.parametrize("path", sorted(set(mapped())), ids=str)
def test_what_the_map_names_is_there(path: Path) -> None:
    assert path.exists()


def test_the_way_of_a_request_leads_past_the_files_that_it_names() -> None:
    way = PAGE.partition("## The way of a request\n")[2].partition("\n## ")[0]
    named = re.findall(r"\[[^]]*\]\(\.\./(service/[^)]*)\)", way)
    assert len(named) >= 15
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(tests/[\w/]+\.py)`", PAGE))))
def test_a_test_that_the_page_names_is_there(name: str) -> None:
    assert (ROOT / name).is_file()


def test_the_numbers_of_the_page_are_the_services() -> None:
    assert f"{ATTEMPT_SECONDS:g} s at most" in PROSE
    assert f"{MAX_SESSIONS:,} that were used later" in PROSE
    assert REFRESH_MARGIN == 60, "a minute"
    assert earliest_refresh_remaining(3600) == 2400, "not before a third of it has passed"
