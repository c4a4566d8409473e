"""Serves openapi.yaml, also as JSON."""

import asyncio
import json
from functools import cache
from threading import Lock
from typing import Final

from fastapi import APIRouter, Request, Response

from service.api.packaged import read_packaged
from service.api.public_text import PublicText
from service.config.yaml_reader import parse

router = APIRouter(include_in_schema=False)

_METHODS: Final = ["GET", "HEAD"]
_converting = Lock()


# The first request converts or compresses the document, which takes milliseconds.
@router.api_route("/openapi.yaml", methods=_METHODS)
async def openapi_yaml(request: Request) -> Response:
    return (await asyncio.to_thread(_yaml)).response(request)


@router.api_route("/openapi.json", methods=_METHODS)
async def openapi_json(request: Request) -> Response:
    return (await asyncio.to_thread(_json)).response(request)


@cache
def _yaml() -> PublicText:
    return PublicText(read_packaged("openapi.yaml").encode(), "application/yaml")


def _json() -> PublicText:
    with _converting:  # so that requests at the same time do not repeat it
        return _converted()


@cache
def _converted() -> PublicText:
    document = parse(_yaml().body.decode())
    return PublicText(json.dumps(document, ensure_ascii=False).encode(), "application/json")
