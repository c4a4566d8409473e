"""What only `presign check --strict` warns about: what may be left out, and is better set. Pure."""

from collections.abc import Iterator

from service.access.create_only import UPLOADS
from service.access.grants import Operation
from service.app.settings import Settings
from service.config.callers import GrantSettings
from service.errors import ConfigurationProblem


def warnings(settings: Settings) -> Iterator[ConfigurationProblem]:
    for i, caller in enumerate(settings.callers):
        if caller.api_key is not None and caller.not_after is None:
            text = "its key never ends; set not_after, and rotate the key before"
            yield ConfigurationProblem(text, ("callers", i))
        if caller.rate_limit is None:
            text = "may request as many URLs as the service can sign; set rate_limit"
            yield ConfigurationProblem(text, ("callers", i))
    for at, grant in settings.located_grants():
        if _has_no_size(grant):
            any_type = grant.content_types is None
            text = f"allows uploads of any size{' and type' if any_type else ''}; set "
            text += f"max_content_length{' and content_types' if any_type else ''}"
            yield ConfigurationProblem(text, at)


def _has_no_size(grant: GrantSettings) -> bool:
    """Whether uploads have no largest size, although the settings allow one in such a grant."""
    if grant.max_content_length is not None or UPLOADS.isdisjoint(grant.allow):
        return False
    signs_parts = {Operation.SIGN, Operation.MULTIPART}.issubset(grant.allow)
    return not signs_parts and Operation.CREDENTIALS not in grant.allow
