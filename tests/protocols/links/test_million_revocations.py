"""`presign serve` with a million revoked links in its store, of 100 callers with all they may."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from service.config.key_files import new_key
from service.protocols.links.link_store import MARGIN_SECONDS, MOST_LINKS
from tests.protocols.links.harness import LINK, URL
from tests.server.process import ServiceProcess, configured
from tests.support.late import Late, again_if_late
from tests.support.processes import free_ports
from tests.support.service import run_service_process
from tests.support.valkey import Valkey

pytestmark = pytest.mark.slow

CALLERS: Final = 100
YEAR: Final = 31_536_000
READ_SECONDS: Final = 300.0
# What the store's own script would write, a caller at a time. ARGV: the caller, how many, now.
FILL: Final = """
for number = 1, ARGV[2] do
  local id = string.format('lnk_%012d%012d', ARGV[1], number)
  local kept_until = ARGV[3] + 60 + math.floor(number * 31536000 / ARGV[2])
  redis.call('ZADD', KEYS[1], kept_until, id)
  redis.call('ZADD', KEYS[2], ARGV[1] * 1000000 + number, id)
  redis.call('ZADD', KEYS[3], kept_until, id)
end
"""
PREFIX: Final = "presign:{links}"


def fill(valkey: Valkey) -> None:
    now = int(time.time()) + MARGIN_SECONDS
    with valkey.client() as store:
        for caller in range(CALLERS):
            keys = [f"{PREFIX}:{name}" for name in ("revoked-by-end", "revoked-by-cursor")]
            keys.append(f"{PREFIX}:ended:{caller}")
            store.eval(FILL, len(keys), *keys, str(caller), str(MOST_LINKS), str(now))
        assert store.zcard(keys[0]) == CALLERS * MOST_LINKS


@contextmanager
def running(directory: Path, valkey: Valkey) -> Iterator[tuple[ServiceProcess, float]]:
    """The service, and the seconds until it was alive."""
    (port,) = free_ports(1)
    key = directory / "link.key"
    key.write_text(new_key(b"k" * 32))
    links = {"keys": [str(key)], "store_url": valkey.url}
    settings: dict[str, Any] = {**configured(drain_seconds=0, public_url=URL), "links": links}
    keys = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "made-up"}
    began = time.monotonic()
    with run_service_process(settings, directory, port, health="/livez", **keys) as process:
        yield ServiceProcess(process, ("127.0.0.1", port)), time.monotonic() - began


def until_ready(service: ServiceProcess) -> tuple[float, float]:
    """Return the seconds that it took, and those that /livez took at most meanwhile."""
    began, slowest = time.monotonic(), 0.0
    with service.http_client() as client:
        while not client.get("/readyz").is_success:
            assert time.monotonic() - began < READ_SECONDS
            asked = time.monotonic()
            assert client.get("/livez").status_code == 200
            slowest = max(slowest, time.monotonic() - asked)
            time.sleep(0.02)
    return time.monotonic() - began, slowest


@again_if_late
def test_a_million_revocations_delay_no_start(tmp_path: Path, valkey: Valkey) -> None:
    with running(tmp_path, valkey) as (service, empty_seconds):
        until_ready(service)
        empty_bytes, empty_cpu = service.resident_bytes(), service.cpu_seconds()
    fill(valkey)
    with running(tmp_path, valkey) as (service, seconds), service.http_client() as client:
        signed = client.post("/v1/download-urls", json={"bucket": "demo", "key": "a"})
        assert signed.status_code == 200
        if client.get("/readyz").is_success:
            raise Late("all is read already")
        made = client.post("/v1/links", json=LINK).json()
        path = made["url"].removeprefix(URL)
        read_seconds, slowest = until_ready(service)
        assert client.get(path).status_code == 307
        assert client.delete(f"/v1/links/{made['id']}").status_code == 204
        assert client.get(path).status_code == 404
        more_mib = (service.resident_bytes() - empty_bytes) / 2**20
        cpu = service.cpu_seconds() - empty_cpu
    print(  # noqa: T201 - shown by -rP
        f"alive after {seconds:.2f} s, {empty_seconds:.2f} without; read in {read_seconds:.1f} s, "
        f"{cpu:.1f} of CPU; /livez {slowest:.3f} s at most; {more_mib:.0f} MiB"
    )
    assert more_mib < 256
