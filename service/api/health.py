"""`/livez` and `/readyz`, for the platform: outside the contract and outside the document."""

from fastapi import APIRouter, Request, Response

router = APIRouter(include_in_schema=False)


@router.get("/livez")
async def livez() -> Response:
    """The process answers. It never asks anybody else: a restart mends no STS."""
    return Response("ok", media_type="text/plain")


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """At least one bucket can sign."""
    if request.app.state.presigner.can_sign():
        return Response("ok", media_type="text/plain")
    return Response("no bucket can sign yet", status_code=503, media_type="text/plain")
