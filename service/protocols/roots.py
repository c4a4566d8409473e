"""Roots: names in the addresses of a protocol, each of which means a bucket and a prefix. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

ROOT_NAME: Final = r"[A-Za-z0-9._-]{1,63}"  # a longer one makes audit lines too long for collectors


@dataclass(frozen=True, slots=True)
class ProtocolRoot:
    """`prefix` is empty or ends in `/`."""

    bucket: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Roots:
    """The roots by name. `path` is what their addresses start with, such as `/lfs`."""

    path: str
    named: Mapping[str, ProtocolRoot] = field(default_factory=dict)

    def find(self, name: str) -> ProtocolRoot:
        """Return the root with this name. No grant covers that of an unknown name.

        So an unknown root is refused and recorded like one that is not granted.
        """
        return self.named.get(name) or ProtocolRoot(f"{self.path}/{name}", "")  # no bucket has `/`
