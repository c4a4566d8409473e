"""Where the files of a drop box go: each visitor has a folder, and nothing is replaced."""

import re
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import httpx
import pytest

from tests.protocols.links.visitor import BROWSER, Visitor, code, run_visitor, target

DAY: Final = 24 * 3600
FILE: Final = {"name": "contract.pdf", "content_length": 5}


def visit_of(page: httpx.Response) -> str:
    found = re.search(r'data-visit="([^"]+)"', page.text)
    assert found is not None
    return found[1]


async def send(visitor: Visitor, path: str, **file: Any) -> tuple[str, dict[str, str]]:
    """Return the key that a file gets, and the headers to send."""
    answer = await visitor.send("POST", path, json=FILE | file)
    assert answer.status_code == 200, answer.text
    signed = answer.json()
    return unquote(urlsplit(signed["url"]).path)[1:], signed["headers"]


async def test_the_files_of_one_visit_share_a_folder(visitor: Visitor) -> None:
    path = visitor.drop_box()
    visits = [visit_of(await visitor.send("GET", path, BROWSER)) for _ in range(2)]
    first, headers = await send(visitor, path, visit=visits[0])
    second, _ = await send(visitor, path, visit=visits[0], name="annex.pdf")
    other, _ = await send(visitor, path, visit=visits[1])
    assert re.fullmatch(r"in/[0-9a-f]{12}/\d{4}-\d\d-\d\d contract\.pdf", first)
    assert first.rpartition("/")[0] == second.rpartition("/")[0] != other.rpartition("/")[0]
    assert headers["if-none-match"] == "*"  # a second file of this name is refused


async def test_a_visitor_chooses_no_folder(visitor: Visitor) -> None:
    path, other = visitor.drop_box(), visitor.drop_box(key="else/", salt=b"t" * 6)
    visit = visit_of(await visitor.send("GET", path, BROWSER))
    foreign = visit_of(await visitor.send("GET", other, BROWSER))
    changed = "0" * 12 + visit[12:]
    of_another_day = f"{visit[:12]}.2020-01-01.{visit[-16:]}"
    forged = f"{'0' * 12}.2026-12-01.{'A' * 16}"
    for wrong in (foreign, changed, of_another_day, visit[:-1], "../../secret", forged):
        answer = await visitor.send("POST", path, json=FILE | {"visit": wrong})
        assert code(answer) == (422, "invalid_request")
        assert "visit" in answer.json()["errors"][0]["pointer"]


async def test_a_page_from_before_visits_had_a_day_must_be_loaded_again(visitor: Visitor) -> None:
    path = visitor.drop_box()
    ticket = visitor.keys.open_ticket(path.removeprefix("/l/"))
    assert ticket is not None
    answer = await visitor.send(
        "POST", path, json=FILE | {"visit": visitor.keys.visit_of(ticket.id, "0" * 12)}
    )
    assert code(answer) == (422, "invalid_request")
    assert answer.json()["errors"][0]["detail"] == "Load the page of the drop box again."


async def test_the_senders_name_is_part_of_the_folder(visitor: Visitor) -> None:
    path = visitor.drop_box()
    visit = visit_of(await visitor.send("GET", path, BROWSER))
    other = visit_of(await visitor.send("GET", path, BROWSER))
    first, headers = await send(visitor, path, visit=visit, sender="  Ann Sm\u00edth ")
    second, _ = await send(visitor, path, visit=visit, sender="Ann Sm\u00edth", name="annex.pdf")
    same_name, _ = await send(visitor, path, visit=other, sender="Ann Sm\u00edth")
    day = r"\d{4}-\d\d-\d\d"
    assert re.fullmatch(rf"in/{day} Ann Sm\u00edth {visit[:12]}/{day} contract\.pdf", first)
    assert first.rpartition("/")[0] == second.rpartition("/")[0]
    assert same_name == first.replace(visit[:12], other[:12])
    assert headers["if-none-match"] == "*"
    unproven, _ = await send(visitor, path, sender="Ann Sm\u00edth")
    assert re.fullmatch(rf"in/{day} Ann Sm\u00edth [0-9a-f]{{32}}/{day} contract\.pdf", unproven)


async def test_a_visit_has_one_folder_after_midnight(visitor: Visitor) -> None:
    path = visitor.drop_box(expires_at=int(visitor.clock.wall()) + 3 * DAY)
    visit = visit_of(await visitor.send("GET", path, BROWSER))
    first, _ = await send(visitor, path, visit=visit, sender="Ann")
    visitor.clock.moved += DAY
    second, _ = await send(visitor, path, visit=visit, sender="Ann")
    assert first.rpartition("/")[0] == second.rpartition("/")[0]
    assert first != second  # each file has the day on which it came


@pytest.mark.parametrize(
    "sender", ["a/b", "a\\b", "..\\..", "a\nb", "\x00", "\x9f", "\u202egpj", "\u2066x", "\u2028", " ", "", "x" * 61]
)  # fmt: skip
async def test_no_senders_name_makes_or_hides_a_path(visitor: Visitor, sender: str) -> None:
    path = visitor.drop_box()
    visit = visit_of(await visitor.send("GET", path, BROWSER))
    answer = await visitor.send("POST", path, json=FILE | {"visit": visit, "sender": sender})
    assert code(answer) == (422, "invalid_request")
    assert answer.json()["errors"][0]["pointer"] == "#/sender"


async def test_dots_of_a_senders_name_do_not_climb(visitor: Visitor) -> None:
    key, _ = await send(visitor, visitor.drop_box(), sender="..")
    assert re.fullmatch(r"in/\S+ __ [0-9a-f]{32}/[^/]+", key)


@pytest.mark.parametrize("name", ["../../x", "a/b", "\x00", "..", "/", "\u202egpj.exe"])
async def test_no_name_leaves_the_folder(visitor: Visitor, name: str) -> None:
    path = visitor.drop_box()
    visit = visit_of(await visitor.send("GET", path, BROWSER))
    key, _ = await send(visitor, path, visit=visit, name=name)
    assert key.startswith(f"in/{visit[:12]}/")
    assert key.count("/") == 2


async def test_a_name_of_255_bytes_keeps_its_ending(visitor: Visitor) -> None:
    key, _ = await send(visitor, visitor.drop_box(), name="x" * 251 + ".pdf")
    name = key.rpartition("/")[2]
    assert len(name.encode()) == 255
    assert name.endswith("x.pdf")


async def test_without_a_visit_each_file_has_a_folder(visitor: Visitor) -> None:
    path = visitor.drop_box()
    keys = {(await send(visitor, path))[0] for _ in range(3)}
    assert len(keys) == 3
    headers = {"Content-Length": "5"}
    keys.add(target(await visitor.send("PUT", f"{path}/contract.pdf", headers))[0][1:])
    # Nothing else keeps these from being replaced: a random name of 128 bits does.
    assert all(re.fullmatch(r"in/[0-9a-f]{32}/\S+ contract\.pdf", key) for key in keys)


async def test_without_conditional_writes_each_file_has_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with run_visitor(tmp_path, conditional_writes=False) as visitor:
        path = visitor.drop_box()
        visit = visit_of(await visitor.send("GET", path, BROWSER))
        sent = [await send(visitor, path, visit=visit) for _ in range(2)]
    assert sent[0][0] != sent[1][0]
    assert len(sent[0][0].split("/")[1]) == 32
    assert all("if-none-match" not in headers for _, headers in sent)


async def test_the_page_says_who_asks_and_for_what(visitor: Visitor) -> None:
    path = visitor.drop_box(label="<b>Ann</b> & Co", message="Two files,\nplease")
    page = (await visitor.send("GET", path, BROWSER)).text
    assert "Your files go to <bdi>&lt;b&gt;Ann&lt;/b&gt; &amp; Co</bdi>." in page
    assert "<bdi>Two files,\nplease</bdi>" in page
    assert re.search(
        r'until <time datetime="[0-9T:-]+Z">\d+ \w+ 20\d\d, \d\d:\d\d UTC</time>', page
    )
    plain = (await visitor.send("GET", visitor.drop_box(), BROWSER)).text
    assert "Your files go to <bdi>the owner of this link</bdi>." in plain
