"""The service behind nginx, with two teams' repositories and an issuer, and clones to run Git in."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from service.config.key_files import new_key
from tests.auth.mint import make_token
from tests.clients.recording import Recording, recording
from tests.clients.running import BASH, behind_nginx, issuing, printed
from tests.clients.toolchains import GENERATORS, tool
from tests.docs.documents import block_of
from tests.support.processes import free_ports
from tests.support.service import run_service
from tests.support.stores import Store

PAGE: Final = "docs/git-lfs.md"
HOST: Final = "https://presign.example.com"  # on the page
REPOSITORIES: Final = {
    name: {"bucket": "objects", "prefix": f"lfs/{name}/"} for name in ("design", "video")
}
GRANT: Final = {
    "bucket": "objects",
    "prefix": "lfs/{claim:/team}/",
    "allow": ["check", "download", "upload", "multipart"],
    "max_expires_in": 900,
}


@dataclass(frozen=True, kw_only=True)
class Server:
    """`recorded` is what clients send to the store."""

    url: str
    store: Store
    recorded: Recording

    def objects(self) -> dict[str, int]:
        """Return the sizes of all stored objects by their oid."""
        pages = self.store.admin_client().get_paginator("list_objects_v2")
        listed = pages.paginate(Bucket=self.store.bucket, Prefix="lfs/")
        found = (each for page in listed for each in page.get("Contents", []))
        return {each["Key"].rpartition("/")[2]: each["Size"] for each in found}

    def sent(self, method: str, since: int = 0) -> int:
        """Return how many requests the store has got, after the first `since` of them."""
        return sum(each.method == method for each in self.recorded.requests[since:])


@dataclass(frozen=True, kw_only=True)
class Clone:
    """A directory to run Git in, as a member of a team, with a home of its own."""

    server: Server
    directory: Path
    home: Path
    token: str

    def run(self, text: str, *, fails: bool = False, **environment: str) -> str:
        """Run commands of a shell, and return what they print."""
        own = {
            "PATH": os.pathsep.join([str(GENERATORS), os.environ["PATH"]]),
            "HOME": str(self.home),
            "HF_HOME": str(self.home / "hf"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "PRESIGN_TOKEN": self.token,
        }
        command = [*BASH, text.replace(HOST, self.server.url)]
        environment = {**own, **environment}
        return printed(command, self.directory, environment, secret=self.token, fails=fails)

    def page(self, contains: str, *, fails: bool = False, **environment: str) -> str:
        """Run the commands of the page that contain this text."""
        return self.run(block_of(PAGE, contains).text, fails=fails, **environment)

    def at(self, name: str) -> "Clone":
        return replace(self, directory=self.directory.parent / name)


def new_clone(server: Server, directory: Path, team: str = "design") -> Clone:
    """Return an empty repository with a remote, set up as the page says. Its home has the login."""
    for program, package in (("git", "git"), ("git-lfs", "git-lfs")):
        tool(program, package)
    work, home = directory / "work", directory / "home"
    for each in (work, home):
        each.mkdir(parents=True)
    token = make_token(team=team)
    clone = Clone(server=server, directory=work, home=home, token=token)
    clone.run(
        "git config --global user.name Tests && git config --global user.email t@example.com\n"
        "git config --global init.defaultBranch main\n"
        "git init -q --bare ../remote.git && git init -q && git remote add origin ../remote.git"
    )
    clone.page("git lfs install")
    clone.page("credential.")
    return clone


@contextmanager
def serve(store: Store, directory: Path) -> Iterator[Server]:
    key = directory / "link.key"
    key.write_text(new_key(b"k" * 32))
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    with issuing() as top, recording(store.endpoint_url) as recorded:
        top |= {
            "server": {"drain_seconds": 0, "public_url": url},
            "links": {"keys": [str(key)]},
            "git_lfs": {"repositories": REPOSITORIES, "multipart_threshold": "50MiB"},
        }
        callers = [{"issuer": "corp", "subject": "system:serviceaccount:*:*", "grants": [GRANT]}]
        with run_service(
            store, directory, callers=callers, top=top, public_endpoint_url=recorded.url
        ) as service:
            service_url = str(service.client.base_url).rstrip("/")
            with behind_nginx(service_url, directory, port):
                yield Server(url=url, store=store, recorded=recorded)
