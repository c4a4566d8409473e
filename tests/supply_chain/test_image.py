import re
from pathlib import Path
from typing import Final

from release.image import pinned_base
from service import __version__
from tools import ROOT

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
    assert pinned_base(ROOT).startswith(f"python:{python}-slim@sha256:")
    assert "sed -n 's/^FROM //p' deploy/image/base.Dockerfile" in policy


def test_the_images_the_oldest_and_the_next_python_are_tested() -> None:
    """`make test` runs on the first, as far as the machine has it, `make test-pythons` on others."""
    makefile, dockerfile = (ROOT / "Makefile").read_text(), DOCKERFILE.read_text()
    [shipped] = re.findall(r"^ARG PYTHON=3\.(\d+)$", dockerfile, flags=re.MULTILINE)
    project = (ROOT / "pyproject.toml").read_text()
    [oldest] = re.findall(r'^requires-python = ">=(3\.\d+)"$', project, flags=re.MULTILINE)
    assert "IMAGE_PYTHON := $(shell sed -n 's/^ARG PYTHON=//p' Dockerfile)" in makefile
    [others] = re.findall(r"^OTHER_PYTHONS = (.+)$", makefile, flags=re.MULTILINE)
    assert others.split() == [oldest, f"3.{int(shipped) + 1}"]
    assert "\nmake test-pythons\n" in (ROOT / ".ci" / "run").read_text()


def test_the_named_make_targets_exist() -> None:
    named = set(re.findall(r"\bmake ([a-z]+)", (ROOT / "SECURITY.md").read_text()))
    assert named == {"audit", "release", "sbom", "validate"}
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert named <= set(targets)
    gate = (ROOT / ".ci" / "run").read_text()
    called = re.findall(r"^(?:beside \w+ )?make ([a-z]+)$", gate, flags=re.MULTILINE)
    assert {"check", "validate", "audit", "test"} <= set(called)
