"""The settings of what Uppy may ask for. Without this section nobody may."""

from pydantic import Field

from service.config.section import Section
from service.config.types import (
    Name,
    Origin,
    OwnPrefix,
    Seconds,
)


class UppySettings(Section):
    """What Uppy may ask for: [Uppy](uppy.md) has the page's code and the proxy's configuration."""

    bucket: Name = Field(description="The bucket that uploads go to, by its name here.")
    prefix: OwnPrefix = Field(
        description="Where each caller's uploads go. `{caller}` stands for the issuer and the "
        "subject, or for `_key` and the API key's name."
    )
    origins: tuple[Origin, ...] = Field(
        (),
        description="Pages that may call `/uppy` from elsewhere; none where a proxy of the page's "
        "own origin calls. `cors_origins` says nothing here. A change counts from the next start on.",
    )
    expires_in: Seconds | None = Field(
        None,
        description="Seconds that a URL lives, within the grant's `max_expires_in`; else the "
        "server's `default_expires_in`.",
    )
