import json
import mimetypes
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.content_types import (
    _TYPES,
    essence,
    matches_content_type,
    runs_in_browser,
    suggested_content_type,
)

# The console's tests read the same cases.
CASES: Final = json.loads(
    (Path(__file__).parents[1] / "data" / "content-types.json").read_text(encoding="utf-8")
)
RUNS = [
    *("text/html", "text/xml", "text/xsl", "text/vbscript", "text/jscript", "text/livescript"),
    *("text/javascript", "text/ecmascript", "text/x-javascript", "text/x-ecmascript"),
    *("application/javascript", "application/x-javascript", "application/xml"),
    *("application/ecmascript", "application/x-ecmascript", "application/xhtml+xml"),
    *("application/mathml+xml", "application/rss+xml", "application/anything+xml"),
    *("image/svg+xml", "multipart/x-mixed-replace"),
]
HARMLESS = [
    *("application/json", "application/octet-stream", "application/pdf", "application/zip"),
    *("application/xml-dtd", "image/png", "image/svg", "text/csv", "text/plain", "text/htmlx"),
    "video/mp4",
]


@pytest.mark.parametrize("form", ["{}", "{};charset=utf-8", "{} ; charset=utf-8", " {} ", "{};"])
@pytest.mark.parametrize("name", RUNS)
def test_a_browser_runs(name: str, form: str) -> None:
    assert runs_in_browser(form.format(name))
    assert runs_in_browser(form.format(name.upper()))
    assert runs_in_browser(form.format(name.title()))


@pytest.mark.parametrize("name", HARMLESS)
def test_a_browser_does_not_run(name: str) -> None:
    assert not runs_in_browser(name)
    assert not runs_in_browser(f"{name}; name=text/html")
    assert not runs_in_browser(f'{name}; codecs="a.1, text/html"')


LISTS = [
    *("text/plain,text/html", "text/plain;charset=utf-8,text/html"),
    *("text/plain, text/html;charset=utf-8", "image/png;x=y, image/svg+xml"),
]
INVALID = ['text/"q"plain', '"q"image/png', 'image/png"q"', "", "text"]
SNIFFED = ["application/unknown", "unknown/unknown", "*/*"]  # mimesniff.spec.whatwg.org, 7


@pytest.mark.parametrize("header", LISTS + INVALID + SNIFFED)
def test_browsers_may_run_lists_and_invalid_types(header: str) -> None:
    """fetch.spec.whatwg.org, "extract a MIME type": the last valid type of a list counts."""
    assert runs_in_browser(header)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["pattern"])
def test_a_pattern_matches_types(case: dict[str, Any]) -> None:
    for name in case["matched"]:
        assert matches_content_type(case["pattern"], name)
    for name in case["others"]:
        assert not matches_content_type(case["pattern"], name)


@pytest.mark.parametrize("pattern", ["image/*", "image/png"])
@pytest.mark.parametrize("separator", [",", ", ", ";x=y,"])
def test_a_list_of_types_matches_no_pattern(pattern: str, separator: str) -> None:
    assert not matches_content_type(pattern, f"image/png{separator}text/html")


@given(family=st.sampled_from(["image", "text", "application"]), rest=st.text())
def test_no_wildcard_matches_a_type_that_browsers_run(family: str, rest: str) -> None:
    content_type = f"{family}/{rest}"
    assert not (matches_content_type(f"{family}/*", content_type) and runs_in_browser(content_type))


@given(name=st.sampled_from(RUNS), pattern=st.sampled_from(["text/*", "image/*", "application/*"]))
def test_only_its_exact_name_matches_a_type_that_browsers_run(name: str, pattern: str) -> None:
    assert matches_content_type(name, name)
    assert not matches_content_type(pattern, name)


@pytest.mark.parametrize("header", ["Text/HTML", " text/html ", "text/html ;a=b;c=d", "TEXT/HTML;"])
def test_the_essence_has_no_parameters_and_is_lower_case(header: str) -> None:
    assert essence(header) == "text/html"


@pytest.mark.parametrize(
    ("key", "content_type"),
    [
        ("a/b.pdf", "application/pdf"),
        ("A.PNG", "image/png"),
        ("photo.webp", "image/webp"),
        ("a.tar.gz", "application/gzip"),
        ("a.csv", "text/csv"),
        ("\u00e9 x.json", "application/json"),
        ("data:image/png,a.txt", "text/plain"),
        ("a", None),
        ("a.", None),
        ("a.png/", None),
        ("a.png/b", None),
        ("a/.png", None),
        (".png", None),
        ("a.png\n", None),
        ("a.unknown", None),
        ("", None),
    ],
)
def test_a_key_suggests_the_type_of_its_suffix(key: str, content_type: str | None) -> None:
    assert suggested_content_type(key) == content_type


@pytest.mark.parametrize(
    "suffix",
    ["html", "htm", "xhtml", "svg", "svgz", "xml", "xsl", "js", "mjs", "rss", "wsdl", "shtml"],
)
def test_no_key_suggests_a_type_that_browsers_run(suffix: str) -> None:
    assert suggested_content_type(f"a.{suffix}") is None


def test_the_table_has_none_that_browsers_run_and_is_not_the_machines() -> None:
    assert [name for name in _TYPES.values() if runs_in_browser(name)] == []
    mimetypes.add_type("text/x-of-this-machine", ".ofthismachine")
    assert suggested_content_type("a.ofthismachine") is None
