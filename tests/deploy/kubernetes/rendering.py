"""The manifests as a cluster gets them: the chart, rendered with the values of its examples."""

import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from tools.manifests import CHART, Values, manifests, values_of

EXAMPLES: Final = CHART / "examples"
NAMES: Final = ("eks", "static-keys")
PROBES: Final = ("startup", "liveness", "readiness")

Object = dict[str, Any]


def example(name: str, *more: str) -> Values:
    """Return the values of an example with its presign.yaml, and of further ones."""
    if (sys.platform, platform.machine()) == ("darwin", "x86_64"):
        pytest.skip("Helm's engine has no package for Intel Macs")
    folder = EXAMPLES / name
    values = values_of(folder / "values.yaml", *(EXAMPLES / f"{each}.yaml" for each in more))
    return values | {"config": (folder / "presign.yaml").read_text(encoding="utf-8")}


@dataclass(frozen=True)
class Rendering:
    example: str
    has_options: bool = False  # examples/optional.yaml, and the namespace

    def __str__(self) -> str:
        return f"{self.example}, all options" if self.has_options else self.example

    def objects(self) -> tuple[Object, ...]:
        """Shared by all tests: a test that changes one must copy it."""
        return _read(self)

    def text(self, namespace: str = "presign") -> str:
        more = ["optional"] if self.has_options else []
        values = example(self.example, *more) | {"createNamespace": self.has_options}
        return manifests(values, namespace=namespace)

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


EKS: Final = Rendering("eks")
STATIC_KEYS: Final = Rendering("static-keys")
RENDERINGS: Final = [Rendering(name, has) for name in NAMES for has in (False, True)]
each_rendering = pytest.mark.parametrize("made", RENDERINGS, ids=str)


def read(text: str) -> tuple[Object, ...]:
    return tuple(each for each in YAML(typ="safe", pure=True).load_all(text) if each is not None)


@cache
def _read(made: Rendering) -> tuple[Object, ...]:
    return read(made.text())


@cache
def example_caller() -> tuple[Object, ...]:
    return read((EXAMPLES / "caller.yaml").read_text(encoding="utf-8"))


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
