"""Checks the demo's ports. `make demo` asks before it installs any package.

python -m service.demo.ports PORT=8000 STORE_PORT=5000
"""

import socket
import sys
from collections.abc import Mapping
from typing import Final

HOST: Final = "127.0.0.1"
_MAX_PORT: Final = 65_535


def problem_of_ports(ports: Mapping[str, int]) -> str | None:
    """Return what is wrong with the first unusable port, or None. `ports` are by option."""
    if len(set(ports.values())) < len(ports):
        return f"choose different ports with {' and '.join(ports)}"
    for option, port in ports.items():
        if not 0 < port <= _MAX_PORT:
            return f"choose a port from 1 to {_MAX_PORT} with {option}"
        if problem := _problem(port):
            return f"port {port} {problem}; choose another with {option}"
    return None


def _problem(port: int) -> str | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            return "needs more privileges"
        except OSError:
            return "is in use"
    return None


def main(arguments: list[str]) -> str | None:
    """Return what is wrong with `NAME=NUMBER` of each port, or None."""
    ports = {}
    for argument in arguments:
        name, _, number = argument.partition("=")
        ports[f"{name}=NUMBER"] = int(number) if number.isascii() and number.isdecimal() else 0
    return problem_of_ports(ports)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
