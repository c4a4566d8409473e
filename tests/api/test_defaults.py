"""The service treats a field with its default of openapi.yaml as an absent one.

Many generated clients send every default.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from pydantic import BaseModel
from ruamel.yaml import YAML

from service.api.multipart_schemas import CompleteUploadRequest, MultipartUploadRequest
from service.api.routes.copies import copy_request
from service.api.routes.multipart import completion_request, new_upload
from service.api.routes.objects import form_request, listing_request, upload_request
from service.api.schemas import (
    CopyUrlRequest,
    ObjectsQuery,
    UploadFormRequest,
    UploadUrlRequest,
)
from service.presigning.requests import PostFormRequest
from tests.api.every_call import DOCUMENT

OBJECT: Final = {"bucket": "demo", "key": "a"}
FORM: Final = {"bucket": "demo", "key_prefix": "a/", "max_content_length": 5}
PART: Final = {"part_number": 1, "etag": "e"}


def form(body: UploadFormRequest) -> PostFormRequest:
    """Without a status, S3 answers 204."""
    request = form_request(body)
    status = request.form.success_status or 204
    return replace(request, form=replace(request.form, success_status=status))


def completion(body: CompleteUploadRequest) -> Any:
    return completion_request("id", body)


# What the service makes of the smallest body of each model with defaults
MADE: Final[dict[type[BaseModel], tuple[Callable[[Any], Any], dict[str, Any]]]] = {
    CopyUrlRequest: (copy_request, {**OBJECT, "source": {"key": "b"}}),
    UploadUrlRequest: (upload_request, {**OBJECT, "content_length": 5}),
    UploadFormRequest: (form, FORM),
    MultipartUploadRequest: (new_upload, {**OBJECT, "content_length": 5}),
    CompleteUploadRequest: (completion, {**OBJECT, "content_length": 5, "parts": [PART]}),
    ObjectsQuery: (listing_request, {"bucket": "demo"}),
}


def defaults() -> Iterator[tuple[str, str, Any]]:
    """Yield the model, the name and the default of each field or parameter that has one."""
    document: Any = YAML(typ="safe", pure=True).load(DOCUMENT)
    for model, schema in document["components"]["schemas"].items():
        for name, field in schema.get("properties", {}).items():
            if "default" in field:
                yield model, name, field["default"]
    for item in document["paths"].values():
        for parameter in item.get("get", {}).get("parameters", []):
            if "default" in parameter["schema"]:
                yield "ObjectsQuery", parameter["name"], parameter["schema"]["default"]


def test_a_default_that_is_sent_changes_nothing() -> None:
    kinds = {kind.__name__: (kind, *made) for kind, made in MADE.items()}
    found = list(defaults())
    assert {model for model, *_ in found} == kinds.keys()
    for model, name, default in found:
        kind, make, body = kinds[model]
        sent = make(kind.model_validate({**body, name: default}))
        assert sent == make(kind.model_validate(body)), (model, name)
