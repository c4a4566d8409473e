"""moon and sccache by object URLs, which need no setting of build caches."""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.clients.build_caches.caches import (
    BIN,
    CacheService,
    Run,
    Workspace,
    caller,
    grant,
    serve,
)
from tests.clients.toolchains import GENERATORS, tool
from tests.support.processes import free_ports
from tests.support.socket_server import wait_until
from tests.support.stores import Store

KEY: Final = "the-key-of-other-programs"
FOLDER: Final = "cache/moon/"
SCCACHE: Final = GENERATORS / "sccache"


@pytest.fixture(scope="module", name="caches")
def _caches(verifying_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Any:
    both = ("download", "upload", "list", "check", "credentials")
    grants = [grant(prefix, *both, allow_overwrite=True) for prefix in (FOLDER, "cache/cc/")]
    directory = tmp_path_factory.mktemp("service")
    with serve(verifying_store, directory, caller("others", KEY, *grants)) as running:
        yield running


def moon(machine: Workspace) -> Run:
    """Build the one project of a workspace of moon, which caches nothing outside a Git repository."""
    tool("git", "git")
    git = ["git", "-c", "user.name=Tests", "-c", "user.email=t@example.com"]
    machine.run([*git, "init", "-q"])
    machine.run([*git, "commit", "-q", "--allow-empty", "-m", "Begin"])
    remote = {"host": f"{machine.caches.url}/o/objects/cache/moon", "api": "http"}
    machine.write(
        ".moon/workspace.yml",
        {"projects": ["packages/*"], "remote": remote | {"auth": {"token": "KEY"}}},
    )
    script = "mkdir -p dist && echo built by moon > dist/out.txt"
    build = {"script": script, "outputs": ["dist/**"], "options": {"runInCI": True}}
    machine.write("packages/package-0/moon.yml", {"tasks": {"build": build}})
    return machine.run([str(BIN / "moon"), "run", "package-0:build"], KEY=KEY)


def test_moon_takes_what_another_machine_built(caches: CacheService, tmp_path: Path) -> None:
    machines = [
        Workspace(directory=tmp_path / name, caches=caches, packages=1) for name in ("a", "b")
    ]
    first, second = map(moon, machines)
    assert (first.code, second.code) == (0, 0), first.output + second.output
    assert "cached from remote" in second.output, second.output
    assert machines[1].built() == "built by moon\n"
    assert all("authorization" not in each.headers for each in caches.recorded.requests)


@dataclass(frozen=True, kw_only=True)
class Compiler:
    """A machine with a cache of sccache, whose server listens on a port of its own."""

    directory: Path
    variables: Mapping[str, str]

    def compile(self) -> None:
        self._run(str(SCCACHE), tool("cc", "gcc"), "-c", "hello.c", "-o", "hello.o")

    def stop(self) -> str:
        """Stop the server, and return what it says of hits, misses and where its cache is."""
        return self._run(str(SCCACHE), "--stop-server")

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.directory,
            env={"PATH": os.environ["PATH"], "HOME": str(self.directory), **self.variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert KEY not in done.stdout + done.stderr
        return done.stdout


def compiler(directory: Path, variables: Mapping[str, str]) -> Compiler:
    directory.mkdir()
    (directory / "hello.c").write_text("int hello(void) { return 1; }\n")
    [port] = free_ports(1)
    own = {"SCCACHE_SERVER_PORT": str(port), "SCCACHE_IDLE_TIMEOUT": "60"}
    return Compiler(directory=directory, variables={**own, **variables})


def compiled(caches: CacheService) -> list[str]:
    """Return the keys of what was compiled, without the one that tries whether the cache works."""
    return [key for key in caches.keys("cache/cc/") if not key.endswith(".sccache_check")]


def test_sccache_reads_by_webdav_what_it_wrote_by_s3(caches: CacheService, tmp_path: Path) -> None:
    """It finds no method of WebDAV, and takes the cache for one to read from."""
    assert SCCACHE.exists(), f"{SCCACHE} is missing: `make clients` installs it"
    headers = {"Authorization": f"Bearer {KEY}"}
    url = f"{caches.url}/v1/credentials/objects"
    found = httpx.get(url, headers=headers, trust_env=False, timeout=60).json()
    writing = {
        "SCCACHE_BUCKET": caches.store.bucket,
        "SCCACHE_ENDPOINT": caches.store.endpoint_url,
        "SCCACHE_REGION": caches.store.region,
        "SCCACHE_S3_KEY_PREFIX": "cache/cc",
        "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
        "AWS_SESSION_TOKEN": found["Token"],
    }
    reading = {
        "SCCACHE_WEBDAV_ENDPOINT": f"{caches.url}/o/objects",
        "SCCACHE_WEBDAV_TOKEN": KEY,
        "SCCACHE_WEBDAV_KEY_PREFIX": "cache/cc",
    }
    hits = []
    for name, variables in (("a", writing), ("b", reading)):
        machine = compiler(tmp_path / name, variables)
        machine.compile()
        wait_until(lambda: compiled(caches))  # the server writes after the compiler has ended
        said = machine.stop()
        assert (tmp_path / name / "hello.o").exists()
        hits += re.findall(r"^Cache hits +(\d+)", said, re.MULTILINE)
    assert hits == ["0", "1"]
