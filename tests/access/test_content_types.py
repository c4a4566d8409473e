import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.content_types import essence, matches_content_type, runs_in_browser

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


@pytest.mark.parametrize(
    "header",
    [
        "text/plain,text/html",
        "text/plain;charset=utf-8,text/html",
        "text/plain, text/html;charset=utf-8",
        "image/png;x=y, image/svg+xml",
    ],
)
def test_browsers_run_the_last_of_several_types(header: str) -> None:
    """fetch.spec.whatwg.org, "extract a MIME type": the last valid type of the list counts."""
    assert runs_in_browser(header)


@pytest.mark.parametrize(
    ("pattern", "content_type", "expected"),
    [
        ("image/png", "image/png", True),
        ("image/png", "IMAGE/PNG", True),
        ("IMAGE/PNG", "image/png", True),
        ("image/png", "image/png; q=1", True),
        ("image/png", "image/pngx", False),
        ("image/png", "image/jpeg", False),
        ("image/png", "image/*", False),
        ("image/*", "image/png", True),
        ("video/*", 'video/mp4; codecs="avc1.42E01E, mp4a.40.2"', True),
        ("Image/*", "IMAGE/PNG; q=1", True),
        ("image/*", "image", False),
        ("image/*", "imagex/png", False),
        ("image/*", "text/plain", False),
        ("image/*", "image/svg+xml", False),
        ("image/*", "image/SVG+XML; charset=utf-8", False),
        ("image/svg+xml", "image/svg+xml", True),
        ("image/svg+xml", "Image/Svg+Xml; charset=utf-8", True),
        ("text/*", "text/plain", True),
        ("text/*", "text/html", False),
        ("text/*", "text/xml", False),
        ("text/*", "text/javascript", False),
        ("text/html", "text/html;charset=utf-8", True),
        ("application/*", "application/xhtml+xml", False),
        ("application/*", "application/atom+xml", False),
        ("*/*", "image/png", False),
    ],
)
def test_a_pattern_matches_a_type(pattern: str, content_type: str, *, expected: bool) -> None:
    assert matches_content_type(pattern, content_type) is expected


@pytest.mark.parametrize("pattern", ["image/*", "image/png"])
@pytest.mark.parametrize(
    "content_type", ["image/png,text/html", "image/png;x=y,text/html", "image/png, text/html"]
)
def test_a_list_of_types_matches_no_pattern(pattern: str, content_type: str) -> None:
    assert not matches_content_type(pattern, content_type)


@pytest.mark.parametrize("content_type", ["image/", "image/a b", "image/<html>", "image/a/b"])
def test_wildcards_match_no_invalid_type(content_type: str) -> None:
    """mimesniff.spec.whatwg.org: without a valid type, browsers run what looks like HTML."""
    assert not matches_content_type("image/*", content_type)


@pytest.mark.parametrize(
    "header",
    [
        *('text/"q"plain', '"q"image/png', 'image/png"q"', "", "text"),
        *("application/unknown", "unknown/unknown", "*/*"),  # mimesniff.spec.whatwg.org, 7
    ],
)
def test_browsers_may_run_invalid_types(header: str) -> None:
    assert runs_in_browser(header)


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
