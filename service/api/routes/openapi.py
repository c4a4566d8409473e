"""Serves openapi.yaml, also as JSON."""

import asyncio
import json
from functools import cache
from threading import Lock

from fastapi import APIRouter, Response

from service.api.packaged import read_packaged
from service.config.yaml_reader import parse

router = APIRouter(include_in_schema=False)

_converting = Lock()


@router.get("/openapi.yaml")
async def openapi_yaml() -> Response:
    return Response(_text(), media_type="application/yaml")


@router.get("/openapi.json")
async def openapi_json() -> Response:
    # The first request converts it, which takes tens of milliseconds.
    return Response(await asyncio.to_thread(_json), media_type="application/json")


@cache
def _text() -> str:
    return read_packaged("openapi.yaml")


def _json() -> bytes:
    with _converting:  # so that requests at the same time do not repeat it
        return _converted()


@cache
def _converted() -> bytes:
    return json.dumps(parse(_text()), ensure_ascii=False).encode()
