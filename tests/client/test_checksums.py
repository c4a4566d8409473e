"""Checksums: their values, and what is said when one cannot be computed."""

import sys

import pytest

from presign_client.checksums import ALGORITHMS, digest_of, encoded, new_digest, strongest

CHECK = [b"1234", b"56789"]  # the input whose CRCs catalogues list


@pytest.mark.parametrize(
    ("algorithm", "value"),
    [
        ("SHA256", "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
        ("SHA1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
        ("CRC32", "cbf43926"),
        ("CRC32C", "e3069283"),
    ],
)
def test_a_checksum_is_that_of_all_chunks(algorithm: str, value: str) -> None:
    assert algorithm in ALGORITHMS
    assert digest_of(CHECK, algorithm).hex() == value


def test_a_checksum_is_base64() -> None:
    assert encoded(bytes.fromhex("cbf43926")) == "y/Q5Jg=="


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google_crc32c", None)

    with pytest.raises(ValueError, match=r"pip install 'presign-client\[crc32c\]'"):
        new_digest("CRC32C")
    assert strongest({"CRC32C": "4waSgw=="}) is None


def test_the_strongest_checksum_is_compared() -> None:
    found = strongest({"CRC32": "y/Q5Jg==", "SHA256": "abc=-3", "CRC64NVME": "rosUhgp5mIg="})

    assert found is not None
    assert (found.algorithm, found.value, found.count) == ("SHA256", "abc=", 3)
