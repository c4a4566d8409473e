"""`/livez`, `/readyz` and `/metrics`, for the platform: not in openapi.yaml."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from service.api.parts import Parts

router = APIRouter(include_in_schema=False)


@router.get("/livez")
async def livez() -> Response:
    """The process responds. It checks nothing else: a restart would not repair STS."""
    return PlainTextResponse("ok")


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """At least one bucket can sign, revoked links were looked for, and nothing shuts down.

    A balancer sends no requests to a replica that is not ready. So the probe itself asks for
    sessions, as a request would.
    """
    parts: Parts = request.app.parts
    if parts.drain.has_begun:
        return PlainTextResponse("shutting down", status_code=503)
    if not parts.core.authorizer.can_sign():
        parts.core.pool.retry_soon()
        return PlainTextResponse("no bucket can sign yet", status_code=503)
    if (reason := parts.not_ready()) is not None:
        return PlainTextResponse(reason, status_code=503)
    return PlainTextResponse("ok")


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    metrics = request.app.parts.metrics
    return Response(await metrics.render(), media_type=metrics.CONTENT_TYPE)
