"""`/lfs/{repository}/…`: Git LFS, for the unmodified git-lfs. Off unless configured.

github.com/git-lfs/git-lfs: docs/api/batch.md. Locks are not supported, and git-lfs works without.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Response
from pydantic_core import to_json

from service.access.callers import Identity
from service.api.parts import UseCase
from service.api.problems import refused, status_of
from service.api.route import AuthenticatedRequest
from service.clock import rfc3339
from service.concurrency.event_loop import run_in_thread_if
from service.errors import (
    BodyTooLarge,
    Forbidden,
    InvalidRequest,
    NotFound,
    PresignError,
)
from service.multipart.completion import MANY_PARTS
from service.presigning.results import CreatedUpload
from service.protocols.git_lfs.batches import Batches, CompletionUrl, LfsAction, ObjectResult
from service.protocols.git_lfs.multipart import PartUploads
from service.protocols.git_lfs.repositories import GitLfsValues, LfsObject
from service.protocols.git_lfs.schemas import BatchBody, CompletionBody, ObjectBody
from service.protocols.git_lfs.tickets import UploadTicket
from service.protocols.roots import ROOT_NAME, ProtocolRoot
from service.protocols.served import BasicRoute, Served
from service.s3.queries import within

MEDIA_TYPE: Final = "application/vnd.git-lfs+json"
_FORBIDDEN: Final = "There is no such repository, or you have no grant for this operation on it."
MAX_OBJECTS: Final = 100  # git-lfs's own: docs/man/git-lfs-config.adoc, lfs.transfer.batchSize
BATCH_SECONDS: Final = 60.0
_NAME: Final = re.compile(ROOT_NAME)


@dataclass
class GitLfs(UseCase[GitLfsValues]):
    batches: Batches


class LfsRoute(BasicRoute):
    """Answers errors in the form that git-lfs shows."""

    def refusal(self, call: AuthenticatedRequest, error: PresignError) -> Response:
        """github.com/git-lfs/git-lfs: docs/api/batch.md, "Response Errors"."""
        request_id, basic = call.context.request_id, self.accepts_basic
        body = to_json({"message": _message(error), "code": error.code, "request_id": request_id})
        answer = refused(error, body, MEDIA_TYPE, basic=basic)
        if error.code == "unauthenticated" and basic:
            answer.headers["LFS-Authenticate"] = 'Basic realm="presign"'
        return answer


class CompletionRoute(LfsRoute):
    """Authenticates by the ticket in the path: the caller is the one that began the upload."""

    accepts_basic = False

    def identity(self, call: AuthenticatedRequest) -> Identity:
        path = call.scope["path_params"]
        return _ticket(call, path["repository"], path["ticket"]).identity()


_PREFIX: Final = "/lfs/{repository}"

router = APIRouter(prefix=_PREFIX, route_class=LfsRoute, include_in_schema=False)
completions = APIRouter(prefix=_PREFIX, route_class=CompletionRoute, include_in_schema=False)


@router.post("/objects/batch")
async def batch(call: AuthenticatedRequest, repository: str, body: BatchBody) -> Response:
    lfs = call.parts.use_case(GitLfs)
    repo = _repository(lfs, repository)
    if len(body.objects) > MAX_OBJECTS:
        detail = f"A batch has at most {MAX_OBJECTS} objects: see lfs.transfer.batchSize."
        raise BodyTooLarge(detail)
    objects = [wanted.to_object() for wanted in body.objects]
    transfer = _transfer(lfs.configured, body)
    match body.operation, transfer:
        case "download", _:
            work = lfs.batches.downloads(call.requester, repo, objects)
        case _, "multipart":
            completion_url = _completion_url(call, lfs, repository)
            work = lfs.batches.multipart_uploads(call.requester, repo, objects, completion_url)
        case _:
            work = lfs.batches.uploads(call.requester, repo, objects)
    async with within(BATCH_SECONDS, "answer"):
        results = await work
    answered = [_members(body.operation, wanted, results[wanted]) for wanted in objects]
    return _json({"transfer": transfer, "hash_algo": "sha256", "objects": answered})


@router.post("/verify")
async def verify(call: AuthenticatedRequest, repository: str, body: ObjectBody) -> Response:
    lfs = call.parts.use_case(GitLfs)
    await lfs.batches.verify(call.requester, _repository(lfs, repository), body.to_object())
    return _json({})


@router.get("/locks")
@router.post("/locks")
@router.post("/locks/verify")
@router.post("/locks/{lock}/unlock")
async def refuse_locks(_: AuthenticatedRequest) -> Response:
    """git-lfs verifies locks before each push. After a 404 it goes on without them."""
    raise NotFound("This server has no locks.")


@completions.post("/uploads/{ticket}")
async def complete(
    call: AuthenticatedRequest, repository: str, ticket: str, body: CompletionBody
) -> Response:
    lfs = call.parts.use_case(GitLfs)
    repo, opened = _repository(lfs, repository), _ticket(call, repository, ticket)
    is_long = len(body.parts) > MANY_PARTS
    parts = await run_in_thread_if(is_long, lambda: [part.to_part() for part in body.parts])
    await lfs.batches.parts.complete(call.requester, repo, opened, body.oid, parts)
    return _json({})


def _ticket(call: AuthenticatedRequest, repository: str, text: str) -> UploadTicket:
    """Raises NotFound or UploadNotFound."""
    lfs = call.parts.use_case(GitLfs)
    return lfs.batches.parts.open_ticket(lfs.values, call.snapshot, repository, text)


def _repository(lfs: GitLfs, name: str) -> ProtocolRoot:
    """Return where a repository's objects are. Raises NotFound for an impossible name."""
    repositories = lfs.configured.repositories
    if _NAME.fullmatch(name) is None:
        raise NotFound("No such resource.")
    return repositories.find(name)


def _transfer(values: GitLfsValues, body: BatchBody) -> str:
    """Return how all objects of a batch are transferred. Raises InvalidRequest."""
    is_large = any(wanted.size > values.multipart_threshold for wanted in body.objects)
    can_send_parts = "multipart" in body.transfers and values.keys is not None
    if body.operation == "upload" and is_large and can_send_parts:
        return "multipart"
    if "basic" in body.transfers:
        return "basic"
    detail = "This server supports the transfers `basic`, and `multipart` for large uploads."
    raise InvalidRequest(detail, pointer="#/transfers")


def _completion_url(call: AuthenticatedRequest, lfs: GitLfs, repository: str) -> CompletionUrl:
    values = lfs.configured
    keys = values.keys
    assert keys is not None  # else the transfer is `basic`
    bucket = _repository(lfs, repository).bucket
    maker = call.snapshot.to_keep(call.requester.identity, bucket)

    def url(wanted: LfsObject, created: CreatedUpload) -> str:
        ticket = lfs.batches.parts.ticket(maker, repository, wanted, created)
        return f"{values.url}/lfs/{repository}/uploads/{keys.seal(ticket)}"

    return url


def _message(error: PresignError) -> str:
    return _FORBIDDEN if isinstance(error, Forbidden) else error.sentence()


def _members(operation: str, wanted: LfsObject, result: ObjectResult) -> dict[str, Any]:
    """Return one object of an answer."""
    members: dict[str, Any] = {"oid": wanted.oid, "size": wanted.size}
    match result:
        case PresignError():
            return {**members, "error": {"code": status_of(result), "message": _message(result)}}
        case LfsAction(href, header, validity):
            action = {
                "href": href,
                "header": header,
                "expires_in": validity.expires_in,
                "expires_at": rfc3339(validity.expires_at),
            }
            # Without `authenticated` git-lfs asks its user for a password of the store.
            return {**members, "authenticated": True, "actions": {operation: action}}
    return members


def _json(members: dict[str, Any]) -> Response:
    return Response(to_json(members), media_type=MEDIA_TYPE)


SERVED: Final = Served(
    use_case=lambda core, values: GitLfs(
        values,
        Batches(core.presigner, core.object_checks, PartUploads(core.multipart, core.clock)),
    ),
    routers=(router, completions),
    feature="Git LFS",
)
