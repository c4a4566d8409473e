"""The variables of the environment that begin with `PRESIGN_`. Pure."""

import re
from collections.abc import Iterable
from typing import Final

from service.config.quoting import shown
from service.config.server import ServerSettings
from service.errors import ConfigurationProblem
from service.field_names import nearest

_PREFIX: Final = "PRESIGN_"
_OF_THE_SERVICE: Final = (
    "PRESIGN_CONFIG",
    "PRESIGN_BASE_PATH",
    *(f"{_PREFIX}{name.upper()}" for name in ServerSettings.model_fields),
)
_OF_THE_CLIENT: Final = ("PRESIGN_URL", "PRESIGN_TOKEN", "PRESIGN_TOKEN_FILE")
# In each Pod, for a Service named presign or presign-…:
# kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_OF_KUBERNETES: Final = re.compile(
    r"PRESIGN(?:_[A-Z0-9_]+)?_"
    r"(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)"
)


def unknown_variables(variables: Iterable[str]) -> list[ConfigurationProblem]:
    """Return a problem for each variable that nothing reads: a misspelt limit is no limit.

    `variables` are names. Their case does not matter, as in `ServerSettings`.
    """
    known = [*_OF_THE_SERVICE, *_OF_THE_CLIENT]
    unknown = [
        name
        for name in sorted(variables)
        if name.upper().startswith(_PREFIX)
        and name.upper() not in known
        and not _OF_KUBERNETES.fullmatch(name)
    ]
    return [ConfigurationProblem(_message(name, known), (shown(name),)) for name in unknown]


def _message(name: str, known: list[str]) -> str:
    near = nearest(name.upper(), known, cutoff=0.75)
    if near:
        return f"unknown variable; did you mean {near}?"
    return "unknown variable; only PRESIGN_CONFIG, PRESIGN_BASE_PATH and the settings of `server` have one; remove it"
