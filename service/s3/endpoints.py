"""Resolves buckets to scheme, host, path prefix and region, once: botocore decides.

botocore's model of S3 takes 15 MiB, and its modules more, which a server does not need afterwards.
So a server asks botocore in a process that ends.
"""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from service.errors import ConfigurationError, ConfigurationProblem
from service.s3.location import Location
from service.signing.signer import Address

if TYPE_CHECKING:
    from service.s3.botocore_endpoints import Resolved

log = logging.getLogger(__name__)

# It ends soon: collections of garbage would take 0.04 of its 0.35 s.
_PROGRAM: Final = """
import gc
gc.disable()
from service.s3.botocore_endpoints import main
main()
"""
# -P: do not import what lies in the current directory.
_COMMAND: Final = (sys.executable, "-P", "-c", _PROGRAM)


class Endpoints(NamedTuple):
    """The address of each bucket by name, and the regions of S3 that botocore knows."""

    addresses: dict[str, Address]
    known_regions: frozenset[str]


def resolve(
    locations: Mapping[str, Location],
    *,
    in_process: bool = False,
    meanwhile: Callable[[], object] = bool,
) -> Endpoints:
    """Return where the buckets are. Takes some 0.3 s: not for the event loop.

    `in_process` starts no other process. `meanwhile` is called while it runs. Raises
    ConfigurationError with a problem for each bucket that cannot be resolved.
    """
    found = None if in_process else _ask_process(locations, meanwhile)
    if found is None:
        from service.s3.botocore_endpoints import find_addresses  # noqa: PLC0415

        found = find_addresses(locations)
    if found["problems"]:
        raise ConfigurationError(
            [
                ConfigurationProblem(text, ("buckets", name))
                for name, text in found["problems"].items()
            ]
        )
    addresses = {name: _address(each) for name, each in found["addresses"].items()}
    return Endpoints(addresses, frozenset(found["regions"]))


def _ask_process(
    locations: Mapping[str, Location], meanwhile: Callable[[], object]
) -> "Resolved | None":
    """Return None if no process can be started here, or if it fails: the caller does its work."""
    try:
        with subprocess.Popen(  # noqa: S603 - this interpreter
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},  # it imports what we do
            text=True,
        ) as process:
            assert process.stdin is not None  # both are pipes
            assert process.stdout is not None
            with process.stdin:
                json.dump({name: asdict(each) for name, each in locations.items()}, process.stdin)
            meanwhile()
            answer = process.stdout.read()
        found: Resolved = json.loads(answer)
    except (OSError, MemoryError, ValueError) as error:
        log.info("no process can resolve the buckets: %s", type(error).__name__)
        return None
    return found


def _address(document: Mapping[str, Any]) -> Address:
    internal = document["internal"]
    return Address(**{**document, "internal": None if internal is None else _address(internal)})
