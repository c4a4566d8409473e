"""The kinds of answers that contain download URLs. A bucket says which CloudFront delivers. Pure.

`downloads` are those of `/v1/download-urls`, `object_urls` what `/o/` redirects to, `links` share
links, and `protocols` all others.
"""

from typing import Final, Literal, get_args

Surface = Literal["downloads", "object_urls", "links", "protocols"]
SURFACES: Final[tuple[Surface, ...]] = get_args(Surface)
# Their requests name headers of the response, so their callers learn what is not possible.
ASKED_BY_CALLERS: Final[frozenset[Surface]] = frozenset({"downloads", "object_urls"})
