"""`/mcp`: one message for each POST, without sessions and streams."""

from typing import ClassVar, Final, NoReturn

from fastapi import APIRouter, Request, Response
from pydantic_core import to_json
from starlette.exceptions import HTTPException

from service.api.accept import accepts
from service.api.body import MAX_BODY_BYTES, refuse_encoded
from service.api.route import ApiRoute, AuthenticatedRequest, JsonBytesResponse
from service.errors import ForeignOrigin, PresignError, UnsupportedMediaType
from service.presigning.requests import UnreadRequest
from service.protocols.links.share_links import ShareLinks
from service.protocols.mcp.errors import UNKNOWN_METHOD, MessageError, NotAcceptable, UnknownTool
from service.protocols.mcp.headers import CONTENT_TYPE, ORIGIN, SentHeaders
from service.protocols.mcp.messages import CallParams, Message, Sent, message_of, params_of, read
from service.protocols.mcp.metadata import WELL_KNOWN, challenge, document, is_own_page
from service.protocols.mcp.methods import (
    call_tool,
    discovered,
    initialized,
    origin,
    tool_list,
    tool_of,
    tool_refusal,
    tool_result,
)
from service.protocols.mcp.refusals import refusal
from service.protocols.mcp.settings import PATH
from service.protocols.mcp.use_case import Agents, ToolCall
from service.protocols.served import Served

_JSON: Final = "application/json"


class McpRequest(AuthenticatedRequest):
    """`sent` is the message, once it could be read."""

    sent: Sent | None = None


class McpRoute(ApiRoute):
    """Answers errors in the form that clients of MCP read."""

    request_class: ClassVar[type[AuthenticatedRequest]] = McpRequest

    def refusal(self, call: AuthenticatedRequest, error: PresignError) -> Response:
        sent = call.sent if isinstance(call, McpRequest) else None
        answer = refusal(error, sent, call.context.request_id)
        if answer.status_code == 401:
            values, has_sent = call.parts.use_case(Agents).values, "authorization" in call.headers
            answer.headers["WWW-Authenticate"] = challenge(values, call.scope, sent=has_sent)
        return answer


router = APIRouter(prefix=PATH, route_class=McpRoute, include_in_schema=False)
public_router = APIRouter(prefix=WELL_KNOWN, include_in_schema=False)


@router.post("")
async def receive_message(call: McpRequest) -> Response:
    headers = SentHeaders(call.scope["headers"])
    try:
        _check_headers(call, headers)
    except ForeignOrigin as error:
        await call.record_unread(call.scope["route"], error)
        raise
    body = await call.read(MAX_BODY_BYTES)
    call.sent = read(body, headers)
    message = message_of(call.sent, headers)
    if message is None:
        return Response(status_code=202)
    if message.method == "tools/call":
        return await _call_tool(call, message)
    return _answer(message, _result(call, message))


def _result(call: McpRequest, message: Message) -> bytes:
    match message.method, message.is_latest:
        case "tools/list", _:
            grants = call.authorizer.access(call.requester).grants
            return tool_list(message, grants, call.parts.use_case(ShareLinks))
        case "server/discover", True:
            return discovered()
        case "initialize", False:
            return initialized(message)
        case "ping", False:
            return b"{}"
    raise MessageError(UNKNOWN_METHOD, "There is no such method in this revision of MCP.")


async def _call_tool(call: McpRequest, message: Message) -> Response:
    params = params_of(CallParams, message)
    requester, agents = call.requester, call.parts.use_case(Agents)
    requester.origin = origin(params.name, message.agent)
    tool_call = ToolCall(
        requester=requester,
        core=agents.core,
        values=agents.configured,
        links=call.parts.use_case(ShareLinks),
    )
    try:
        tool = tool_of(params.name, call.authorizer.access(requester).grants, tool_call.links)
    except UnknownTool as unknown:
        await _refuse(call, unknown)
    try:
        result = await call_tool(tool_call, tool, params.arguments)
    except PresignError as error:
        answer = _answer(message, tool_refusal(error, tool, message, requester.request_id))
        if error.retry_after is not None:
            answer.headers["Retry-After"] = str(error.retry_after)
        return answer
    return _answer(message, tool_result(result, message))


async def _refuse(call: McpRequest, unknown: UnknownTool) -> NoReturn:
    """Raise it, or RateLimited: a guess counts as one URL, as a tool that is there does."""

    async def refused() -> NoReturn:
        raise unknown

    request = UnreadRequest(call.scope["route"].path)
    await call.authorizer.audited(call.requester, request, (), refused)
    raise unknown  # as `audited` has


def _answer(message: Message, result: bytes) -> Response:
    body = b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (to_json(message.id), result)
    return JsonBytesResponse(body, 200)


def _check_headers(call: McpRequest, headers: SentHeaders) -> None:
    """Raises ForeignOrigin, NotAcceptable and UnsupportedMediaType."""
    values, origin = call.parts.use_case(Agents).configured, headers.get(ORIGIN)
    is_known = origin is None or origin in call.parts.cors_origins
    if origin is not None and not is_known and not is_own_page(values, call.scope, origin):
        raise ForeignOrigin
    if not accepts(call.scope["headers"], _JSON):
        raise NotAcceptable("The answer is JSON: send `Accept: application/json`, or none.")
    if headers.get(CONTENT_TYPE, "").partition(";")[0].strip().lower() != _JSON:
        raise UnsupportedMediaType("Send JSON, with `Content-Type: application/json`.")
    refuse_encoded(call.scope["headers"])


@public_router.get("")
@public_router.get(PATH)
async def describe_resource(request: Request) -> Response:
    """Say at which issuers clients sign in: to anybody, as it names no caller."""
    values = request.app.parts.use_case(Agents).values
    body = None if values is None else document(values, request.scope)
    if body is None:
        raise HTTPException(404)
    headers = {"Access-Control-Allow-Origin": "*"}
    return Response(body, media_type=_JSON, headers=headers)


SERVED: Final = Served(
    use_case=lambda core, values: Agents(values, core),
    routers=(router,),
    public_routers=(public_router,),
    surface="downloads",  # the tools' URLs are those of /v1/download-urls
    feature="tools for agents by MCP",
)
