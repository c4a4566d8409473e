"""What deploy/helm renders is valid with each value, wrong values are refused, and the page is right.

The commands of deploy/helm/README.md that render are run here.
"""

import shlex
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import helm_python
import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from helm_python import HelmRenderError, HelmValuesError

from service import __version__
from service.api.routes.health import router as health
from service.app import factory
from service.app.protocols import PROTOCOLS
from tests.deploy.kubernetes.pod_security import violations
from tests.deploy.kubernetes.rendering import (
    EXAMPLES,
    NAMES,
    Object,
    Rendering,
    example,
    pod_templates,
)
from tests.docs.documents import commands
from tests.support.processes import run_to_end
from tests.validators.validating import kubernetes, read
from tools import ROOT
from tools.manifests import CHART, NOTES, Values, manifests, merge, rendered, values_of

PAGE: Final = "deploy/helm/README.md"
HERE: Final = "run by tests/validators/test_chart.py"
NOT_PUBLIC: Final = {""}
EVERYTHING: Final[Values] = {
    "fullnameOverride": "signer",
    "imagePullSecrets": [{"name": "registry"}],
    "linkKeys": {"existingSecret": "presign-link-keys"},
    "serviceAccount": {"annotations": {"team": "storage"}},
    "service": {"annotations": {"team": "storage"}, "type": "LoadBalancer", "port": 8080},
    "ingress": {"annotations": {"team": "storage"}},
    "httpRoute": {"annotations": {"team": "storage"}},
    "autoscaling": {"enabled": False},
    "replicas": 3,
    "priorityClassName": "high",
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
    "podLabels": {"team": "storage"},
    "podAnnotations": {"team": "storage"},
    "extraEnv": [{"name": "PRESIGN_LOG_LEVEL", "value": "debug"}],
    "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca", "readOnly": True}],
}


def everything(name: str) -> Values:
    return merge(example(name, "optional", "public"), EVERYTHING)


def notes(values: Values) -> str:
    with helm_python.Chart.load(CHART) as chart:
        return chart.render(values, name="presign", namespace="presign")[NOTES]


def by_name(objects: tuple[Object, ...]) -> dict[tuple[str, str], Object]:
    named = {(each["kind"], each["metadata"]["name"]): each for each in objects}
    assert len(named) == len(objects)
    return named


@pytest.mark.parametrize("name", NAMES)
def test_every_optional_part_is_valid(name: str) -> None:
    rendered = manifests(everything(name))
    assert {"Ingress", "HTTPRoute", "ServiceMonitor"} <= {each["kind"] for each in read(rendered)}
    assert kubernetes(rendered) == []
    assert [violations(pod) for pod in pod_templates(tuple(read(rendered)))] == [{}]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("more", [(), ("optional",), ("public",)], ids=str)
def test_the_examples_are_valid(name: str, more: tuple[str, ...]) -> None:
    assert kubernetes(manifests(example(name, *more))) == []


def test_the_example_of_a_caller_is_valid() -> None:
    assert kubernetes((EXAMPLES / "caller.yaml").read_text(encoding="utf-8")) == []


def test_only_the_value_makes_the_namespace() -> None:
    """Helm makes it with `--create-namespace`, and refuses one that it did not make."""
    kinds = [[x["kind"] for x in Rendering("eks", has).objects()] for has in (False, True)]
    assert [each.count("Namespace") for each in kinds] == [0, 1]


def test_two_releases_in_one_namespace_share_no_object_or_pod() -> None:
    one, other = (tuple(read(manifests(example("eks"), name=name))) for name in ("one", "presign"))
    assert by_name(one).keys().isdisjoint(by_name(other))
    (service,) = [each for each in one if each["kind"] == "Service"]
    (pod,) = pod_templates(other)
    assert not service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()


def test_ingress_and_http_route_publish_the_same_paths() -> None:
    objects = {each["kind"]: each for each in read(manifests(everything("eks")))}
    (rule,) = objects["Ingress"]["spec"]["rules"]
    (route,) = objects["HTTPRoute"]["spec"]["rules"]
    paths = [each["path"] for each in rule["http"]["paths"]]
    assert paths == [each["path"]["value"] for each in route["matches"]]
    kinds = {each["path"]: each["pathType"] for each in rule["http"]["paths"]}
    assert kinds["/"] == "Exact"  # as a prefix it would publish /metrics
    assert route["matches"][0]["path"] == {"type": "Exact", "value": "/"}
    (port,) = objects["Service"]["spec"]["ports"]
    assert route["backendRefs"] == [{"name": "signer", "port": port["port"]}]
    assert rule["http"]["paths"][0]["backend"]["service"] == {
        "name": objects["Service"]["metadata"]["name"],
        "port": {"name": port["name"]},
    }


def test_the_public_paths_are_all_but_the_internal_ones() -> None:
    optional = [
        router
        for served in (each.served() for each in PROTOCOLS)
        for router in (*served.routers, *served.public_routers, *served.api_routers)
    ]
    routers = [*factory._ROUTERS, *optional]
    heads, internal = _first_segments(*routers), _first_segments(health)
    with helm_python.Chart.load(CHART) as chart:
        public = chart.values["publicPaths"]
    assert {path.removeprefix("/") for path in public} == heads - internal - NOT_PUBLIC


def _first_segments(*routers: APIRouter) -> set[str]:
    routes = [route for router in routers for route in router.routes]
    return {route.path.split("/")[1] for route in routes if isinstance(route, APIRoute)}


def test_a_secret_of_link_keys_is_mounted() -> None:
    (pod,) = pod_templates(tuple(read(manifests(everything("eks")))))
    volumes = {each["name"]: each for each in pod["spec"]["volumes"]}
    mounts = {each["name"]: each for each in pod["spec"]["containers"][0]["volumeMounts"]}
    assert volumes["link-keys"]["secret"] == {"secretName": "presign-link-keys"}
    assert mounts["link-keys"]["mountPath"] == "/var/run/secrets/links"
    assert mounts.keys() == volumes.keys()


def test_an_existing_config_map_replaces_the_configuration() -> None:
    values = values_of(EXAMPLES / "eks" / "values.yaml") | {"existingConfigMap": "ours"}
    objects = tuple(read(manifests(values)))
    assert "ConfigMap" not in {each["kind"] for each in objects}
    (pod,) = pod_templates(objects)
    assert pod["spec"]["volumes"][0]["configMap"] == {"name": "ours"}
    with pytest.raises(HelmRenderError, match="not both"):
        manifests(example("eks") | values)


def test_a_tag_is_used_without_a_digest() -> None:
    values = example("eks") | {"image": {"repository": "registry.example.com/presign"}}
    assert image(values) == f"registry.example.com/presign:{__version__}"
    values["image"]["tag"] = "next"
    assert image(values) == "registry.example.com/presign:next"


def image(values: Values) -> Any:
    (pod,) = pod_templates(tuple(read(manifests(values))))
    return pod["spec"]["containers"][0]["image"]


def test_without_peers_there_is_no_rule_for_them() -> None:
    values = merge(example("eks"), {"networkPolicy": {"callers": [], "scrapers": [], "dns": []}})
    policy = by_name(tuple(read(manifests(values))))["NetworkPolicy", "presign"]["spec"]
    assert not policy["ingress"]
    assert not policy["egress"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]


@pytest.mark.parametrize("part", ["networkPolicy", "autoscaling", "podDisruptionBudget"])
def test_a_part_that_is_off_is_not_rendered(part: str) -> None:
    values = merge(example("eks"), {part: {"enabled": False}})
    left = {each["kind"] for each in read(manifests(values))}
    kinds = {each["kind"] for each in read(manifests(example("eks")))}
    expected = {
        "networkPolicy": "NetworkPolicy",
        "autoscaling": "HorizontalPodAutoscaler",
        "podDisruptionBudget": "PodDisruptionBudget",
    }
    assert kinds - left == {expected[part]}


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"imag": {}}, "imag"),
        ({"image": {"digest": "sha256:0"}}, "/image/digest"),
        ({"replicas": 0}, "/replicas"),
        ({"storeKeys": {"existingSecret": "No_Name"}}, "/storeKeys/existingSecret"),
        ({"storeKeys": {"secretAccessKey": "x"}}, "/storeKeys"),
        ({"publicPaths": ["/"]}, "/publicPaths/0"),
        ({"publicPaths": ["/metrics"]}, "/publicPaths/0"),
        ({"ingress": {"enabled": True}}, "/ingress/hosts"),
        ({"httpRoute": {"enabled": True}}, "/httpRoute/parentRefs"),
        ({"networkPolicy": {"callers": [{}]}}, "/networkPolicy/callers/0"),
        ({"networkPolicy": {"egress": {"all": [{}]}}}, "/networkPolicy/egress/all/0"),
        ({"podDisruptionBudget": {"maxUnavailable": 0}}, "/podDisruptionBudget/maxUnavailable"),
        ({"serviceMonitor": {"interval": "5m"}}, "/serviceMonitor/interval"),
        ({"terminationGracePeriodSeconds": 20}, "/terminationGracePeriodSeconds"),
        ({"podLabels": {"app.kubernetes.io/name": "x"}}, "app.kubernetes.io/name"),
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_by_name(values: Values, named: str) -> None:
    with pytest.raises(HelmValuesError, match=f"'{named}'"):
        manifests(merge(example("eks"), values))


@pytest.mark.parametrize("missing", ["image", "config"])
def test_a_missing_value_is_named(missing: str) -> None:
    values = deepcopy(example("eks"))
    del values[missing]
    with pytest.raises(HelmRenderError, match=f"{missing}.*: "):
        manifests(values)


def test_the_schema_has_every_value() -> None:
    with helm_python.Chart.load(CHART) as chart:
        assert chart.schema is not None
        assert set(chart.schema["properties"]) == {*chart.values, "global"}
        chart.validate_schema(everything("eks"))


def test_helm_lint_finds_nothing() -> None:
    report = helm_python.lint(CHART, example("eks"), strict=True)
    found = [each["error"] for each in report["messages"]]
    assert (found, report["errors"]) == (["icon is recommended"], [])


def test_the_chart_has_the_services_version() -> None:
    with helm_python.Chart.load(CHART) as chart:
        assert (chart.version, chart.metadata["appVersion"]) == (__version__, __version__)


def test_the_notes_say_what_is_left_to_do() -> None:
    assert "presign-access=caller" in notes(example("eks"))
    assert "networkPolicy.egress is empty" not in notes(example("eks"))
    values = merge(example("eks"), {"service": {"port": 8080}})
    del values["networkPolicy"]
    assert "networkPolicy.egress is empty" in notes(values)
    assert "http://presign.presign.svc:8080 " in notes(values)


def test_the_commands_of_the_page_render_valid_manifests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = "".join(each.text for each in commands(PAGE) if each.mark == HERE)
    lines = [each for each in text.replace("\\\n", " ").splitlines() if each]
    assert lines
    for line in lines:
        assert line.startswith("helm template presign deploy/helm ")
        assert kubernetes(rendered(shlex.split(line.replace(" deploy/helm ", " "))[2:])) == []


def test_make_renders_the_chart_for_who_has_no_helm() -> None:
    eks, optional = EXAMPLES / "eks", EXAMPLES / "optional.yaml"
    made = ["--old-file", f"{sys.prefix}/.installed"]  # a test must not make its own environment
    files = [f"VALUES={eks / 'values.yaml'} {optional}", f"CONFIG={eks / 'presign.yaml'}"]
    done = run_to_end(["make", "manifests", f"VENV={sys.prefix}", *made, *files], cwd=ROOT)
    assert done.returncode == 0, done.stderr
    text = (ROOT / "dist" / "manifests.yaml").read_text(encoding="utf-8")
    assert list(read(text)) == list(read(manifests(example("eks", "optional"))))


def test_the_renderer_says_which_value_is_wrong(tmp_path: Path) -> None:
    (values := tmp_path / "values.yaml").write_text("replicas: 0\n")
    done = run_to_end([sys.executable, "-m", "tools.manifests", "-f", values], cwd=ROOT)
    assert done.returncode != 0
    assert done.stderr.startswith("The chart cannot be rendered: ")
    assert "'/replicas'" in done.stderr
