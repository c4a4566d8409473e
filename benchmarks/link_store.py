"""The store of links in a soak: one caller can put only so much into it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from service.config.key_files import new_key
from service.protocols.links.link_store import MOST_LINKS
from tests.support.valkey import Valkey

_FEW: Final = 10  # keys that are not links


@contextmanager
def links_with_a_store(directory: Path, missed: list[str]) -> Iterator[str]:
    """The section `links` of the configuration. At the end, bars that the store missed are in `missed`."""
    key = directory / "link.key"
    key.write_text(new_key(b"k" * 32))
    section = f'links: {{keys: ["{key}"], store_url: "URL"}}\n'
    if not any(map(shutil.which, ("redis-server", "valkey-server"))):
        print("LEFT OUT         a store of links that replicas share: install valkey-server")
        yield section.replace("URL", "memory://")
        return
    store = Valkey(directory)
    store.start()
    try:
        yield section.replace("URL", store.url)
        missed += _missed(store)
    finally:
        store.stop()


def _missed(valkey: Valkey) -> list[str]:
    with valkey.client() as store:
        keys, revoked = store.dbsize(), store.zcard("presign:{links}:revoked-by-end")
        mib = int(store.info("memory")["used_memory_dataset"]) / 2**20
    print(f"store of links   {keys} keys, {revoked} revocations, {mib:.1f} MiB")
    missed = (
        [] if revoked == 1 else [f"one link that is ended again and again is {revoked} entries"]
    )
    if keys > MOST_LINKS + _FEW:
        missed.append(f"one caller has {keys} keys in the store of links")
    return missed
