"""The manifests as a cluster gets them: built by kustomize, from a copy with optional components
enabled.

Without kustomize the tests are skipped, and say how to install it; in CI they fail.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from tests.clients.toolchains import missing
from tests.support.processes import run_to_end

ROOT: Final = Path(__file__).parents[3]
MANIFESTS: Final = ROOT / "deploy" / "kubernetes"
OVERLAYS: Final = ("eks", "static-keys")
PROBES: Final = ("startup", "liveness", "readiness")
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
    def pod(self) -> Any:
        """The Deployment's Pod template: metadata and spec."""
        return self.one("Deployment")["spec"]["template"]

    @property
    def container(self) -> Any:
        (container,) = self.pod["spec"]["containers"]
        return container

    @property
    def configuration_file(self) -> Any:
        return self.one("ConfigMap")["data"]["presign.yaml"]

    @property
    def configuration(self) -> Any:
        return YAML(typ="safe").load(self.configuration_file)

    @property
    def policies(self) -> list[Any]:
        """The specs of the NetworkPolicies."""
        return [each["spec"] for each in self.of_kind("NetworkPolicy")]


EKS: Final = Build("eks")
STATIC_KEYS: Final = Build("static-keys")
BUILDS: Final = [Build(overlay, has) for overlay in OVERLAYS for has in (False, True)]
each_build = pytest.mark.parametrize("build", BUILDS, ids=str)


def read(text: str) -> tuple[Object, ...]:
    return tuple(each for each in YAML(typ="safe", pure=True).load_all(text) if each is not None)


@cache
def _read(build: Build) -> tuple[Object, ...]:
    return read(build.text())


@cache
def example_caller() -> tuple[Object, ...]:
    return read((MANIFESTS / "examples" / "caller.yaml").read_text(encoding="utf-8"))


def tokens(spec: Object) -> list[Any]:
    """Return the service account tokens in a Pod's projected volumes."""
    projected = [volume["projected"] for volume in spec["volumes"] if "projected" in volume]
    sources = [source for each in projected for source in each["sources"]]
    return [each["serviceAccountToken"] for each in sources if "serviceAccountToken" in each]


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
    done = run_to_end([*_kustomize(), directory])
    assert (done.returncode, done.stderr) == (0, ""), done.stderr  # it warns about deprecations
    return done.stdout


def _kustomize() -> list[str]:
    if found := shutil.which("kustomize"):
        return [found, "build"]
    kubectl = shutil.which("kubectl") or missing("kustomize is not here", "kustomize")
    return [kubectl, "kustomize"]
