"""Callers that are known of one text never change what any other text says."""

from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from hypothesis import example, given
from hypothesis import strategies as st

from service.config.caller_texts import KnownCallers, digests_of
from service.config.expansion import Expander
from service.config.yaml_reader import YamlError, parse

ITEMS: Final = (
    *(
        "- a: 1",
        "- a: 2\n  b: 3",
        "- [a,\n  b]",
        "- {a: 1,\n  c: 2}",
        "- # c\n  a: 1",
        "- a: ${HOME}",
    ),
    *(
        "- 'it\n  s'",
        "- 'x\n- a: 1\n  y'",
        '- "a\n\n  # no\n  b"',
        "- 'x\nb: c'",
        "- |\n  text\n",
        "- b\n  c",
    ),
    *(
        "- a: >-\n    folded\n     - a: 1",
        "- |+\n  text\n\n",
        "- ? a\n  : b",
        "- - c\n  - d",
        "- ",
        "-",
    ),
    *(
        "-\n  a: 1",
        "- &x b",
        "- *x",
        "- R&D",
        "- A & B",
        "- !!str 1",
        '- "\\x24{HOME}"',
        "- !e!a b",
        "- <<: {a: 1}",
        "# c",
    ),
    *(
        "- b\u2028- c",
        "- b\x85  c",
        "\t- a",
        "-\ta",
        "- 'it",
        "  s'",
        "- [a,",
        "  # c",
        "",
        "  ",
        "- a: 1\n  a: 2",
    ),
)
LINES: Final = (
    *(
        "x: 1",
        "x:",
        "x: |",
        "x: 'open",
        "close'",
        "x:\n- a: 1",
        "{",
        "}",
        "[",
        "- 1",
        "b: c'",
        "callers:",
    ),
    *(
        "# c",
        "",
        "  ",
        "...",
        "---",
        "--- 'a",
        "%YAML 1.2",
        "%TAG !e! tag:x,1:",
        "? a",
        ": b",
        "\ufeff",
    ),
)
SECTION: Final = st.sampled_from(
    ["callers:", "callers: # x", "callers: [", '"callers":', "callers: |"]
)


@st.composite
def texts(draw: st.DrawFn, items: st.SearchStrategy[str]) -> str:
    """Return a text that may be a file with callers, and is often a wrong one."""
    some = st.lists(st.sampled_from(LINES), max_size=2)
    indent = draw(st.sampled_from(["", "", "  "]))
    its = "\n".join(draw(st.lists(items, min_size=1, max_size=6))).split("\n")
    ends = draw(st.sampled_from(["", "\n"]))
    lines = [*draw(some), draw(SECTION), *(f"{indent}{each}" for each in its), *draw(some)]
    return "\n".join(lines) + ends


@st.composite
def two_texts(draw: st.DrawFn) -> tuple[str, str]:
    """Return texts that have items in common."""
    common = st.sampled_from(draw(st.lists(st.sampled_from(ITEMS), min_size=1, max_size=4)))
    return draw(texts(common)), draw(texts(common | st.sampled_from(ITEMS)))


def _read(text: str) -> Any:
    """Return the document, or None if it cannot be read."""
    with suppress(YamlError):
        return parse(text)
    return None


@given(changed=two_texts())
@example(changed=("callers:\n- a: 1\n- 'it", "callers:\n- a: 1\n- 'it\n- a: 1\ns'"))
@example(changed=("callers:\n- a: 1", "x: 'open\ncallers:\n- a: 1\nclose'"))
@example(changed=("callers:\n- a: 1", "{\ncallers:\n- a: 1\n}"))
@example(changed=("callers:\n- 'x\nb: c'", "callers:\n- 'x\nb: c'"))
@example(changed=("callers:\n- a: 1", "callers:\n- a: 1\n-"))
@example(changed=("callers:\n- b", "callers:\n- 'x\n- a: 1\n  y'"))
@example(changed=("callers:\n  - a: 1", "callers:\n  - 'it\nb: c'\n  - a: 1"))
def test_known_callers_change_no_document(changed: tuple[str, str]) -> None:
    """What is known of one text, and any other text, give what a reading of the whole gives."""
    before, text = changed
    found = _read(before)
    digests = digests_of(before, found)
    known = {each: found["callers"][at] for at, each in enumerate(digests) if each is not None}
    read = KnownCallers(known).read(text, Expander(Path(), {"HOME": "x"}))
    if read is not None:
        document, again = read
        assert document == Expander(Path(), {"HOME": "x"}).expand(parse(text))
        whole = digests_of(text, parse(text))
        assert all(one in {None, other} for one, other in zip(whole, again, strict=True))
