"""`/livez`, `/readyz` and `/metrics`, for the platform: not in openapi.yaml."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

router = APIRouter(include_in_schema=False)


@router.get("/livez")
async def livez() -> Response:
    """The process responds. It checks nothing else: a restart would not repair STS."""
    return PlainTextResponse("ok")


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """At least one bucket can sign, revoked links were looked for, and nothing shuts down."""
    if request.app.state.drain.has_begun:
        return PlainTextResponse("shutting down", status_code=503)
    if not request.app.state.authorizer.can_sign():
        return PlainTextResponse("no bucket can sign yet", status_code=503)
    if not request.app.state.links.has_looked:
        return PlainTextResponse("the revoked links are being read", status_code=503)
    return PlainTextResponse("ok")


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    metrics = request.app.state.metrics
    return Response(await metrics.render(), media_type=metrics.CONTENT_TYPE)
