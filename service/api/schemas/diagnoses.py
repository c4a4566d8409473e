"""The request body of a diagnosis; `objects.py` has the rules."""

from typing import Annotated

from pydantic import MISSING, Field

from service.api.schemas.objects import StrictRequest, StringMap
from service.diagnosis.request import MAX_BODY_LENGTH, MAX_URL_LENGTH


class DiagnosisRequest(StrictRequest):
    method: Annotated[str, Field(min_length=1, max_length=16)]
    url: Annotated[str, Field(min_length=1, max_length=MAX_URL_LENGTH)]
    headers: StringMap | MISSING = MISSING
    response_status: Annotated[int, Field(ge=100, le=599)] | MISSING = MISSING
    response_body: Annotated[str, Field(min_length=0, max_length=MAX_BODY_LENGTH)] | MISSING = (
        MISSING
    )
