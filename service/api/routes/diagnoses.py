"""`/v1/diagnoses`: why a signed request failed, and what to change."""

from fastapi import APIRouter
from pydantic import MISSING

from service.api.rendering import render_findings
from service.api.route import ApiRoute, AuthenticatedRequest
from service.api.schemas import DiagnosisRequest, or_none
from service.diagnosis.request import MAX_HEADERS, MAX_HEADERS_LENGTH, ReportedRequest
from service.errors import InvalidRequest

router = APIRouter(prefix="/v1/diagnoses", tags=["diagnoses"], route_class=ApiRoute)


@router.post("")
async def diagnose_request(call: AuthenticatedRequest, body: DiagnosisRequest) -> bytes:
    return render_findings(
        await call.parts.diagnoses.diagnose(call.requester, reported_request(body))
    )


def reported_request(body: DiagnosisRequest) -> ReportedRequest:
    headers = None if body.headers is MISSING else body.headers.root
    _check_headers(headers or {})
    return ReportedRequest(
        url=body.url,
        method=or_none(body.method),
        headers=headers,
        status=or_none(body.response_status),
        body=or_none(body.response_body),
    )


def _check_headers(headers: dict[str, str]) -> None:
    size = sum(len(name) + len(value) for name, value in headers.items())
    if len(headers) > MAX_HEADERS or size > MAX_HEADERS_LENGTH:
        limit = f"{MAX_HEADERS} headers with {MAX_HEADERS_LENGTH} characters in total"
        raise InvalidRequest(f"At most {limit} are accepted.", pointer="#/headers")
