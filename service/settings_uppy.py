"""The settings of what Uppy may ask for. Without this section nobody may."""

from service.settings_section import Section
from service.settings_values import Name, Origin, OwnPrefix, Seconds


class UppySettings(Section):
    """`origins` are the pages that may call from elsewhere; behind a proxy of the same origin there are none."""

    bucket: Name
    prefix: OwnPrefix
    origins: tuple[Origin, ...] = ()
    expires_in: Seconds | None = None  # default: the server's, within the grant's
