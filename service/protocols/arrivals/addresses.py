"""Refuses hooks at addresses by which a cloud gives credentials to its machines."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

_REFUSED: Final = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",  # this machine
            "::/96",  # RFC 4291: contains an IPv4 address, except ::1
            "::ffff:0:0:0/96",  # RFC 2765: translated to an IPv4 address
            "169.254.0.0/16",  # metadata of AWS, Google Cloud, Azure and others
            "fe80::/10",
            "fd00:ec2::/32",  # AWS: "Access instance metadata" in the guide of EC2
            "100.100.100.200/32",  # Alibaba Cloud
            "192.0.0.192/32",  # Oracle Cloud
            "fd20:ce::254/128",  # Google Cloud
            "64:ff9b:1::/48",  # RFC 8215: translated to any IPv4 address
            "168.63.129.16/32",  # Azure: "What is IP address 168.63.129.16?"
        ),
    )
)
_LOOPBACK: Final = ip_address("::1")
_NAT64: Final = ip_network("64:ff9b::/96")  # RFC 6052: the last four bytes are an IPv4 address
_NAMES: Final = frozenset(
    {
        "instance-data",
        "instance-data.ec2.internal",
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
    }
)


def is_refused_host(host: str) -> bool:
    """Return whether the host of a URL is such an address or name, in any spelling."""
    name = host.lower().rstrip(".")
    if name in _NAMES:
        return True
    try:
        # Reads 169.254.43518, 0xA9FEA9FE and 0251.0376.0251.0376 as connecting does.
        return is_refused(socket.inet_ntoa(socket.inet_aton(name)))
    except (OSError, UnicodeError):
        return ":" in name and is_refused(name)


def is_refused(address: str) -> bool:
    """Return whether an IP address, as it is connected to, is one of these."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return True
    if parsed == _LOOPBACK:
        return False
    return any(meaning in network for meaning in _meanings(parsed) for network in _REFUSED)


def _meanings(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """Return the address, and the IPv4 address inside."""
    inside: IPv4Address | None = None
    if isinstance(address, IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inside = IPv4Address(int(address) & 0xFFFFFFFF)
    return [address] if inside is None else [address, inside]
