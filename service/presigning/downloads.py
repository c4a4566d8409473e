"""How a download is shown: its type, its file name, and whether in the browser. Pure."""

from functools import lru_cache

from service.access.content_types import runs_in_browser
from service.errors import UnsafeContentType
from service.signing.actions import GetObject
from service.signing.content_disposition import Disposition, content_disposition


@lru_cache(maxsize=256)
def get_object(
    *,
    version_id: str | None = None,
    content_type: str | None = None,
    disposition: Disposition | None = None,
    filename: str | None = None,
    cache_control: str | None = None,
) -> GetObject:
    """Raises UnsafeContentType for a script that would be shown inline, and InvalidRequest."""
    return GetObject(
        version_id=version_id,
        content_type=content_type,
        content_disposition=_disposition(content_type, disposition, filename),
        cache_control=cache_control,
    )


def _disposition(
    content_type: str | None, disposition: Disposition | None, filename: str | None
) -> str | None:
    """Never inline for a type that browsers run: its script would act as the store's origin."""
    unsafe = content_type is not None and runs_in_browser(content_type)
    if unsafe and disposition == "inline":
        detail = "Browsers run this content type, so it cannot be shown inline."
        raise UnsafeContentType(detail, pointer="#/content_type")
    if disposition is None and filename is None and not unsafe:
        return None
    return content_disposition(disposition or "attachment", filename)
