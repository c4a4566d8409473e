"""`/o/{bucket}/{key}`: one address for each object, for every program that follows a redirect."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from service.access.decisions import allows
from service.access.grants import AccessRequest, Operation
from service.api.accept import preferred
from service.api.body import parse_query
from service.api.discarding import discard_body
from service.api.html_page import POLICY, root_of
from service.api.parts import UseCase
from service.api.rendering import render_listing
from service.api.route import AuthenticatedRequest
from service.api.schemas import LongText, Text, Token
from service.errors import InvalidRequest
from service.presigning.downloads import get_object
from service.presigning.listings import ListingRequest, Listings
from service.presigning.presigner import Presigner
from service.presigning.requests import PresignRequest
from service.protocols.objects.listing_page import as_html, next_page
from service.protocols.redirects import Redirect, put_request, sign
from service.protocols.served import BasicRoute, Served
from service.protocols.url_paths import decode, path_below
from service.sessions.lifetime import Lifetime
from service.signing.actions import DeleteObject, GetObject, HeadObject
from service.signing.content_disposition import Disposition

PATH: Final = "/o/"
_HTML: Final = "text/html"
_JSON: Final = "application/json"
_DELETE: Final = DeleteObject()
_LONGEST_BUCKET: Final = 255  # as in the calls of `/v1`


router = APIRouter(route_class=BasicRoute, include_in_schema=False)


@dataclass
class ObjectUrls(UseCase[Lifetime]):
    """Its values are the lifetime of what a redirect points to."""

    front_page = (
        "<code>/o/{bucket}/{key}</code>: one address for each object, for every HTTP client"
    )
    listings: Listings
    presigner: Presigner


class ListingQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    after: Token | None = None


class ReadQuery(BaseModel):
    """The query of a GET or HEAD."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version_id: LongText | None = Field(default=None, alias="versionId")
    filename: Text | None = None
    disposition: Disposition | None = None
    content_type: Text | None = None

    def action(self) -> GetObject:
        return get_object(
            version_id=self.version_id,
            content_type=self.content_type,
            disposition=self.disposition,
            filename=self.filename,
        )


_NO_QUERY: Final = ReadQuery()


@router.api_route(f"{PATH}{{path:path}}", methods=["GET", "HEAD", "PUT", "DELETE"])
async def object_url(call: AuthenticatedRequest) -> Response:
    """Redirect to the store, or list what is under a prefix."""
    urls = call.parts.use_case(ObjectUrls)
    lifetime = urls.configured
    path = path_below(call.scope["raw_path"], PATH)
    bucket, key = bucket_and_key(path)
    if call.method in {"GET", "HEAD"} and (not key or path.endswith(b"/")):
        return await _listing(call, urls.listings, bucket, key)
    return await _redirect(call, urls.presigner, bucket, key, lifetime)


async def _redirect(
    call: AuthenticatedRequest, presigner: Presigner, bucket: str, key: str, lifetime: Lifetime
) -> Response:
    query: bytes = call.scope["query_string"]
    closing: Mapping[str, str] = {}
    if query and call.method in {"PUT", "DELETE"}:
        raise InvalidRequest("This method has no query parameters.")
    if call.method == "PUT":
        closing = await discard_body(call)
        request = put_request(bucket, key, call.scope["headers"], lifetime)
    else:
        operation, action = _action(call, bucket, key, query)
        request = PresignRequest(
            operation=operation, bucket=bucket, key=key, action=action, lifetime=lifetime
        )
    signed = await sign(presigner, call.requester, request)
    return Redirect(signed.url, more=closing)


def _action(
    call: AuthenticatedRequest, bucket: str, key: str, query: bytes
) -> tuple[Operation, GetObject | HeadObject | DeleteObject]:
    """A HEAD needs `head`, or `download` if no grant allows `head` there."""
    if call.method == "DELETE":
        return Operation.DELETE, _DELETE
    read = parse_query(ReadQuery, query) if query else _NO_QUERY
    if call.method == "GET":
        return Operation.DOWNLOAD, read.action()
    version = read.version_id is not None
    wanted = AccessRequest(operation=Operation.HEAD, bucket=bucket, key=key, version=version)
    may_head = allows(call.authorizer.access(call.requester).grants, wanted)
    return Operation.HEAD if may_head else Operation.DOWNLOAD, _head_of(read.action())


async def _listing(
    call: AuthenticatedRequest, listings: Listings, bucket: str, prefix: str
) -> Response:
    query = parse_query(ListingQuery, call.scope["query_string"])
    path: bytes = call.scope["raw_path"]
    if not prefix and not path.endswith(b"/"):  # else the page's relative links would be wrong
        name = path[len(PATH) :].decode("ascii")
        return Response(status_code=308, headers={"Location": f"./{name}/"})
    request = ListingRequest(bucket=bucket, prefix=prefix, after=query.after)
    page = await listings.page(call.requester, request)
    headers = {"Vary": "Accept, Authorization, Origin", "Content-Security-Policy": POLICY}
    if page.next_token is not None:
        headers["Link"] = f'<{next_page(page.next_token)}>; rel="next"'
    media_type = preferred(call.scope["headers"], [_HTML, _JSON])
    if media_type == _JSON:
        body = render_listing(prefix, page)
    else:
        body = as_html(bucket, prefix, page, root_of(path))
    return Response(body, media_type=media_type, headers=headers)


def bucket_and_key(path: bytes) -> tuple[str, str]:
    """Return what follows `/o/` as a bucket and a key, decoded once. The key may be empty.

    Raises InvalidRequest for a bucket's name that is too long, and a path that is not UTF-8.
    """
    bucket, _, key = path.partition(b"/")
    name = decode(bucket)
    if len(name) > _LONGEST_BUCKET:  # it would make the audit line too long for log collectors
        raise InvalidRequest(f"A bucket's name has at most {_LONGEST_BUCKET} characters.")
    return name, decode(key)


@lru_cache(maxsize=256)
def _head_of(get: GetObject) -> HeadObject:
    return HeadObject(
        version_id=get.version_id,
        content_type=get.content_type,
        content_disposition=get.content_disposition,
    )


SERVED: Final = Served(
    use_case=lambda core, values: ObjectUrls(values, core.listings, core.presigner),
    routers=(router,),
    surface="object_urls",
    feature="object URLs",
)
