"""A real OpenID provider on loopback, npm's oidc-provider, and the console of a service that trusts it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.browser.console.harness import Harness, run_console
from tests.end_to_end.examples import node
from tests.support.processes import free_ports, run_process
from tests.support.service import API_KEY, make_caller
from tests.support.stores import Store

PROGRAM: Final = Path(__file__).parent / "identity_provider.mjs"
NAME: Final = "acme"
CLIENT_ID: Final = "console"
PERSON: Final = "ada"


@contextmanager
def run_console_with_issuer(store: Store, directory: Path) -> Iterator[tuple[Harness, str]]:
    """Yield the console, and the issuer's URL."""
    (port,) = free_ports(1)
    issuer = f"http://localhost:{port}"  # another site than the page: cookies are not shared
    everything: dict[str, Any] = {
        "bucket": "objects",
        "prefix": "",
        "allow": ["list", "download", "upload", "multipart", "check"],
    }
    settings: dict[str, Any] = {
        "callers": [
            {"issuer": NAME, "subject": PERSON, "grants": [everything]},
            make_caller("tests", API_KEY, ""),
        ],
        "issuers": {
            NAME: {"issuer": issuer, "audience": CLIENT_ID, "jwks_url": f"{issuer}/jwks"},
        },
        "console": {"issuer": NAME, "client_id": CLIENT_ID, "name": "Acme files", "colour": "#fc0"},
    }
    command = [node(), str(PROGRAM), str(port)]
    discovery = f"{issuer}/.well-known/openid-configuration"
    with (
        run_process(command, directory, discovery),
        run_console(store, directory, **settings) as harness,
    ):
        yield harness, issuer
