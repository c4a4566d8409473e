"""A store with unfinished uploads in one bucket."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal
from xml.sax.saxutils import escape

import httpx

from service.s3.listing_xml import OpenUpload
from tests.support.app import make_store_response

HOUR: Final = 3600
DAY: Final = 24 * HOUR
OLD: Final = "2025-12-01T00:00:00.000Z"  # a month before the fake clock
YOUNG: Final = "2025-12-31T23:00:00Z"
LISTING_XML: Final = "<ListMultipartUploadsResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>{}</ListMultipartUploadsResult>"
ERROR_XML: Final = (
    "<Error><Code>{}</Code><Message>arn:aws:iam::111122223333:user/ann may not</Message></Error>"
)

Markers = Literal["both", "id alone", "ignored"]


def upload(number: int, initiated: str = OLD, key: str | None = None) -> OpenUpload:
    return OpenUpload(
        key=key or f"uploads/{number:06}", upload_id=f"id-{number:06}", initiated=initiated
    )


def uploads(count: int) -> list[OpenUpload]:
    return [upload(number) for number in range(count)]


@dataclass
class FakeBucket:
    """A store with one bucket. `errors` has a code for a method, or for an upload's id."""

    uploads: list[OpenUpload]
    page_size: int = 1000
    markers: Markers = "both"
    errors: dict[str, str] = field(default_factory=dict)
    methods: list[str] = field(default_factory=list)
    sent_markers: list[dict[str, str]] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.methods.append(request.method)
        query = dict(request.url.params)
        code = self.errors.get(request.method) or self.errors.get(query.get("uploadId", ""))
        if code == "hangs up":
            raise httpx.ConnectError("of a-secret.example", request=request)
        if code is not None:
            return make_store_response(403, ERROR_XML.format(code))
        return self._list(query) if request.method == "GET" else await self._abort(request, query)

    def _list(self, query: dict[str, str]) -> httpx.Response:
        self.sent_markers.append({name: query[name] for name in query if name.endswith("-marker")})
        ids = [each.upload_id for each in self.uploads]
        after = query.get("upload-id-marker") if self.markers != "ignored" else None
        first = ids.index(after) + 1 if after else 0
        page = self.uploads[first : first + self.page_size]
        is_truncated = first + self.page_size < len(ids)
        listing = self._rendered(page, is_truncated=is_truncated)
        return make_store_response(200, LISTING_XML.format(listing))

    def _rendered(self, page: Sequence[OpenUpload], *, is_truncated: bool) -> str:
        text = "".join(
            f"<Upload><Key>{escape(each.key)}</Key><UploadId>{each.upload_id}</UploadId>"
            f"<Initiated>{escape(each.initiated)}</Initiated></Upload>"
            for each in page
        )
        if is_truncated and self.markers != "id alone":
            text += f"<NextKeyMarker>{escape(page[-1].key)}</NextKeyMarker>"
        if is_truncated:
            text += f"<NextUploadIdMarker>{page[-1].upload_id}</NextUploadIdMarker>"
        return text + f"<IsTruncated>{str(is_truncated).lower()}</IsTruncated>"

    async def _abort(self, request: httpx.Request, query: dict[str, str]) -> httpx.Response:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        key = request.url.path.removeprefix("/")
        found = [each for each in self.uploads if each.upload_id == query["uploadId"]]
        if [each.key for each in found] != [key]:
            return make_store_response(404, ERROR_XML.format("NoSuchUpload"))
        self.uploads.remove(found[0])
        return make_store_response(204, "")
