"""The settings of object URLs."""

from typing import Annotated

from pydantic import BeforeValidator

from service.config.durations import Seconds
from service.config.types import Section


class ObjectUrlSettings(Section):
    """On by default: `objects: false` turns object URLs off."""

    expires_in: Seconds = 300
    """How long the URL lives that `/o/…` redirects to, up to the grant's `max_expires_in`."""


def _section(value: object) -> object:
    """`objects: false` is no section, `objects: true` an empty one."""
    if value is True or value is None:
        return {}
    return None if value is False else value


Objects = Annotated[
    ObjectUrlSettings | None,
    BeforeValidator(_section, json_schema_input_type=ObjectUrlSettings | bool | None),
]
