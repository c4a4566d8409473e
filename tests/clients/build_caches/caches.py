"""presign with build caches in front of a store, and workspaces that Turborepo and Nx build."""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from tests.clients.recording import Recording, recording
from tests.end_to_end.examples import node
from tests.support.service import RunningService, make_caller, run_service
from tests.support.stores import Store

PLACE: Final = "cache/web/"
TRUSTED: Final = f"{PLACE}trusted/"
OTHERS: Final = f"{PLACE}pr/"
MAIN: Final = "the-key-of-the-main-branch"
PULL: Final = "the-key-of-pull-request-7"
OTHER_PULL: Final = "the-key-of-pull-request-8"
READER: Final = "the-key-of-a-developer"
STRANGER: Final = "the-key-of-nobody"
KEYS: Final = (MAIN, PULL, OTHER_PULL, READER, STRANGER)
BIN: Final = Path(__file__).parent / "node_modules" / ".bin"
SECTION: Final = {
    "web": {"bucket": "objects", "trusted": TRUSTED, "others": OTHERS},
    "docs": {"bucket": "objects", "trusted": "cache/docs/"},
}
READS: Final = ("download", "check")
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")


class Program(StrEnum):
    TURBO = "turbo"
    NX = "nx"

    @property
    def folder(self) -> str:
        """Where its artifacts are in a place."""
        return "turborepo" if self is Program.TURBO else "nx"


def grant(prefix: str, *allow: str, **more: Any) -> dict[str, Any]:
    listed = list(allow or READS)
    return {"bucket": "objects", "prefix": prefix, "allow": listed} | more


def writing(prefix: str, **more: Any) -> dict[str, Any]:
    return grant(prefix, *READS, "upload", **{"allow_overwrite": True, **more})


def caller(name: str, key: str, *grants: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**make_caller(name, key), "grants": list(grants), **more}


CALLERS: Final = (
    caller("main", MAIN, writing(TRUSTED), writing("cache/docs/")),
    caller("pull-7", PULL, grant(TRUSTED), writing(f"{OTHERS}7/")),
    caller("pull-8", OTHER_PULL, grant(TRUSTED), writing(f"{OTHERS}8/")),
    caller("reader", READER, grant(TRUSTED)),
    caller("stranger", STRANGER, grant("elsewhere/")),
)


@dataclass(frozen=True, kw_only=True)
class CacheService:
    """The service at `url`. `recorded` is what programs send to the store."""

    url: str
    store: Store
    recorded: Recording
    service: RunningService

    def keys(self, prefix: str = PLACE) -> list[str]:
        """Return the keys below the prefix at the store."""
        found = self.store.admin_client().list_objects_v2(Bucket=self.store.bucket, Prefix=prefix)
        return [each["Key"] for each in found.get("Contents", [])]

    def discarded_bytes(self) -> int:
        """Return how much was sent to the service that was meant for the store."""
        text = self.service.client.get("/metrics").text
        [found] = re.findall(r"^presign_discarded_body_bytes_total (\S+)$", text, re.MULTILINE)
        return int(float(found))

    def requests(self) -> int:
        """Return how many requests to caches the service has answered."""
        text = self.service.client.get("/metrics").text
        pattern = r'^presign_http_request_seconds_count\{.*route="/caches/.*\} (\S+)$'
        return sum(int(float(each)) for each in re.findall(pattern, text, re.MULTILINE))

    def delete(self, key: str) -> None:
        self.store.admin_client().delete_object(Bucket=self.store.bucket, Key=key)

    def empty(self) -> None:
        """Delete what the caches have, and forget what was sent."""
        self.store.empty("cache/")
        self.recorded.requests.clear()


@contextmanager
def serve(
    store: Store,
    directory: Path,
    *callers: dict[str, Any],
    top: Mapping[str, Any] | None = None,
    **bucket: Any,
) -> Iterator[CacheService]:
    """`callers`, `top` and `bucket` add to the settings."""
    for program in ("turbo", "nx"):
        assert (BIN / program).exists(), f"{program} is missing: `make clients` installs it"
    with (
        recording(store.endpoint_url) as recorded,
        run_service(
            store,
            directory,
            callers=[*CALLERS, *callers],
            top={"build_caches": SECTION, **(top or {})},
            **{"public_endpoint_url": recorded.url, **bucket},
        ) as service,
    ):
        url = str(service.client.base_url).rstrip("/")
        yield CacheService(url=url, store=store, recorded=recorded, service=service)


@dataclass(frozen=True, slots=True)
class Run:
    """How a program ended."""

    code: int
    output: str

    @property
    def hits(self) -> int:
        """How many tasks came from the cache. -1 if the build did not end."""
        found = re.search(r"Cached:\s+(\d+) cached|Cache:\s+(\d+)/", self.output)
        return -1 if found is None else int(found[1] or found[2])


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A checkout on a machine: a directory of its own, with its own local caches.

    Two workspaces of the same `content` have the same hashes.
    """

    directory: Path
    caches: CacheService
    packages: int = 2
    content: str = "1"
    command: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.directory.mkdir()
        (self.directory / "node_modules").symlink_to(BIN.parent)
        names = [f"package-{number}" for number in range(self.packages)]
        self.write(
            "package.json",
            {
                "name": "acme",
                "version": "1.0.0",
                "private": True,
                "packageManager": "npm@11.0.0",
                "workspaces": ["packages/*"],
            },
        )
        links = {
            f"node_modules/{name}": {"resolved": f"packages/{name}", "link": True} for name in names
        }
        places = {f"packages/{name}": {"name": name, "version": "1.0.0"} for name in names}
        root = {"name": "acme", "version": "1.0.0", "workspaces": ["packages/*"]}
        self.write(
            "package-lock.json",
            {
                "name": "acme",
                "version": "1.0.0",
                "lockfileVersion": 3,
                "requires": True,
                "packages": {"": root, **places, **links},
            },
        )
        self.write("turbo.json", {"tasks": {"build": {"outputs": ["dist/**"]}}})
        target = {"cache": True, "outputs": ["{projectRoot}/dist"]}
        self.write("nx.json", {"targetDefaults": {"build": target}, "analytics": False})
        for name in names:
            prints = f"mkdir -p dist && echo built {name} {self.content} | tee dist/out.txt"
            build = self.command or prints
            scripts = {"build": build}
            self.write(
                f"packages/{name}/package.json",
                {"name": name, "version": "1.0.0", "scripts": scripts},
            )
        (self.directory / ".gitignore").write_text("node_modules\ndist\n.nx\n.turbo\n")

    def build(self, program: Program, key: str, *options: str, **more: str) -> Run:
        build = self.turbo if program is Program.TURBO else self.nx
        return build(key, *options, **more)

    def turbo(self, key: str, *options: str, cache: str = "web", **variables: str) -> Run:
        """Build all packages."""
        more = {
            "TURBO_API": f"{self.caches.url}/caches/{cache}",
            "TURBO_TOKEN": key,
            "TURBO_TEAM": "acme",
            "TURBO_PREFLIGHT": "true",
            **variables,
        }
        return self.run(
            [str(BIN / "turbo"), "run", "build", "--output-logs=full", *options], **more
        )

    def nx(self, key: str, *options: str, cache: str = "web", **variables: str) -> Run:
        more = {
            "NX_SELF_HOSTED_REMOTE_CACHE_SERVER": f"{self.caches.url}/caches/{cache}",
            "NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN": key,
            **variables,
        }
        return self.run([str(BIN / "nx"), "run-many", "-t", "build", *options], **more)

    def run(self, command: list[str], **variables: str) -> Run:
        """Run a command. No secret is in what it prints."""
        done = subprocess.run(
            command,
            cwd=self.directory,
            env={**self.environment(), **self.variables, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        for secret in KEYS:
            assert secret not in done.stdout
        return Run(done.returncode, _COLOURS.sub("", done.stdout))

    def environment(self) -> dict[str, str]:
        home = self.directory.parent / f"{self.directory.name}-home"
        home.mkdir(exist_ok=True)
        return {
            "PATH": os.pathsep.join([str(npm_in(home)), str(Path(node()).parent), os.defpath]),
            "HOME": str(home),
            "CI": "true",
            "TURBO_TELEMETRY_DISABLED": "1",
            "NX_DAEMON": "false",
            "NX_NO_CLOUD": "true",
            "NX_TUI": "false",
        }

    def built(self, package: int = 0) -> str:
        """Return what a build of the package has made."""
        return (self.directory / f"packages/package-{package}/dist/out.txt").read_text()

    def write(self, path: str, document: Any) -> None:
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document, indent=1))


def npm_in(home: Path) -> Path:
    """Return a directory with npm and npx, which run the scripts and the programs of a workspace."""
    directory = home / "bin"
    directory.mkdir(exist_ok=True)
    for name in ("npm", "npx"):
        program = Path(node()).parents[1] / f"lib/node_modules/npm/bin/{name}-cli.js"
        script = directory / name
        script.write_text(f'#!/bin/sh\nexec "{node()}" "{program}" "$@"\n')
        script.chmod(0o755)
    return directory
