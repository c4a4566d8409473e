"""Text that is the same for everybody: the console's files, the API document, the page of errors.

It is compressed once, and sent so where the client accepts that. No other answer is compressed. The
length of a compressed answer says whether text that somebody chose is also in the secrets next to
it (BREACH), and the answers that sign or list have both.
"""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field

from fastapi import Request, Response

from service.api.accept import prefers_gzip

_VARY = {"Vary": "Accept-Encoding"}


@dataclass(frozen=True, slots=True)
class PublicText:
    """Making one takes 5 ms for 120 KB, so keep it."""

    body: bytes
    media_type: str
    compressed: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Without the time all replicas send the same bytes.
        object.__setattr__(self, "compressed", gzip.compress(self.body, mtime=0))

    def response(self, request: Request, headers: Mapping[str, str] | None = None) -> Response:
        """Return the response to `request`, with `headers`."""
        is_shorter = len(self.compressed) < len(self.body)
        sent = {**(headers or {}), **_VARY}
        if is_shorter and prefers_gzip(request.scope["headers"]):
            sent["Content-Encoding"] = "gzip"
            return Response(self.compressed, media_type=self.media_type, headers=sent)
        return Response(self.body, media_type=self.media_type, headers=sent)
