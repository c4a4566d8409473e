"""Each command on the pages is run by a test, or says why not: CONTRIBUTING.md has the marks."""

import json
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import click
import httpx
import pytest

from presign_client.commands.main import main
from tests.docs.documents import (
    COMMANDS,
    WITH_THE_DEMO,
    Block,
    blocks,
    commands,
    differences,
    run,
    text_of,
)
from tests.support.demo import ROOT, Demo, demo
from tools.site_tree import PAGES

SAY: Final = (
    "put one of these on the line before it: `<!-- run with the demo -->`, "
    "`<!-- run by tests/… -->`, `<!-- not run here: the reason -->` (CONTRIBUTING.md, Documentation)"
)
_ELSEWHERE: Final = re.compile(r"run by (tests/[\w/]+\.py)")
_NOT_HERE: Final = re.compile(r"not run here: (?=.{8})[^<>]+")
# Languages without a mark: they are shown, not typed. Commands must be `sh` or `python`.
SHOWN: Final = frozenset(
    {"", "text", "json", "yaml", "js", "ts", "java", "go", "nginx", "html", "promql", "ini"}
)
OF_A_TOKEN: Final = "/issuer is shown, and not answered"  # the demo's key has none


def is_marked(block: Block) -> bool:
    patterns = (re.escape(WITH_THE_DEMO), _ELSEWHERE, _NOT_HERE)
    return any(re.fullmatch(pattern, block.mark) for pattern in patterns)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_block_has_a_mark(page: str) -> None:
    silent = [block.place for block in commands(page) if not is_marked(block)]
    assert not silent, f"of these blocks nobody knows whether they work: {silent}; {SAY}"


@pytest.mark.parametrize("page", PAGES)
def test_no_command_block_uses_another_language_name(page: str) -> None:
    others = [b.place for b in blocks(page) if b.language not in COMMANDS | SHOWN]
    assert not others, f"write ```sh where these are commands: {others}"
    fences = re.findall(r"^ *```", text_of(page), re.MULTILINE)
    assert len(fences) == 2 * len(blocks(page)), f"{page}: a fence that is not read as one"


def named_elsewhere() -> list[tuple[str, str]]:
    marks = [(block.page, block.mark) for page in PAGES for block in commands(page)]
    return sorted({(page, found[1]) for page, mark in marks if (found := _ELSEWHERE.match(mark))})


@pytest.mark.parametrize(("page", "test"), named_elsewhere())
def test_a_marks_test_exists_and_names_the_page(page: str, test: str) -> None:
    assert (ROOT / test).is_file(), f"{page} names {test}"
    assert page in (ROOT / test).read_text(encoding="utf-8"), f"{test} says nothing of {page}"


RUN_HERE: Final = [p for p in PAGES if any(b.mark == WITH_THE_DEMO for b in commands(p))]


@pytest.fixture(scope="module", name="started")
def _started() -> Iterator[Demo]:
    with demo() as started:
        yield started


@pytest.fixture
def running(started: Demo) -> Demo:
    """The demo without the object that the README creates."""
    url = f"{started.url}/o/demo/hello.txt"
    httpx.delete(url, auth=("x", "demo"), follow_redirects=True, timeout=60).raise_for_status()
    return started


@pytest.mark.parametrize(
    "page",
    [p if p == "README.md" else pytest.param(p, marks=pytest.mark.slow) for p in RUN_HERE],
)
def test_the_commands_of_a_page_give_the_shown_answers(
    page: str, running: Demo, tmp_path: Path
) -> None:
    for block in commands(page):
        if block.mark == WITH_THE_DEMO:
            printed = run(block, running, tmp_path)
            if block.shown is not None:
                found = set(differences(block.shown, json.loads(printed))) - {OF_A_TOKEN}
                assert not found, f"{block.place}: {sorted(found)}"


def test_the_diagnosis_on_the_page_is_what_the_service_gives(running: Demo, tmp_path: Path) -> None:
    """On the page the URL is `…`; here the demo has signed it."""
    [block] = [each for each in commands("docs/troubleshooting.md") if "/v1/diagnoses" in each.text]
    ask = {"bucket": "demo", "key": "hello.txt", "content_type": "text/plain", "content_length": 5}
    with httpx.Client(
        base_url=running.url, headers={"authorization": "Bearer demo"}, timeout=60
    ) as service:
        url = service.post("/v1/upload-urls", json=ask).raise_for_status().json()["url"]
    filled = replace(block, text=block.text.replace('"url": "…"', f'"url": "{url}"'))
    answer = json.loads(run(filled, running, tmp_path))
    assert answer["findings"][:1] == block.shown["findings"]


def test_the_readme_example_stores_and_reads_an_object(running: Demo, tmp_path: Path) -> None:
    [lines] = [block for block in commands("README.md") if block.text.startswith("printf")]
    # An error of the store would appear here too, as XML.
    assert run(lines, running, tmp_path).startswith('hello{"url":"')
    with pytest.raises(AssertionError, match="412"):  # it replaces nothing
        run(lines, running, tmp_path)


def told_to_presign() -> list[tuple[str, str]]:
    """Return each `presign` command line of the blocks."""
    texts = [(page, each.text.replace("\\\n", " ")) for page in PAGES for each in commands(page)]
    line = re.compile(r"^ *(presign [^|<>\n]*)", re.MULTILINE)
    return sorted({(page, each.strip()) for page, text in texts for each in line.findall(text)})


@pytest.mark.parametrize(("page", "line"), told_to_presign())
def test_every_presign_command_accepts_its_documented_options(page: str, line: str) -> None:
    parse(line)


def parse(line: str) -> None:
    """Raise click's error for an unknown command or option. No file is read."""
    words = shlex.split(line, comments=True)[1:]
    context = click.Context(main, **main.context_settings)  # a command keeps the names of its help
    _, command, arguments = main.resolve_command(context, words)
    assert command is not None
    command.make_parser(click.Context(command, parent=context)).parse_args(list(arguments))


def prose(text: str) -> str:
    """Return a page without its blocks."""
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)


def named_in(text: str) -> list[str]:
    """Return the lines of commands in prose: `presign check --live`, and "commands `ls` and `cp`"."""
    spans = re.findall(r"`(presign\s+[a-z][^`|]*)", text)
    of_lists = re.findall(r"\bcommands:? ((?:`[a-z-]+`(?: \([^)]*\))?,?(?:\s(?:and )?)?)+)", text)
    names = [name for each in of_lists for name in re.findall(r"`([a-z-]+)`", each)]
    return [" ".join(each.split()) for each in (*spans, *(f"presign {name}" for name in names))]


def parse_without_values(line: str) -> None:
    """As `parse`. In prose an option may stand without its value."""
    with suppress(click.BadOptionUsage):
        parse(line)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_a_page_names_exists(page: str) -> None:
    for line in named_in(prose(text_of(page))):
        parse_without_values(line)


@pytest.mark.parametrize("page", PAGES)
def test_every_named_make_target_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", text_of(page), re.MULTILINE))
    assert named <= targets


# The checks above detect violations.


@pytest.mark.parametrize(
    "text",
    [
        "Run `presign uploads` first.",
        "Run `presign\ncheck --lively`.",
        "of the service's commands `check`, `init`, `uploads`, `new-key`;",
        "commands: `serve`, `check` (`check/` has a module), `uploads`. Their",
    ],
)
def test_a_command_that_does_not_exist_is_found_in_prose(text: str) -> None:
    with pytest.raises(click.UsageError, match=r"uploads|lively"):
        list(map(parse_without_values, named_in(text)))


def test_a_block_is_parsed_with_mark_line_and_answer(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "Text.\n\n1. One\n\n   <!-- run with the demo -->\n   ```sh\n   echo 1\n   ```\n"
        '   ```json\n   {"a": 1}\n   ```\n\n```sh\necho 2\n```\n'
    )
    first, shown, last = blocks(str(page))
    assert (first.mark, first.line, first.text) == (WITH_THE_DEMO, 6, "echo 1\n")
    assert (first.shown, shown.language) == ({"a": 1}, "json")
    assert (last.mark, last.shown) == ("", None)
    assert [is_marked(each) for each in (first, last)] == [True, False]


@pytest.mark.parametrize("mark", ["", "run", "not run here:", "not run here: no", "run by a test"])
def test_an_empty_mark_is_no_mark(mark: str) -> None:
    assert not is_marked(Block(page="p", line=1, language="sh", mark=mark, text=""))


@pytest.mark.parametrize(
    ("shown", "answer", "found"),
    [
        ({"a": 1}, {"a": 2}, []),
        ({"a": 1}, {"a": "2"}, ["/a is int as shown, and str as answered"]),
        ({"a": 1}, {}, ["/a is shown, and not answered"]),
        ({}, {"a": 1}, ["/a is answered, and not shown"]),
        ({"…": "…"}, {"a": 1}, []),
        (
            {"a": [{"b": 1}]},
            {"a": [{"b": ""}, {}]},
            ["/a/0/b is int as shown, and str as answered"],
        ),
        ([1, 2], [1], [" has 2 items as shown, and 1 as answered"]),
    ],
)
def test_a_different_shape_is_detected(shown: object, answer: object, found: list[str]) -> None:
    assert list(differences(shown, answer)) == found
