"""A backend whose users upload files and download their own. No bytes of a file pass through it.

    uvicorn fastapi_backend:app --port 8088

It needs FastAPI, uvicorn, presign-client and these variables: `PRESIGN_URL`, `PRESIGN_TOKEN`,
`BUCKET` and `APP_PASSWORD`. The token needs `upload` and `download` below `uploads/`.
"""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field

from presign_client import AsyncPresign, PresignError

BUCKET = os.environ["BUCKET"]
PASSWORD = os.environ["APP_PASSWORD"].encode()
OF_THE_USER = {"limit_exceeded", "invalid_request"}  # what the user can correct


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, AsyncPresign]]:
    async with AsyncPresign() as presign:  # PRESIGN_URL and PRESIGN_TOKEN
        yield {"presign": presign}


app = FastAPI(lifespan=lifespan)
CLIENT = Path(__file__).parents[1] / "client" / "js" / "src"  # presign's client for pages
app.mount("/presign", StaticFiles(directory=CLIENT))


def own_prefix(user: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]) -> str:
    """Return where the user's files are. Your own login goes here."""
    is_known = secrets.compare_digest(user.password.encode(), PASSWORD)
    if not (is_known and user.username.isalnum()):
        raise HTTPException(401, headers={"WWW-Authenticate": "Basic"})
    return f"uploads/{user.username}/"


Prefix = Annotated[str, Depends(own_prefix)]


class NewFile(BaseModel):
    name: str = Field(min_length=1)
    size: int = Field(ge=0)
    type: str = ""


@app.get("/")
def page(_: Prefix) -> FileResponse:
    return FileResponse(Path(__file__).with_name("upload.html"))


@app.post("/uploads")
async def upload(file: NewFile, prefix: Prefix, request: Request) -> dict[str, Any]:
    """Return the request that the browser sends to the store."""
    name = f"{uuid4()}/{file.name}"  # no upload meets another one's key
    content_type = file.type or "application/octet-stream"
    signed = await request.state.presign.upload_url(
        BUCKET, prefix + name, file.size, content_type=content_type
    )
    return {"name": name, "method": signed.method, "url": signed.url, "headers": signed.headers}


@app.get("/files/{name:path}")
async def download(name: str, prefix: Prefix, request: Request) -> RedirectResponse:
    filename = name.rpartition("/")[2]  # the browser saves the file, and does not run it
    signed = await request.state.presign.download_url(
        BUCKET, prefix + name, filename=filename, expires_in=60
    )
    return RedirectResponse(signed.url)


@app.exception_handler(PresignError)
async def refused(_: Request, error: PresignError) -> JSONResponse:
    detail = " ".join(each.detail for each in error.errors) or error.detail
    status = 400 if error.code in OF_THE_USER else 503
    return JSONResponse({"code": error.code, "detail": detail}, status)
