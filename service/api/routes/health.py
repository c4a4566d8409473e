"""`/livez`, `/readyz` and `/metrics`, for the platform: outside the contract and the document."""

from fastapi import APIRouter, Request, Response

router = APIRouter(include_in_schema=False)


@router.get("/livez")
async def livez() -> Response:
    """The process answers. It never asks anybody else: a restart mends no STS."""
    return Response("ok", media_type="text/plain")


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """At least one bucket can sign, and the process is not about to end."""
    if request.app.state.drain.has_begun:
        return Response("about to end", status_code=503, media_type="text/plain")
    if request.app.state.authorizer.can_sign():
        return Response("ok", media_type="text/plain")
    return Response("no bucket can sign yet", status_code=503, media_type="text/plain")


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    metrics = request.app.state.metrics
    return Response(metrics.render(), media_type=metrics.CONTENT_TYPE)
