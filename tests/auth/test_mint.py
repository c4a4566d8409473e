"""The keys of the tests, which the servers of issuers ask for in threads of their own."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.auth.mint import rsa_key

BITS = 2056  # of no other test, so the key is not there yet


def test_threads_that_ask_at_once_get_one_key() -> None:
    together = Barrier(2)

    def ask() -> RSAPrivateKey:
        together.wait()
        return rsa_key(BITS)

    with ThreadPoolExecutor() as threads:
        first, second = (threads.submit(ask) for _ in range(2))
    assert first.result() is second.result()
