"""Builds the image for each architecture, as OCI archives with their bills of materials."""

import re
import shlex
import subprocess
import tempfile
from os import environ
from pathlib import Path
from typing import Final

from release.oci import file_of, write_archive
from release.packages import run
from release.version import current

DOCKER: Final = shlex.split(environ.get("DOCKER", "docker"))
ARCHITECTURES: Final = ("amd64", "arm64")
_BILL: Final = "app/share/presign.cdx.json"


def engine() -> str:
    """Return why there is no container engine, or nothing."""
    try:
        done = subprocess.run([*DOCKER, "version"], capture_output=True, check=False)
    except OSError:
        return f"there is no {DOCKER[0]}"
    return "" if done.returncode == 0 else "no container engine answers"


def pinned_base(source: Path) -> str:
    """Return the base with the digest that this source was released on."""
    text = (source / "deploy" / "image" / "base.Dockerfile").read_text(encoding="utf-8")
    [base] = re.findall(r"^FROM (\S+@sha256:[0-9a-f]{64})$", text, re.MULTILINE)
    return str(base)


def images(source: Path, out: Path, *, epoch: int, base: str | None) -> list[str]:
    """Write what the engine can build. Returns the architectures that it cannot run."""
    base = base or pinned_base(source)
    left = [each for each in ARCHITECTURES if not _runs(each, base)]
    for each in ARCHITECTURES:
        if each not in left:
            image(source, out, architecture=each, epoch=epoch, base=base)
    return left


def _runs(architecture: str, base: str) -> bool:
    """Whether the engine has the base for it, and runs its programs, itself or by emulation."""
    program = ["--platform", f"linux/{architecture}", "--entrypoint", "python", base, "-c", ""]
    command = [*DOCKER, "run", "--rm", "--network", "none", *program]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def image(source: Path, out: Path, *, architecture: str, epoch: int, base: str) -> None:
    """Nothing is taken from the engine's cache, which may be of another day."""
    options = ["--no-cache", "--platform", f"linux/{architecture}"]
    arguments = ["--build-arg", f"BASE={base}", "--build-arg", f"SOURCE_DATE_EPOCH={epoch}"]
    built = run([*DOCKER, "build", "--quiet", *options, *arguments, "."], source, {})
    version = current(source)
    stem = f"presign-image-{version}-{architecture}"
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "saved.tar"
        run([*DOCKER, "save", "--output", str(saved), built.decode().strip()], source, {})
        write_archive(saved, out / f"{stem}.oci.tar", name=version, epoch=epoch)
        (out / f"{stem}.cdx.json").write_bytes(file_of(saved, _BILL))
