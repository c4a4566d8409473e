"""A form of `AssumeRoleWithWebIdentity`, and what is read of its answer."""

from collections.abc import Mapping
from typing import Any, Final
from xml.etree.ElementTree import fromstring

import httpx

from service.app.settings import Settings
from tests.support.app import API_KEY, make_app_settings

STS: Final = "{https://sts.amazonaws.com/doc/2011-06-15/}"
GRANT: Final = {"bucket": "demo", "prefix": "a/", "allow": ["download", "list", "credentials"]}


def make_sts_settings(**more: Any) -> Settings:
    return make_app_settings(GRANT, sts=True, **more)


def make_form(**changed: str | None) -> dict[str, str]:
    """A form that is answered, unless it is changed. None removes a parameter."""
    form: Mapping[str, str | None] = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": "arn:aws:iam::000000000000:role/demo",
        "RoleSessionName": "botocore-session-1",
        "WebIdentityToken": API_KEY,
        **changed,
    }
    return {name: value for name, value in form.items() if value is not None}


async def assume(client: httpx.AsyncClient, **changed: str | None) -> httpx.Response:
    return await client.post("/sts", data=make_form(**changed))


def text_of(answer: httpx.Response, name: str) -> str | None:
    """The text of the element. Checks the headers of every answer."""
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert "www-authenticate" not in answer.headers
    document = fromstring(answer.content)
    assert document.findtext(f".//{STS}RequestId") == answer.headers["x-request-id"]
    return document.findtext(f".//{STS}{name}")


def refusal(answer: httpx.Response) -> tuple[int, str | None, str | None]:
    """Status, code and whose fault it is. The answer has nothing else of the caller."""
    assert API_KEY not in answer.text
    return answer.status_code, text_of(answer, "Code"), text_of(answer, "Type")
