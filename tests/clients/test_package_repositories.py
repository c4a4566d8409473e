"""docs/package-index.md: its commands, with the unmodified programs."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.browser.proxy import nginx
from tests.clients.http.places import BUCKET, Place, place_of
from tests.clients.recording import HOST, SentRequest
from tests.clients.repositories import GO, REPOSITORIES, Repository
from tests.clients.running import BASH
from tests.clients.toolchains import tool
from tests.docs.documents import block_of
from tests.end_to_end.examples import node
from tests.end_to_end.nginx import nginx as running
from tests.support.processes import free_ports
from tests.support.stores import Store

PAGE: Final = "docs/package-index.md"
NPM_OF_NODE: Final = "lib/node_modules/npm/bin/npm-cli.js"
HERE: Final = "http://127.0.0.1:8000"
NPM: Final = f'npm() {{ "{node()}" "{Path(node()).parents[1] / NPM_OF_NODE}" "$@"; }}\n'
_TLS: Final = """
    server {{
        listen {address} ssl;
        ssl_certificate certificate.pem;
        ssl_certificate_key key.pem;
        location / {{ proxy_pass {to}; proxy_set_header Host $http_host; }}
    }}
"""


@dataclass(frozen=True, kw_only=True)
class Shell:
    """A user's home, where the scripts and the blocks of the page run."""

    place: Place
    home: Path

    def run(self, text: str, **environment: str) -> list[SentRequest]:
        """Run a script that must succeed. Return what the store got."""
        tools = [Path(sys.executable).parent, Path.home() / ".cargo" / "bin"]
        path = os.pathsep.join([*map(str, tools), os.environ["PATH"]])
        rust = {"RUSTUP_HOME": str(Path.home() / ".rustup")}
        done, sent = self.place.sent_by(
            [*BASH, NPM + text],
            self.home,
            **{"PATH": path, **rust, **environment},
        )
        assert done.returncode == 0, f"{text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return sent

    def publish(self, folder: str, **environment: str) -> None:
        text = block_of(PAGE, "presign put").text.replace(
            "./repository demo/repository/", f"./{folder} demo/{folder}/"
        )
        self.run(text.replace(HERE, self.place.url), **environment)

    def read(
        self, shown: str, here: Mapping[str, str], environment: Mapping[str, str]
    ) -> list[SentRequest]:
        """Run the block of the page that has `shown` in it, with `here` instead."""
        text = block_of(PAGE, shown).text
        for theirs, ours in here.items():
            assert theirs in text
            text = text.replace(theirs, ours)
        return self.run(text, **environment)


def host_of(url: str) -> str:
    return url.partition("://")[2]


@pytest.fixture(name="place", scope="module")
def _place(seaweedfs: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place_of(seaweedfs, tmp_path_factory.mktemp("service")) as place:
        yield place


@pytest.mark.parametrize("repository", REPOSITORIES, ids=str)
def test_a_program_installs_from_a_bucket(
    place: Place, repository: Repository, tmp_path: Path
) -> None:
    need(repository)
    shell, folder = Shell(place=place, home=tmp_path), f"{place.url}/o/{BUCKET}/{repository.name}/"
    shell.run(repository.build.replace("{url}", folder), **repository.environment)
    shell.publish(repository.name)
    here = {**repository.here, "127.0.0.1:8000": host_of(place.url)}
    sent = shell.read(repository.shown, here, repository.environment)
    assert [*tmp_path.glob(repository.gets)] != []
    assert {each.method for each in sent} >= {"GET"}
    assert [each for each in sent if "authorization" in each.headers] == []


def need(repository: Repository) -> None:
    """Skip the test if a program is missing. No CI installs cargo: it has 300 MB."""
    for program, package in repository.programs.items():
        if package == "cargo" and shutil.which(program) is None:
            pytest.skip("cargo is not here: `apt-get install cargo` brings it")
        if package != "npm":  # Node brings it
            tool(program, package)
    if repository.name == "rpm" and os.getuid() != 0:
        pytest.skip("dnf installs as root only")


def test_go_reads_a_proxy_over_https(seaweedfs: Store, tmp_path: Path) -> None:
    """The service and the store are behind TLS: Go sends no key without it."""
    tool("go", "golang-go")
    (directory := tmp_path / "service").mkdir()
    (home := tmp_path / "home").mkdir()
    with over_tls(seaweedfs, directory) as (place, url):
        shell = Shell(place=place, home=home)
        shell.run(GO)
        trust = {"SSL_CERT_FILE": str(directory / "certificate.pem")}
        shell.publish("go", **trust)
        here = {"presign.example.com": host_of(url), "go get": "cd user && go get"}
        local = {"GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local"}
        sent = shell.read("GOPROXY", here, {**trust, **local})
    assert [*home.glob("go/pkg/mod/example.com/tinypkg@v1.0.0/tinypkg.go")] != []
    assert [each for each in sent if "authorization" in each.headers] == []


@contextmanager
def over_tls(store: Store, directory: Path) -> Iterator[tuple[Place, str]]:
    """Run the service behind nginx, in front of the store behind nginx. Yield the service's URL."""
    make_certificate(directory)
    ports = free_ports(2)
    service, public = f"127.0.0.1:{ports[0]}", f"{HOST}:{ports[1]}"
    with place_of(store, directory, public_url=f"https://{public}") as place:
        servers = [(service, place.url), (public, place.recording.url)]
        http = "".join(_TLS.format(address=address, to=to) for address, to in servers)
        port = free_ports(1)[0]
        http += f"server {{ listen 127.0.0.1:{port}; location / {{ return 200; }} }}"
        with running(nginx(), directory, http, answers=f"http://127.0.0.1:{port}/"):
            yield place, f"https://{service}"


def make_certificate(directory: Path) -> None:
    names = f"subjectAltName=IP:127.0.0.1,IP:{HOST}"
    key = (
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-noenc",
        "-keyout",
        "key.pem",
    )
    certificate = ("-days", "2", "-subj", "/CN=tests", "-addext", names, "-out", "certificate.pem")
    openssl = tool("openssl", "openssl")
    subprocess.run(
        [openssl, "req", "-x509", *key, *certificate],
        cwd=directory,
        check=True,
        capture_output=True,
    )
