"""Services with share links as real processes: one, or two replicas with one Valkey."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from service.config.key_files import new_key
from tests.support.processes import free_ports
from tests.support.service import API_KEY, make_caller, make_settings, run_service_process
from tests.support.stores import Store
from tests.support.valkey import Valkey

PARALLEL: Final = 200  # requests
CHANGE_SECONDS: Final = 60.0  # for a change on a busy machine: files are checked every 2 s
OLD_KEY: Final = b"o" * 32
NEW_KEY: Final = b"n" * 32
OTHER_SECRET: Final = "key-of-another-maker"
SERVER: Final = {"drain_seconds": 0, "public_url": "https://files.example.com"}
CREDENTIAL: Final = {"Authorization": f"Bearer {API_KEY}"}


@dataclass(frozen=True)
class Linking:
    """Replicas with the same configuration. `clients` have no credential."""

    store: Store
    directory: Path
    clients: list[httpx.Client]
    valkey: Valkey

    @property
    def client(self) -> httpx.Client:
        return self.clients[0]

    def create(self, secret: str = API_KEY, **link: Any) -> tuple[str, str]:
        """Return the path of a new link, and its id."""
        answer = self.client.post(
            "/v1/links",
            json={"bucket": "objects", **link},
            headers={"Authorization": f"Bearer {secret}"},
        )
        assert answer.status_code == 201, answer.text
        made = answer.json()
        return urlsplit(made["url"]).path, made["id"]

    def address(self, **link: Any) -> str:
        """Return the address of a new link at the first replica."""
        return f"{str(self.client.base_url).rstrip('/')}{self.create(**link)[0]}"

    def statuses(self, path: str, method: str = "GET") -> list[int]:
        """Return what each replica answers."""
        return [client.request(method, path).status_code for client in self.clients]

    def configure(self, **settings: Any) -> None:
        """Replace the configuration of each replica, which reads it within some seconds."""
        configured = make_link_settings(self.store, self.directory, self.valkey, **settings)
        for number in range(len(self.clients)):
            new = room_of(self.directory, number) / "presign.new"
            new.write_text(json.dumps(configured))
            new.replace(new.with_suffix(".yaml"))


def room_of(directory: Path, number: int) -> Path:
    return directory / f"replica-{number}"


def make_link_settings(
    store: Store,
    directory: Path,
    valkey: Valkey,
    *,
    keys: Sequence[bytes] = (OLD_KEY,),
    callers: Sequence[dict[str, Any]] | None = None,
    **links: Any,
) -> dict[str, Any]:
    files = []
    for key in keys:
        files.append(directory / f"{key[:1].decode()}.key")
        files[-1].write_text(new_key(key))
    section = {
        "keys": [str(file) for file in files],
        "store_url": valkey.url,
        **links,
    }
    return make_settings(store, [*(callers or two_makers())]) | {"links": section, "server": SERVER}


def two_makers(**changes: Any) -> list[dict[str, Any]]:
    """`changes` are of the first caller, whose links tests end."""
    first, second = make_caller("tests", API_KEY, ""), make_caller("other", OTHER_SECRET, "")
    return [first | changes, second]


@contextmanager
def run_linking(
    store: Store, directory: Path, *, replicas: int = 1, **settings: Any
) -> Iterator[Linking]:
    valkey = Valkey(directory)
    valkey.start()
    with ExitStack() as stack:
        stack.callback(valkey.stop)
        configured = make_link_settings(store, directory, valkey, **settings)
        clients = []
        for number in range(replicas):
            room = room_of(directory, number)
            room.mkdir()
            (port,) = free_ports(1)
            stack.enter_context(run_service_process(configured, room, port, **store.base_keys))
            limits = httpx.Limits(max_connections=PARALLEL)
            client = httpx.Client(
                base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60, limits=limits
            )
            clients.append(stack.enter_context(client))
        linking = Linking(store, directory, clients, valkey)
        store.put("known")
        known, _ = linking.create(key="known")
        wait_until(lambda: set(linking.statuses(known)) == {307})  # the revoked links are known
        yield linking


def wait_until(is_so: Callable[[], bool], seconds: float = CHANGE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)
