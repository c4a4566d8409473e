"""No hook has the address by which a cloud gives out credentials, however it is written."""

import pytest

from service.protocols.arrivals.addresses import is_refused, is_refused_host


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.170.2",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "::169.254.169.254",
        "::a9fe:a9fe",
        "::ffff:0:169.254.169.254",
        "::ffff:0:a9fe:a9fe",
        "2002:a9fe:a9fe::",
        "100.100.100.200",
        "192.0.0.192",
        "fd20:ce::254",
        "64:ff9b:1::a9fe:a9fe",
        "not an address",
    ],
)
def test_addresses_of_metadata_are_refused(address: str) -> None:
    assert is_refused(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "192.0.2.1", "2001:db8::1"])
def test_other_addresses_are_connected_to(address: str) -> None:
    assert not is_refused(address)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.43518",
        "2852039166",
        "0xA9FEA9FE",
        "0251.0376.0251.0376",
        "0",
        "fd00:ec2::254",
        "::ffff:a9fe:a9fe",
        "metadata.google.internal",
        "METADATA.google.internal.",
        "instance-data",
    ],
)
def test_no_spelling_of_metadata_is_a_hook(host: str) -> None:
    assert is_refused_host(host)


@pytest.mark.parametrize("host", ["hooks.example.com", "127.0.0.1", "::1", "localhost", "a" * 300])
def test_other_hosts_may_have_hooks(host: str) -> None:
    assert not is_refused_host(host)
