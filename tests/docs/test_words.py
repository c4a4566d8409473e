"""Docs, comments, docstrings and messages are plain English: no word of `WORDS` is in them."""

import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
EXCLUDED: Final = ("service/console/page/lean_qr.js",)  # which is not ours
PATTERNS: Final = (
    "*.md",
    "docs/**/*.md",
    "deploy/**/*.*",
    "examples/*.*",
    "openapi.yaml",
    "presign.example.yaml",
    "docker-compose.yml",
    "Dockerfile",
    "Makefile",
    "pyproject.toml",
    "client/**/*.*",
    "service/**/*.*",
)
SUFFIXES: Final = frozenset(
    {"", ".md", ".toml", ".yaml", ".yml", ".conf", ".json", ".py", ".mjs", ".js", ".html", ".css"}
)
# A word to avoid, as a regular expression, and what to write instead.
WORDS: Final = {
    r"affair": "name who does it",
    r"anew": "again",
    r"as ever": "still",
    r"at fault|faults?": "error",
    r"be had|was had|were had": "be fetched, be available",
    r"beside": "next to, in addition to",
    r"but for": "except",
    r"but with": "except that, with",
    r"by heart": "cache",
    r"dear|dearer": "expensive",
    r"good no more": "no longer valid",
    r"(?:has|have|had) over": "exceeds, is larger than",
    r"in turns": "alternately",
    r"judg(?:es?|ed|ing)": "check, decide",
    r"knows? no": "has no, does not support",
    r"let(?:s|ting)? go": "drop, abort, release",
    r"lest": "so that ... not",
    r"mend(?:s|ed|ing)?": "fix",
    r"nobody's|no one's": "of no caller",
    r"one's own": "your own, dedicated",
    r"ought": "should",
    r"parted by": "separated by",
    r"reckon(?:s|ed|ing)?": "count, compute",
    r"shall": "must, will",
    r"stands?(?! (?:for|in for)\b)": "is, exists",
    r"suffices?": "is enough",
    r"the begin": "the start",
    r"the way there": "the path to it",
    r"to the letter": "exactly",
    r"told": "reported, returned",
    r"under way": "in progress",
    r"uploads? in parts": "multipart upload",
    r"(?:its|their|whose|store's|STS's) words": "message",
    r"who asks": "the caller",
    r"whoever|whomever": "anyone who, the caller that",
    r"whom": "which",
    r"wish(?:es|ed)?": "request",
}
# As above, for the contract: generated clients show its descriptions in their own documentation.
WORDS_OF_THE_CONTRACT: Final = {
    r"amiss": "wrong",
    r"anybody|nobody": "anyone, no caller",
    r"as it is|as they are": "unchanged",
    r"as none": "is treated as absent",
    r"as of a": "like a",
    r"ask(?:s|ed)? for": "request",
    r"(?:[,;] )else": "otherwise",
    r"give(?:s|n)? up": "abort",
    r"in place of": "instead of",
    r"insist(?:s|ed)?": "require",
    r"is no more": "was aborted",
    r"is there": "exists",
    r"is to (?:be|have|work|answer)": "must, requested",
    r"left out": "Default: ...",
    r"tells?": "return, send",
}


def pattern(words: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(rf"\b(?:{each})\b" for each in words), re.IGNORECASE)


WORD: Final = pattern(WORDS)
WORD_OF_THE_CONTRACT: Final = pattern([*WORDS, *WORDS_OF_THE_CONTRACT])
CONTRACT: Final = "openapi.yaml"
CODE_OR_LINK: Final = re.compile(r"`[^`]*`|\]\([^)]*\)|https?://\S+")
# Comments and literals of JavaScript and CSS.
SCRIPT_TEXT: Final = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`", re.DOTALL
)
PYTHON_TEXT: Final = frozenset({"COMMENT", "STRING", "FSTRING_MIDDLE"})


def texts(path: str, source: str) -> Iterator[tuple[int, str]]:
    """Line numbers and text: all of a page, the comments and literals of code."""
    if path.endswith(".py"):
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if tokenize.tok_name[token.type] in PYTHON_TEXT:
                yield token.start[0], token.string
    elif path.endswith((".js", ".mjs", ".css")):
        for found in SCRIPT_TEXT.finditer(source):
            yield source.count("\n", 0, found.start()) + 1, found[0].strip("`")
    else:
        yield 1, source


def odd_words(path: str, source: str) -> Iterator[str]:
    odd = WORD_OF_THE_CONTRACT if path == CONTRACT else WORD
    for start, text in texts(path, source):
        for number, line in enumerate(text.split("\n"), start):
            for found in odd.finditer(CODE_OR_LINK.sub("", line)):
                yield f"{path}:{number}: {found[0]}"


def files() -> Iterator[Path]:
    for pattern in PATTERNS:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            is_excluded = any(name == each or name.startswith(f"{each}/") for each in EXCLUDED)
            if path.is_file() and path.suffix in SUFFIXES and not is_excluded:
                yield path


def test_no_word_to_avoid_is_used() -> None:
    read = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in files()}
    assert len(read) > 50
    found = [each for path, source in read.items() for each in odd_words(path, source)]
    assert not found, "\n".join(["See WORDS in tests/docs/test_words.py:", *found])


@pytest.mark.parametrize(
    ("path", "source", "found"),
    [
        ("a.md", "fine\nThe store told\nus `told` [x](told.md)", ["2: told"]),
        (
            "a.py",
            'told = 1\n"""A\nwish."""\nx = f"anew {y}"  # lest',
            ["3: wish", "4: anew", "4: lest"],
        ),
        ("a.py", "stands = 1  # stands for", []),
        (
            "a.js",
            "const told = 'Whoever';\n/* a\ndear */ `lest`",
            ["1: Whoever", "3: dear", "3: lest"],
        ),
        ("a.html", "<p>\nThe begin</p>", ["2: The begin"]),
        ("a.yaml", "Left out, none is told", ["1: told"]),
        ("openapi.yaml", "Left out, none is\ntold", ["1: Left out", "2: told"]),
    ],
)
def test_words_are_found_in_text_and_not_in_code(path: str, source: str, found: list[str]) -> None:
    assert list(odd_words(path, source)) == [f"{path}:{each}" for each in found]
