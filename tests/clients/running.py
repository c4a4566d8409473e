"""Runs programs as their pages say, in front of a service behind nginx, with tokens of an issuer."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.auth.mint import ISSUER, ed_key, jwk, jwks
from tests.browser.proxy import nginx
from tests.end_to_end.nginx import proxying
from tests.support.http_servers import Handler, serving

BASH: Final = ("bash", "-euo", "pipefail", "-c")


def printed(
    command: Sequence[str | Path],
    directory: Path,
    environment: Mapping[str, str],
    *,
    secret: str,
    fails: bool = False,
) -> str:
    """Run a program without input. Return all that it prints, in which there is no secret."""
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode != 0) == fails, done.stdout
    assert secret not in done.stdout
    return done.stdout


class Keys(Handler):
    def do_GET(self) -> None:  # noqa: N802 - its name there
        self.answer(200, jwks(jwk(ed_key())))


@contextmanager
def issuing() -> Iterator[dict[str, Any]]:
    """Yield the configuration of an issuer `corp`, whose keys are on loopback."""
    with serving(Keys) as url:
        issuer = {"issuer": ISSUER.issuer, "audience": ISSUER.audiences[0], "jwks_url": url}
        yield {"issuers": {"corp": issuer}}


@contextmanager
def behind_nginx(service_url: str, directory: Path, port: int | None = None) -> Iterator[str]:
    """Run deploy/nginx/presign.conf in front of one service. Yield its URL."""
    replica = service_url.removeprefix("http://")
    (at := directory / "nginx").mkdir()
    with proxying(nginx(), at, (replica, replica), port=port) as url:
        yield url
