"""`/api/2.0/mlflow-artifacts/…`: artifacts for MLflow's unmodified client. Off unless configured.

github.com/mlflow/mlflow: mlflow/store/artifact/http_artifact_repo.py, mlflow/server/handlers.py,
and mlflow/exceptions.py, `ERROR_CODE_TO_HTTP_STATUS`, for refusals
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from pydantic_core import to_json

from service.api.body import declared_length
from service.api.discarding import discard_body
from service.api.parts import UseCase
from service.api.problems import refused, status_of
from service.api.route import AuthenticatedRequest
from service.concurrency.event_loop import run_in_thread_if
from service.errors import (
    BodyTooLarge,
    Forbidden,
    InvalidRequest,
    LengthRequired,
    PreconditionRequired,
    PresignError,
)
from service.multipart.completion import MANY_PARTS
from service.protocols.mlflow.artifacts import LIFETIME, MANY_ENTRIES, Artifacts, Entry
from service.protocols.mlflow.parts import FileParts
from service.protocols.mlflow.paths import Artifact, artifact, uploaded_artifact
from service.protocols.mlflow.schemas import AbortBody, CompleteBody, CreateBody, ListQuery
from service.protocols.redirects import Redirect, put_request, sign
from service.protocols.roots import Roots
from service.protocols.served import BasicRoute, Served
from service.protocols.url_paths import decode, path_below

_ARTIFACTS: Final = "/api/2.0/mlflow-artifacts/artifacts"
_PRESIGNED: Final = "/api/2.0/mlflow-artifacts/presigned"
_PARTS: Final = "/api/2.0/mlflow-artifacts/mpu"
_REST: Final = "/{path:path}"
_TOO_LARGE: Final = "Files in parts have the same limit."
# `mlflow.utils.server_info` reads this. There is no tracking store here.
_SERVER_INFO: Final = to_json(
    {
        "store_type": None,
        "workspaces_enabled": False,
        "multipart_uploads_enabled": True,
        "multipart_downloads_enabled": True,
    }
)
# The client compares this text: mlflow/exceptions.py, `_UnsupportedMultipartUploadException`
_NO_PARTS: Final = "Multipart upload is not supported for the current artifact repository"
_FORBIDDEN: Final = "There is no such artifact root, or you have no grant for this operation on it."
_REPLACES: Final = (
    "MLflow sends a small file so that it replaces another one, which your grant does not allow: "
    "it needs `allow_overwrite`. Or set MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE=1."
)
_JSON: Final = "application/json"
_CODES: Final = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    409: "RESOURCE_CONFLICT",
    412: "RESOURCE_ALREADY_EXISTS",
    429: "REQUEST_LIMIT_EXCEEDED",
    502: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "TEMPORARILY_UNAVAILABLE",
}


@dataclass
class Mlflow(UseCase[Roots]):
    artifacts: Artifacts
    parts: FileParts


class MlflowRoute(BasicRoute):
    """Answers errors in the form that MLflow's client reads."""

    def refusal(self, call: AuthenticatedRequest, error: PresignError) -> Response:
        error_code = _CODES.get(status_of(error), "INVALID_PARAMETER_VALUE")
        body = _body(error_code, _message(error), error, call.context.request_id)
        return refused(error, body, _JSON, basic=True)


router = APIRouter(route_class=MlflowRoute, include_in_schema=False)


@router.get("/api/3.0/mlflow/server-info")
async def server_info(_: AuthenticatedRequest) -> bytes:
    return _SERVER_INFO


@router.get(_ARTIFACTS)
async def list_artifacts(call: AuthenticatedRequest, query: Annotated[ListQuery, Query()]) -> bytes:
    mlflow = call.parts.use_case(Mlflow)
    folder = artifact(mlflow.configured, query.path)
    entries = await mlflow.artifacts.entries(call.requester, folder)
    return await run_in_thread_if(len(entries) > MANY_ENTRIES, _listing, entries)


@router.get(f"{_ARTIFACTS}{_REST}")
async def download(call: AuthenticatedRequest) -> Response:
    """Without multipart downloads the client follows a redirect."""
    mlflow = call.parts.use_case(Mlflow)
    return Redirect(await mlflow.artifacts.url(call.requester, _file(call, _ARTIFACTS)))


@router.put(f"{_ARTIFACTS}{_REST}")
async def upload(call: AuthenticatedRequest) -> Response:
    """Small files, and those of callers without `multipart`."""
    wanted, headers = _file(call, _ARTIFACTS), call.scope["headers"]
    if declared_length(headers) == 0:
        return await _store_empty(call, wanted)
    closing = await discard_body(call)
    request = put_request(wanted.bucket, wanted.key, headers, LIFETIME)
    signed = await sign(call.presigner, call.requester, request, too_large=_TOO_LARGE)
    return Redirect(signed.url, more=closing)


@router.delete(f"{_ARTIFACTS}{_REST}")
async def delete(call: AuthenticatedRequest) -> bytes:
    mlflow = call.parts.use_case(Mlflow)
    await mlflow.artifacts.delete(call.requester, _file(call, _ARTIFACTS))
    return b"{}"


@router.get(f"{_PRESIGNED}{_REST}")
async def presigned(call: AuthenticatedRequest) -> bytes:
    mlflow = call.parts.use_case(Mlflow)
    found = await mlflow.artifacts.download(call.requester, _file(call, _PRESIGNED))
    return to_json({"url": found.url, "headers": {}, "file_size": found.size})


@router.post(f"{_PARTS}/create{_REST}")
async def create_parts(call: AuthenticatedRequest, body: CreateBody) -> Response:
    mlflow = call.parts.use_case(Mlflow)
    wanted = uploaded_artifact(_artifact(call, f"{_PARTS}/create"), body.path)
    try:
        created = await mlflow.parts.create(call.requester, wanted, body.num_parts)
    except Forbidden as error:  # the client then sends the file in one request
        refusal = _body("NOT_IMPLEMENTED", _NO_PARTS, error, call.context.request_id)
        return refused(error, refusal, _JSON, status=501)
    credentials = [
        {"url": url, "part_number": number, "headers": {}}
        for number, url in enumerate(created.urls, 1)
    ]
    answer = to_json({"upload_id": created.upload_id, "credentials": credentials})
    return Response(answer, media_type="application/json")


@router.post(f"{_PARTS}/complete{_REST}")
async def complete_parts(call: AuthenticatedRequest, body: CompleteBody) -> bytes:
    mlflow = call.parts.use_case(Mlflow)
    wanted = uploaded_artifact(_artifact(call, f"{_PARTS}/complete"), body.path)
    is_long = len(body.parts) > MANY_PARTS
    parts = await run_in_thread_if(is_long, lambda: [part.to_part() for part in body.parts])
    await mlflow.parts.complete(call.requester, wanted, body.upload_id, parts)
    return b"{}"


@router.post(f"{_PARTS}/abort{_REST}")
async def abort_parts(call: AuthenticatedRequest, body: AbortBody) -> bytes:
    mlflow = call.parts.use_case(Mlflow)
    wanted = uploaded_artifact(_artifact(call, f"{_PARTS}/abort"), body.path)
    await mlflow.parts.abort(call.requester, wanted, body.upload_id)
    return b"{}"


async def _store_empty(call: AuthenticatedRequest, wanted: Artifact) -> Response:
    """Store an empty file. The client would send it to the store chunked, which S3 refuses.

    A proxy may have turned it into one with a length. Raises LengthRequired for any byte.
    """
    mlflow = call.parts.use_case(Mlflow)
    try:
        await call.read(0)
    except BodyTooLarge:
        detail = "Send the file's Content-Length. Only an empty one may be chunked."
        raise LengthRequired(detail) from None
    content_type = call.headers.get("content-type")
    await mlflow.artifacts.store_empty(call.requester, wanted, content_type)
    return Response(b"{}", media_type="application/json")


def _file(call: AuthenticatedRequest, below: str) -> Artifact:
    """As `_artifact`. Raises InvalidRequest for a whole root, too."""
    found = _artifact(call, below)
    if not found.path:
        raise InvalidRequest("Name an artifact below the root.", pointer="#/path")
    return found


def _artifact(call: AuthenticatedRequest, below: str) -> Artifact:
    """Return what the path names, as it was sent. Raises NotFound and InvalidRequest."""
    mlflow = call.parts.use_case(Mlflow)
    path = path_below(call.scope["raw_path"], f"{below}/")
    if call.scope["query_string"]:  # the client sends a name with `?` as it is
        raise InvalidRequest("An artifact's name must not contain `?`.", pointer="#/path")
    return artifact(mlflow.configured, decode(path))


def _listing(entries: Sequence[Entry]) -> bytes:
    files: list[dict[str, Any]] = [
        {"path": name, "is_dir": True}
        if size is None
        else {"path": name, "is_dir": False, "file_size": size}
        for name, size in entries
    ]
    return to_json({"files": files})


def _body(error_code: str, message: str, error: PresignError, request_id: str) -> bytes:
    return to_json(
        {
            "error_code": error_code,
            "message": message,
            "code": error.code,
            "request_id": request_id,
        }
    )


def _message(error: PresignError) -> str:
    match error:
        case Forbidden():
            return _FORBIDDEN
        case PreconditionRequired():
            return _REPLACES
    return error.sentence()


SERVED: Final = Served(
    use_case=lambda core, values: Mlflow(
        values,
        Artifacts(core.authorizer, core.presigner, core.listings, core.object_checks, core.store),
        FileParts(core.authorizer, core.multipart),
    ),
    routers=(router,),
    feature="MLflow artifacts",
)
