"""The address of a request's client, as proxies say that the configuration trusts. Pure.

A proxy passes on what its client wrote in a header, and appends the address that it sees. So the
header is read from its end, up to the first address that is no trusted proxy's. What is before that
may be anybody's words. Only one header is read: the proxies may pass on the other as it came.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from service.signing.validation import NAME_PART

FORWARDED: Final = "Forwarded"  # RFC 7239

_Address = IPv4Address | IPv6Address
_Headers = Sequence[tuple[bytes, bytes]]

_MOST_PROXIES: Final = 32  # that one request came through
_LONGEST_NODE: Final = 64  # an IPv6 address with brackets and a port has 47 characters
_PORT: Final = r"(?::[0-9]{1,5})?"
_NODE: Final = re.compile(
    rf"\[([0-9A-Fa-f:.]+)\]{_PORT}|([0-9.]+){_PORT}|([0-9A-Fa-f:.]+)", re.ASCII
)
_PAIR: Final = re.compile(rf'({NAME_PART})=(?:({NAME_PART})|"((?:[^"\\]|\\.)*+)")')
_ELEMENT: Final = re.compile(rf"\s*{_PAIR.pattern}\s*(?:;\s*{_PAIR.pattern}\s*)*", re.ASCII)


class TrustedProxies:
    """`networks` are those of the proxies. `header` is the one to which they append addresses."""

    def __init__(self, networks: Iterable[str], header: str) -> None:
        self._networks: list[IPv4Network | IPv6Network] = [*map(ip_network, networks)]
        self._header = header.lower().encode()
        self._read: Callable[[str], Iterator[str]] = (
            _nodes_of_elements if header == FORWARDED else _nodes_of_list
        )

    def client(self, peer: str, headers: _Headers) -> str:
        """Return the client's address. Without a readable one it is the connection's, `peer`."""
        address = _address(peer.partition("%")[0])
        if not self._trusts(address):
            return peer
        for count, node in enumerate(self._nodes(headers)):
            address = _address(node) if count < _MOST_PROXIES else None
            if address is None:
                return peer
            if not self._trusts(address):
                break
        return str(address)

    def _trusts(self, address: _Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)

    def _nodes(self, headers: _Headers) -> Iterator[str]:
        """Yield what the header names, the last one first."""
        for name, value in reversed(headers):
            if name == self._header:
                yield from self._read(value.decode("latin-1"))


def _nodes_of_list(value: str) -> Iterator[str]:
    return map(str.strip, reversed(value.split(",")))


def _nodes_of_elements(value: str) -> Iterator[str]:
    """Yield the `for` of each element of `Forwarded`, the last one first, or nothing in its place.

    A quoted string may have commas, and a client may leave a quote open in front of what a proxy
    appends. So the shortest end that is an element is one. No end that begins in a proxy's string
    is: its quotes do not match. Few commas are looked at, since each may cost the rest.
    """
    start = end = len(value)
    for _ in range(_MOST_PROXIES):
        start = value.rfind(",", 0, start)
        if _ELEMENT.fullmatch(value, start + 1, end):
            yield _forwarded_for(value, start + 1, end)
            end = start
        if start < 0:
            break
    if end >= 0:
        yield ""


def _forwarded_for(value: str, start: int, end: int) -> str:
    """Return the `for` of an element, or nothing if it has not exactly one."""
    pairs = _PAIR.finditer(value, start, end)
    found = [pair[2] or pair[3] for pair in pairs if pair[1].lower() == "for"]
    return found[0] if len(found) == 1 else ""


def _address(node: str) -> _Address | None:
    return _parsed(node) if len(node) <= _LONGEST_NODE else None


@lru_cache(maxsize=1024)
def _parsed(node: str) -> _Address | None:
    """Return the address of a node, which may have a port. A zone is refused: it is any text."""
    if (match := _NODE.fullmatch(node)) is None:
        return None
    try:
        found = ip_address(next(filter(None, match.groups())))
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
