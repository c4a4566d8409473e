"""What a path below `/caches/` asks for, as it was sent. Pure."""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from service.errors import NotFound
from service.protocols.build_caches.places import Program
from service.protocols.roots import ROOT_NAME

_NAME: Final = re.compile(ROOT_NAME)


class Resource(Enum):
    ARTIFACT = auto()
    ARTIFACTS = auto()  # of Turborepo, to ask for many at once
    EVENTS = auto()
    STATUS = auto()
    TICKETS = auto()


@dataclass(frozen=True, slots=True)
class Address:
    """`program` is None for what belongs to neither. `hash` is as it was sent, maybe no hash."""

    cache: str
    resource: Resource
    program: Program | None = None
    hash: str = ""


def parse_address(path: bytes, method: str) -> Address:
    """Return what the path, without `/caches/`, asks for. Raises NotFound.

    `status` and `events` could be hashes, but no program asks for them by these methods.
    """
    name, *rest = path.decode("latin-1").split("/")
    if _NAME.fullmatch(name) is None:
        raise NotFound("No such resource.")
    match method, rest:
        case "POST", ["tickets"]:
            return Address(name, Resource.TICKETS)
        case "GET", ["v8", "artifacts", "status"]:
            return Address(name, Resource.STATUS, Program.TURBOREPO)
        case "POST" | "OPTIONS", ["v8", "artifacts", "events"]:
            return Address(name, Resource.EVENTS, Program.TURBOREPO)
        case "POST" | "OPTIONS", ["v8", "artifacts"]:
            return Address(name, Resource.ARTIFACTS, Program.TURBOREPO)
        case "GET" | "HEAD" | "PUT" | "OPTIONS", ["v8", "artifacts", *segments]:
            return Address(name, Resource.ARTIFACT, Program.TURBOREPO, "/".join(segments))
        case "GET" | "HEAD" | "PUT", ["v1", "cache", *segments]:
            return Address(name, Resource.ARTIFACT, Program.NX, "/".join(segments))
    raise NotFound("No such resource.")


def program_of(path: bytes) -> Program | None:
    """Return whose client reads the answer to a path, without `/caches/`."""
    match path.split(b"/")[1:2]:
        case [b"v8"]:
            return Program.TURBOREPO
        case [b"v1"]:
            return Program.NX
    return None
