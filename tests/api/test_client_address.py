"""The client's address, which only trusted proxies may name: an attacker must not choose it."""

import json
from typing import Any, Final

import pytest

from service.api.client_address import TrustedProxies
from tests.support.app import make_app_settings, make_open_grant, run_app

PROXIES: Final = ("10.0.7.4/32", "10.1.0.0/16", "2001:db8:1::/48")
PROXY: Final = "10.0.7.4"
CLIENT: Final = "203.0.113.7"
GET: Final = {"bucket": "demo", "key": "a"}
BY_XFF: Final = TrustedProxies(PROXIES, "X-Forwarded-For")
BY_RFC_7239: Final = TrustedProxies(PROXIES, "Forwarded")


def by_xff(*values: str, peer: str = PROXY) -> str:
    return BY_XFF.client(peer, [(b"x-forwarded-for", each.encode("latin-1")) for each in values])


def by_rfc_7239(*values: str, peer: str = PROXY) -> str:
    return BY_RFC_7239.client(peer, [(b"forwarded", each.encode("latin-1")) for each in values])


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ((), PROXY),
        ((CLIENT,), CLIENT),
        (("192.0.2.1, 203.0.113.7",), CLIENT),  # the first is the client's own claim
        (("192.0.2.1", "203.0.113.7"), CLIENT),
        (("203.0.113.7, 10.1.2.3",), CLIENT),
        (("203.0.113.7", "10.1.2.3,10.1.2.4"), CLIENT),
        (("10.1.9.9, 10.1.2.3",), "10.1.9.9"),  # a proxy's own request
        (("203.0.113.7:49152",), CLIENT),
        (("2001:db8::7",), "2001:db8::7"),
        (("[2001:db8::7]:443",), "2001:db8::7"),
        (("2001:DB8:0:0::7",), "2001:db8::7"),
        (("::ffff:203.0.113.7",), CLIENT),
        (("203.0.113.7, 2001:db8:1::9",), CLIENT),
        (("junk, 203.0.113.7",), CLIENT),
    ],
)
def test_the_last_address_that_is_not_trusted_counts(values: tuple[str, ...], address: str) -> None:
    assert by_xff(*values) == address


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", ",", "203.0.113.7,", "unknown", "_hidden", "localhost", "203.0.113.7 10.1.2.3"),
        *("203.0.113.300", "203.0.113", "0203.0.113.7", "203.0.113.7:http", "203.0.113.7:123456"),
        *("[2001:db8::7", "2001:db8::7]", "fe80::1%eth0", 'fe80::1%"}', "'203.0.113.7'", "é"),
        *(f"203.0.113.7{' ' * 9}x", "1" * 65, "\u00b2.0.0.1", "203.0.113.7\t1"),
    ],
)
def test_a_malformed_end_leaves_the_connections_address(value: str) -> None:
    assert by_xff(CLIENT, value) == PROXY
    assert by_xff(f"{CLIENT}, {value}, 10.1.2.3") == PROXY


@pytest.mark.parametrize(
    ("values", "address"),
    [
        (("for=203.0.113.7",), CLIENT),
        (('For="203.0.113.7:49152"; proto=https;by=10.0.7.4',), CLIENT),
        (('for=192.0.2.1, for="[2001:db8::7]:4711"',), "2001:db8::7"),
        (("for=192.0.2.1", "proto=http;for=203.0.113.7"), CLIENT),
        (("for=203.0.113.7, for=10.1.2.3",), CLIENT),
        (('for="x, for=203.0.113.7',), CLIENT),  # a quote that the client left open
        (('host="a;b", for=203.0.113.7',), CLIENT),
        (('for=203.0.113.7;host="a,b"',), CLIENT),
        (('for=192.0.2.1, for=203.0.113.7;host="a,b", for=10.1.2.3;host="a,b"',), CLIENT),
        (('host="x;y\\"z";for=203.0.113.7',), CLIENT),
        (('for="x, host="a,b";for=203.0.113.7',), CLIENT),
        (("for=unknown",), PROXY),
        (("for=_hidden",), PROXY),
        (("proto=https",), PROXY),
        (("for=203.0.113.7;for=192.0.2.1",), PROXY),
        (('host=";for=203.0.113.7"',), PROXY),
        (("for=203.0.113.7,",), PROXY),
        ((",for=10.1.2.3",), PROXY),
        (("for=203.0.113.7:80",), PROXY),  # a port needs quotes
        (("for=2001:db8::7",), PROXY),
        (("for = 203.0.113.7",), PROXY),
        (('for="203.0.113.7',), PROXY),
        (('for="203.0.\\113.7"',), PROXY),
        (("203.0.113.7",), PROXY),
        (("",), PROXY),
    ],
)
def test_forwarded_is_read_by_its_grammar(values: tuple[str, ...], address: str) -> None:
    assert by_rfc_7239(*values) == address


@pytest.mark.parametrize(
    "host",
    [
        "x,for=192.0.2.1;y=z",
        "x,for=192.0.2.1;y=",
        'x,for=192.0.2.1;y=\\"z',
        'x,for=\\"192.0.2.1',
        'x,y=\\",for=192.0.2.1;y=\\"',
        "x,for=192.0.2.1;y=\\\\",
        "x,for=192.0.2.1,y=",
    ],
)
@pytest.mark.parametrize("more", ["", ';by="x"', ';by=";for=192.0.2.1;x="', ", for=10.1.2.3"])
def test_a_client_chooses_no_address_by_its_host(host: str, more: str) -> None:
    """A proxy quotes the `Host` that a client sends."""
    assert by_rfc_7239(f'for={CLIENT};host="{host}"{more}') == CLIENT


@pytest.mark.parametrize("peer", ["203.0.113.9", "10.0.7.5", "2001:db8:2::1", "no address", ""])
def test_a_client_cannot_choose_its_address(peer: str) -> None:
    """The connection is its own, or it writes what the trusted proxy only appends to."""
    assert by_xff("192.0.2.1", peer=peer) == peer
    assert by_rfc_7239("for=192.0.2.1", peer=peer) == peer
    for claim in ("192.0.2.1", "10.1.2.3", "192.0.2.1, 10.1.2.3", 'for="', "\xff", ",,"):
        assert by_xff(f"{claim}, {CLIENT}") == by_xff(claim, CLIENT) == CLIENT
        assert by_rfc_7239(claim, f"for={CLIENT}") == CLIENT
    both = [(b"forwarded", b"for=192.0.2.1"), (b"x-forwarded-for", CLIENT.encode())]
    assert BY_XFF.client(PROXY, both) == BY_XFF.client(PROXY, both[::-1]) == CLIENT
    both = [(b"forwarded", f"for={CLIENT}".encode()), (b"x-forwarded-for", b"192.0.2.1")]
    assert BY_RFC_7239.client(PROXY, both) == CLIENT
    assert BY_XFF.client(PROXY, [(b"x-real-ip", b"192.0.2.1")]) == PROXY


@pytest.mark.parametrize("peer", ["::ffff:10.0.7.4", "2001:db8:1::5", "2001:db8:1::5%eth0"])
def test_a_trusted_connection_has_any_spelling(peer: str) -> None:
    assert by_xff(CLIENT, peer=peer) == CLIENT


def test_a_long_way_through_proxies_is_not_followed() -> None:
    assert by_xff(", ".join([CLIENT, *["10.1.2.3"] * 31])) == CLIENT
    assert by_xff(", ".join([CLIENT, *["10.1.2.3"] * 5000])) == PROXY
    for commas, address in ((31, CLIENT), (32, PROXY), (16_000, PROXY)):
        assert by_rfc_7239(f"for={CLIENT}{', for=10.1.2.3' * commas}") == address
        assert by_rfc_7239(f'for={CLIENT};host="{"," * commas}"') == address


HEADERS: Final = {"X-Forwarded-For": f"192.0.2.1, {CLIENT}", "Forwarded": "for=192.0.2.2"}


async def audited(key: str | None = None, **server: Any) -> str:
    """Return the `client` of a request that came from PROXY."""
    lines: list[bytes] = []
    settings = make_app_settings(make_open_grant(), server=server)
    async with run_app(settings, audit=lines.extend) as client:
        transport: Any = client._transport
        transport.client = (PROXY, 4711)
        more = {} if key is None else {"Authorization": f"Bearer {key}"}
        await client.post("/v1/download-urls", json=GET, headers=HEADERS | more)
    [line] = map(json.loads, lines)
    address: str = line["client"]
    return address


@pytest.mark.parametrize("key", [None, "wrong"])
@pytest.mark.parametrize(
    ("header", "address"), [("X-Forwarded-For", CLIENT), ("Forwarded", "192.0.2.2")]
)
async def test_the_audit_trail_has_the_clients_address(
    header: str, address: str, key: str | None
) -> None:
    assert await audited(key, trusted_proxies=[PROXY], proxy_header=header) == address


async def test_without_trusted_proxies_no_header_counts() -> None:
    assert await audited() == PROXY
    assert await audited(trusted_proxies=["10.0.7.5", "10.1.0.0/16"]) == PROXY
