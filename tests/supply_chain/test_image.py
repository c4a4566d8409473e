import re
from pathlib import Path
from typing import Final

from service import __version__
from tests.supply_chain.locks import ROOT

DOCKERFILE: Final[Path] = ROOT / "Dockerfile"


def test_the_image_label_has_the_services_version() -> None:
    label = re.search(r'org\.opencontainers\.image\.version="(.+)"', DOCKERFILE.read_text())
    assert label is not None
    assert label[1] == __version__


def test_security_md_matches_the_dockerfile() -> None:
    policy, dockerfile = (ROOT / "SECURITY.md").read_text(), DOCKERFILE.read_text()
    (path,) = re.findall(r">(/app/share/\S+)", dockerfile)
    assert f"--entrypoint cat presign {path}\n" in policy
    python = re.findall(r"^ARG PYTHON=(.+)$", dockerfile, flags=re.MULTILINE)[0]
    assert "ARG BASE=python:${PYTHON}-slim" in dockerfile
    bases = re.findall(r"^FROM (\S+)", dockerfile, flags=re.MULTILINE)
    assert bases == ["${BASE}", "build", "${BASE}"]
    assert f'--build-arg BASE="python:{python}-slim@$digest"' in policy


def test_the_named_make_targets_exist() -> None:
    named = set(re.findall(r"\bmake ([a-z]+)", (ROOT / "SECURITY.md").read_text()))
    assert named == {"audit", "sbom", "validate"}
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert named <= set(targets)
    gate = (ROOT / ".ci" / "run").read_text()
    assert all(f"\nmake {target}\n" in gate for target in ("check", "validate", "audit", "test"))
