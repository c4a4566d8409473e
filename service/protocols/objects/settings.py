"""The settings of object URLs."""

from typing import Annotated

from pydantic import BeforeValidator

from service.config.durations import Seconds
from service.config.quoting import Shown
from service.config.types import Section, true_false_or
from service.protocols.protocol import Shared
from service.sessions.lifetime import Lifetime


class ObjectUrlSettings(Section):
    """On by default: `objects: false` turns object URLs off."""

    expires_in: Shown[Seconds] = 300
    """Lifetime of the URL that `/o/…` redirects to, up to the grant's `max_expires_in`."""


Objects = Annotated[
    ObjectUrlSettings | None,
    true_false_or(ObjectUrlSettings, "`expires_in`"),
    BeforeValidator(lambda value: {} if value is None else value),
]


def values(objects: ObjectUrlSettings, _: Shared) -> Lifetime:
    return Lifetime(expires_in=objects.expires_in)
