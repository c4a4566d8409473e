"""The tools that read: what a caller may do, which files there are, what one of them is."""

import asyncio
from dataclasses import replace
from typing import Any, Final

from service.access.caller_description import describe
from service.access.decisions import Denied, decide
from service.access.grants import AccessRequest, Operation
from service.api.schemas import or_none
from service.concurrency.event_loop import in_slices
from service.errors import NotFound, RateLimited, StorageRefused, StorageUnavailable
from service.multipart.object_checks import ObjectExpectation
from service.presigning.answers import Unsigned
from service.presigning.listings import MAX_PAGES, ListingRequest
from service.presigning.requests import UnreadRequest
from service.protocols.mcp.arguments import (
    FindArguments,
    ListArguments,
    NoArguments,
    ObjectArguments,
)
from service.protocols.mcp.listing import (
    DEFAULT_NAMES,
    MAX_LOOKED_AT,
    MAX_NAMES,
    Answer,
    Pattern,
    names_of,
    start_after,
)
from service.protocols.mcp.results import plain
from service.protocols.mcp.settings import PATH
from service.protocols.mcp.use_case import ToolCall
from service.s3.queries import LIST_SECONDS

_NOT_SHOWN: Final = "The store shows no such file: it is not there, or the store refuses to say."
_SHOWN: Final = ("content_type", "etag", "version_id", "checksums", "metadata")


async def show_access(call: ToolCall, _: NoArguments) -> bytes:
    """It counts as one URL, as the other tools do."""
    identity, authorizer = call.requester.identity, call.core.authorizer

    async def shown() -> Unsigned:
        return Unsigned()

    await authorizer.audited(call.requester, UnreadRequest(PATH), (), shown)
    snapshot = authorizer.snapshot
    grants = snapshot.access(identity).grants
    return plain(describe(identity, grants, snapshot.matched(identity)))


async def list_files(call: ToolCall, arguments: ListArguments) -> bytes:
    limit = or_none(arguments.limit) or DEFAULT_NAMES
    request = _listing_request(arguments, delimiter="/", max_keys=limit)
    page = await call.core.listings.page(call.requester, request)
    answer, names = Answer(limit), names_of(page)
    is_whole = all(map(answer.add, names)) and page.next_token is None
    return plain(answer.value(is_whole=is_whole))


async def find_files(call: ToolCall, arguments: FindArguments) -> bytes:
    """A search that the rate or the time ends has a cursor, or it would never come further."""
    answer, is_whole = Answer(or_none(arguments.limit) or DEFAULT_NAMES), False
    try:
        async with asyncio.timeout(LIST_SECONDS):
            is_whole = await _search(call, arguments, answer)
    except RateLimited:
        if answer.last is None:
            raise
    except TimeoutError:
        if answer.last is None:
            detail = f"The store did not list the names within {LIST_SECONDS:g} s."
            raise StorageUnavailable(detail) from None
    value = answer.value(is_whole=is_whole)
    del value["folders"]
    return plain(value)


async def _search(call: ToolCall, arguments: FindArguments, answer: Answer) -> bool:
    """Look at names until there are enough, or no more. Return whether these were all.

    A grant may allow short pages only, so the pages have a bound, too.
    """
    pattern, looked_at = Pattern(arguments.pattern), 0
    request = _listing_request(arguments, delimiter=None, max_keys=MAX_NAMES)
    for _ in range(MAX_PAGES):
        page = await call.core.listings.page(call.requester, request)
        looks = ((name, pattern.matches(name.text)) for name in names_of(page))
        async for name, is_match in in_slices(looks):
            if is_match and not answer.add(name):
                return False
            answer.last = name.text
            if answer.is_full:
                return False
        if page.next_token is None:
            return True
        looked_at += len(page.objects)
        if looked_at >= MAX_LOOKED_AT:
            return False
        request = replace(request, after=page.next_token, start_after=None)
    return False


async def describe_file(call: ToolCall, arguments: ObjectArguments) -> bytes:
    expected = ObjectExpectation(
        bucket=arguments.bucket, key=arguments.key, operation=_operation(call, arguments)
    )
    try:
        found = await call.core.object_checks.check(call.requester, expected)
    except StorageRefused:  # S3 says so of a missing key if the session may not list
        raise NotFound(_NOT_SHOWN) from None
    if found is None:
        raise NotFound("There is no such file.")
    members: dict[str, Any] = {name: getattr(found, name) for name in _SHOWN}
    shown = {name: value for name, value in members.items() if value is not None}
    size = found.content_length
    return plain({"bucket": arguments.bucket, "key": arguments.key, "size": size, **shown})


def _operation(call: ToolCall, arguments: ObjectArguments) -> Operation:
    """Return `head`, or `download`, by which one could read the object anyway."""
    head = AccessRequest(operation=Operation.HEAD, bucket=arguments.bucket, key=arguments.key)
    grants = call.core.authorizer.access(call.requester).grants
    return Operation.DOWNLOAD if isinstance(decide(grants, head), Denied) else Operation.HEAD


def _listing_request(
    arguments: ListArguments, *, delimiter: str | None, max_keys: int
) -> ListingRequest:
    prefix, cursor = or_none(arguments.prefix) or "", or_none(arguments.cursor)
    return ListingRequest(
        bucket=arguments.bucket,
        prefix=prefix,
        delimiter=delimiter,
        start_after=None
        if cursor is None
        else start_after(cursor, prefix, folders=delimiter is not None),
        max_keys=max_keys,
    )
