"""`/errors`, and the `type` of problems, which leads there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin

import httpx
import pytest

from service.api.problems import _KINDS, Problems
from service.server.error_response import ErrorResponses
from tests.api.refusals import GET
from tests.support.app import make_app_settings, make_open_grant, run_app

SERVICE: Final = Path(__file__).parents[2] / "service"
# What operators read. They have the pages; callers have `/errors`.
OF_OPERATORS: Final = frozenset({"cli", "config", "demo", "operations"})
PUBLIC_URL: Final = "https://acme.com/presign"
ERRORS: Final = f"{PUBLIC_URL}/errors"


async def test_the_page_has_an_anchor_for_each_code(client: httpx.AsyncClient) -> None:
    answer = await client.get("/errors", headers={"Authorization": ""})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert set(re.findall(r'<h2 id="([a-z_]+)">', answer.text)) == set(_KINDS)
    assert answer.text.count("<h1>") == 1
    assert "<td><code>request_id</code></td>" in answer.text


async def test_the_type_of_a_problem_leads_to_its_section(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/download-urls", json={})
    target = urljoin(str(answer.url), answer.json()["type"])
    page = await client.get(target)
    assert f'<h2 id="{target.partition("#")[2]}">' in page.text


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "/v1/download-urls", {}, "invalid_request"),
        ("GET", "/v1/unknown", None, "not_found"),
        ("GET", "/o/closed/a", None, "forbidden"),
    ],
)
async def test_every_type_begins_with_the_public_address(
    method: str, path: str, body: Any, code: str
) -> None:
    settings = make_app_settings(make_open_grant(), server={"public_url": f"{PUBLIC_URL}/"})
    async with run_app(settings) as client:
        answer = await client.request(method, path, json=body)
        batch = {"items": [{**GET, "bucket": "closed"}]}
        refused = (await client.post("/v1/download-urls/batch", json=batch)).json()["results"][0]
    assert answer.json()["type"] == f"{ERRORS}#{code}"
    assert refused["problem"]["type"] == f"{ERRORS}#forbidden"


def test_so_do_those_that_the_protocol_sends() -> None:
    responses = ErrorResponses(Problems(PUBLIC_URL), cors=None)
    answer = responses.response("malformed_request", "No.", None, received=[], defaults=[])
    assert f'"type":"{ERRORS}#malformed_request"'.encode() in answer


@pytest.mark.parametrize("url", ["docs/errors", "ftp://a/errors", "https://a/errors#x", "/e"])
def test_the_public_address_has_no_fragment(url: str) -> None:
    with pytest.raises(ValueError, match="write a URL"):
        make_app_settings(make_open_grant(), server={"public_url": url})


def texts_of(tree: ast.AST) -> Iterator[str]:
    """The texts of a module that are no docstrings."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            yield str(node.value)


def test_no_error_names_a_page_that_callers_do_not_have() -> None:
    named = {
        text
        for path in SERVICE.rglob("*.py")
        if path.relative_to(SERVICE).parts[0] not in OF_OPERATORS and path.name != "check.py"
        for text in texts_of(ast.parse(path.read_text(encoding="utf-8")))
        if re.search(r"docs/|[a-z]\.md\b", text)
    }
    assert named == {"docs/errors.md"}  # which `/errors` is made of
