"""`/hf/…`: the Hugging Face Hub's API for reading, for its unmodified clients.

github.com/huggingface/huggingface_hub: src/huggingface_hub/hf_api.py, file_download.py, and
utils/_http.py, `hf_raise_for_status`, for refusals
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Response
from pydantic_core import to_json

from service.api.body import refuse_encoded
from service.api.discarding import discard_body
from service.api.parts import Core
from service.api.problems import refused, status_of
from service.api.route import ApiRoute, AuthenticatedRequest
from service.concurrency.event_loop import run_in_thread_if
from service.errors import (
    Forbidden,
    InvalidRequest,
    NotFound,
    PresignError,
    StorageUnavailable,
    Unauthenticated,
)
from service.protocols.hugging_face.addresses import HubAction, HubAddress, parse
from service.protocols.hugging_face.cached_listings import CachedListings
from service.protocols.hugging_face.errors import (
    UNKNOWN,
    EntryNotFound,
    HubNotFound,
    ReadOnly,
    RepositoryNotFound,
    SameHost,
)
from service.protocols.hugging_face.folders import Folders
from service.protocols.hugging_face.repositories import Repositories
from service.protocols.hugging_face.schemas import (
    MAX_BODY_BYTES,
    PAGE_ENTRIES,
    paths_of,
    render_caller,
    render_entries,
    render_info,
    render_refs,
    tree_query,
    wants_blobs,
)
from service.protocols.hugging_face.settings import PATH, HuggingFaceValues
from service.protocols.redirects import Redirect
from service.protocols.served import Served
from service.protocols.url_paths import path_below

_MANY: Final = 1000  # files of an answer; 10,000 take some 10 ms
_LONG_BYTES: Final = 16 * 1024  # of paths
_REST: Final = "/{path:path}"
_COMMIT: Final = "X-Repo-Commit"
_READ_ONLY: Final = (
    "This hub is read-only. Upload with `presign put -r DIR BUCKET/PREFIX/ORG/NAME/main/`, or with "
    "any S3 program."
)
_INVALID: Final = "Invalid credentials in Authorization header"  # the client compares this text


class HubRoute(ApiRoute):
    """Answers errors in the form that the Hub's clients read."""

    def refusal(self, call: AuthenticatedRequest, error: PresignError) -> Response:
        has_credentials = "authorization" in call.headers
        return refusal(error, call.context.request_id, has_credentials=has_credentials)


router = APIRouter(prefix=PATH, route_class=HubRoute, include_in_schema=False)


@router.api_route(_REST, methods=["GET", "HEAD"])
async def read(call: AuthenticatedRequest) -> Response:
    """A HEAD of a file has the address for a GET: clients send their GETs there."""
    hub = call.parts.use_case(Repositories)
    address = parse(path_below(call.scope["raw_path"], f"{PATH}/"))
    match address.action:
        case HubAction.RESOLVE:
            return await _file(call, hub, address)
        case HubAction.INFO:
            return await _info(call, hub, address)
        case HubAction.TREE:
            return await _tree(call, hub, address)
        case HubAction.REFS:
            return _json(render_refs(await hub.refs(call.requester, address.of_repository)))
        case HubAction.WHOAMI:
            return _json(render_caller(call.requester.identity.caller.subject))
    raise NotFound("No such resource.")


@router.post(_REST)
async def post(call: AuthenticatedRequest) -> Response:
    """Describe some paths, which a client sends in a body. All else would write."""
    hub = call.parts.use_case(Repositories)
    address = parse(path_below(call.scope["raw_path"], f"{PATH}/"))
    if address.action is HubAction.PATHS_INFO:
        return await _paths_info(call, hub, address)
    closing = await discard_body(call)
    answer = refusal(ReadOnly(_READ_ONLY), call.context.request_id, has_credentials=True)
    answer.headers.update(closing)
    return answer


async def _file(call: AuthenticatedRequest, hub: Repositories, address: HubAddress) -> Response:
    found = await hub.file(
        call.requester,
        address.of_repository,
        address.revision,
        address.path,
        own_host=_own_host(call),
    )
    etag = f'"{found.file.oid}"'
    headers = {
        _COMMIT.lower(): found.sha,
        "etag": etag,
        "x-linked-etag": etag,
        "x-linked-size": str(found.file.size),
        "accept-ranges": "bytes",
    }
    return Redirect(found.url, more=headers)


async def _info(call: AuthenticatedRequest, hub: Repositories, address: HubAddress) -> Response:
    blobs = wants_blobs(call.scope["query_string"])
    revision = await hub.revision(call.requester, address.of_repository, address.revision)
    is_long = len(revision.files) > _MANY
    return _json(
        await run_in_thread_if(is_long, render_info, address.of_repository, revision, blobs=blobs)
    )


async def _tree(call: AuthenticatedRequest, hub: Repositories, address: HubAddress) -> Response:
    query = tree_query(call.scope["query_string"])
    revision = await hub.revision(call.requester, address.of_repository, address.revision)
    found = revision.tree(address.path, recursive=query.recursive, after=query.cursor)
    if found is None:
        raise EntryNotFound("The revision has no such folder.", revision.sha)
    page, headers = found[:PAGE_ENTRIES], {_COMMIT: revision.sha}
    if len(found) > PAGE_ENTRIES:
        origin = hub.configured.public_url or _own_origin(call)
        path = call.scope["raw_path"].decode("latin-1")
        headers["Link"] = f'<{origin}{path}?{query.next_page(page[-1].path)}>; rel="next"'
    return _json(render_entries(revision, page), headers)


async def _paths_info(
    call: AuthenticatedRequest, hub: Repositories, address: HubAddress
) -> Response:
    refuse_encoded(call.scope["headers"])
    body = await call.read(MAX_BODY_BYTES)
    is_long, content_type = len(body) > _LONG_BYTES, call.headers.get("content-type", "")
    paths = await run_in_thread_if(is_long, paths_of, body, content_type)
    revision = await hub.revision(call.requester, address.of_repository, address.revision)
    found = await run_in_thread_if(is_long, revision.find_all, paths)
    return _json(await run_in_thread_if(is_long, render_entries, revision, found))


def _json(body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, media_type="application/json", headers=headers)


def _own_host(call: AuthenticatedRequest) -> str | None:
    try:
        return urlsplit(_own_origin(call)).hostname
    except ValueError:
        raise InvalidRequest("The request's `Host` is no host.") from None


def _own_origin(call: AuthenticatedRequest) -> str:
    return f"{call.scope['scheme']}://{call.headers.get('host', '')}"


def _repositories(core: Core, values: HuggingFaceValues | None) -> Repositories:
    folders = Folders(
        core.authorizer,
        core.listings,
        CachedListings(core.clock, core.waiting, lambda revision: len(revision.files)),
        CachedListings(core.clock, core.waiting, len),
    )
    return Repositories(values, core.authorizer, core.presigner, folders)


def refusal(error: PresignError, request_id: str, *, has_credentials: bool) -> Response:
    """Return a status, `X-Error-Code` and `X-Error-Message`, by which clients know the refusal.

    `has_credentials` is whether the request had an `Authorization`.
    """
    message = _message(error, has_credentials=has_credentials)
    body = to_json({"error": message, "code": error.code, "request_id": request_id})
    answer = refused(error, body, "application/json", status=_status(error))
    answer.headers["X-Error-Message"] = message.encode("ascii", "replace").decode()
    if (code := _hub_code(error, has_credentials=has_credentials)) is not None:
        answer.headers["X-Error-Code"] = code
    if isinstance(error, HubNotFound) and error.commit is not None:
        answer.headers[_COMMIT] = error.commit
    return answer


def _status(error: PresignError) -> int:
    match error:
        case Forbidden():
            return 404
        case StorageUnavailable():
            return 503  # clients try again
        case ReadOnly():
            return 501
        case SameHost():
            return 401
    return status_of(error)


def _message(error: PresignError, *, has_credentials: bool) -> str:
    match error:
        case Forbidden():
            return UNKNOWN
        case Unauthenticated() if has_credentials:
            return _INVALID
    return error.sentence()


def _hub_code(error: PresignError, *, has_credentials: bool) -> str | None:
    match error:
        case HubNotFound():
            return error.error_code
        case Forbidden():
            return RepositoryNotFound.error_code
        case Unauthenticated() if not has_credentials:
            return RepositoryNotFound.error_code
    return None


SERVED: Final = Served(
    use_case=_repositories,
    routers=(router,),
    feature="the Hugging Face Hub",
)
