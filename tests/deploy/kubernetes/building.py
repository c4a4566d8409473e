"""The manifests as a cluster gets them: built by kustomize, from a copy with optional components
enabled.

On a developer's machine a missing kustomize skips the tests, and says how to install it. In CI it
is a failure.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from tests.clients.toolchains import missing

ROOT: Final = Path(__file__).parents[3]
MANIFESTS: Final = ROOT / "deploy" / "kubernetes"
OVERLAYS: Final = ("eks", "static-keys")
_SWITCHED_OFF = re.compile(r"^(\s*)# (- \.\./\.\./components/)", re.MULTILINE)

Object = dict[str, Any]


@dataclass(frozen=True)
class Build:
    overlay: str
    has_all_components: bool = False

    def __str__(self) -> str:
        return f"{self.overlay}, all components" if self.has_all_components else self.overlay

    def objects(self) -> tuple[Object, ...]:
        """Shared by all tests: a test that changes one must copy it."""
        return _read(self)

    def text(self) -> str:
        return _built(self.overlay, self.has_all_components)

    def of_kind(self, kind: str) -> list[Object]:
        return [each for each in self.objects() if each["kind"] == kind]

    def one(self, kind: str) -> Object:
        (found,) = self.of_kind(kind)
        return found

    @property
    def pod(self) -> Object:
        """The Deployment's Pod template: metadata and spec."""
        template: Object = self.one("Deployment")["spec"]["template"]
        return template

    @property
    def container(self) -> Object:
        (container,) = self.pod["spec"]["containers"]
        found: Object = container
        return found

    @property
    def configuration(self) -> str:
        text: str = self.one("ConfigMap")["data"]["presign.yaml"]
        return text


BUILDS: Final = [Build(overlay, has) for overlay in OVERLAYS for has in (False, True)]
each_build = pytest.mark.parametrize("build", BUILDS, ids=str)


def read(text: str) -> tuple[Object, ...]:
    return tuple(each for each in YAML(typ="safe", pure=True).load_all(text) if each is not None)


@cache
def _read(build: Build) -> tuple[Object, ...]:
    return read(build.text())


def own_policies(build: Build) -> list[Object]:
    return [each["spec"] for each in build.of_kind("NetworkPolicy")]


def pod_templates(objects: tuple[Object, ...]) -> Iterator[Object]:
    """The templates of Pods, and of resources that create Pods."""
    for each in objects:
        if each["kind"] == "Pod":
            yield each
        elif "template" in each.get("spec", {}):
            yield each["spec"]["template"]


@cache
def _built(overlay: str, has_all_components: bool) -> str:
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(shutil.copytree(MANIFESTS, Path(directory) / "kubernetes"))
        if has_all_components:
            _switch_on(copy / "overlays" / overlay / "kustomization.yaml")
        return kustomized(copy / "overlays" / overlay)


def _switch_on(kustomization: Path) -> None:
    text, count = _SWITCHED_OFF.subn(r"\1\2", kustomization.read_text(encoding="utf-8"))
    assert count == 2, "disabled components are recognised by their comment"
    kustomization.write_text(text, encoding="utf-8")


def kustomized(directory: Path) -> str:
    done = subprocess.run(
        [*_kustomize(), str(directory)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr  # it warns about deprecations
    return done.stdout


def _kustomize() -> list[str]:
    if found := shutil.which("kustomize"):
        return [found, "build"]
    kubectl = shutil.which("kubectl") or missing("kustomize is not here", "kustomize")
    return [kubectl, "kustomize"]
