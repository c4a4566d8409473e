"""deploy/helm renders what deploy/kubernetes builds, its values are checked, and its page is right.

The commands of deploy/helm/README.md that render are run here.
"""

import re
from copy import deepcopy
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
from tests.deploy.kubernetes.building import BUILDS, OVERLAYS, Build, Object, pod_templates
from tests.deploy.kubernetes.pod_security import violations
from tests.docs.documents import commands
from tests.validators.chart import (
    CHART,
    EXAMPLES,
    Values,
    manifests,
    merge,
    notes,
    templated,
    values_of,
)
from tests.validators.validating import KUBERNETES, kubernetes, read

PAGE: Final = "deploy/helm/README.md"
HERE: Final = "run by tests/validators/test_chart.py"
# What Helm's users expect on each object, and kustomize's do not need.
HELMS_LABELS: Final = {
    "app.kubernetes.io/instance",
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
    "helm.sh/chart",
}
NOT_PUBLIC: Final = {"", "openapi.json", "openapi.yaml"}
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


def configuration(overlay: str) -> Values:
    file = KUBERNETES / "overlays" / overlay / "presign.yaml"
    return {"config": file.read_text(encoding="utf-8")}


def example(*names: str) -> Values:
    """Return the values of examples. The first is an overlay, whose presign.yaml is included."""
    values = values_of(*(EXAMPLES / f"{name}.yaml" for name in names))
    return values | configuration(names[0])


def everything(overlay: str) -> Values:
    return merge(example(overlay, "optional", "public"), EVERYTHING)


def by_name(objects: tuple[Object, ...]) -> dict[tuple[str, str], Object]:
    named = {(each["kind"], each["metadata"]["name"]): each for each in objects}
    assert len(named) == len(objects)
    return named


def comparable(value: Any) -> Any:
    """Without Helm's labels, and with lists of named items in one order: it has no meaning."""
    if isinstance(value, dict):
        return {name: comparable(each) for name, each in value.items() if name not in HELMS_LABELS}
    if not isinstance(value, list):
        return value
    items = [comparable(each) for each in value]
    is_named = all(isinstance(each, dict) and "name" in each for each in items)
    return sorted(items, key=lambda each: str(each["name"])) if is_named else items


@pytest.mark.parametrize("build", BUILDS, ids=str)
def test_the_chart_renders_what_kustomize_builds(build: Build) -> None:
    """Except the namespace, which `helm install --create-namespace` makes."""
    names = [build.overlay, "optional"] if build.has_all_components else [build.overlay]
    rendered = by_name(tuple(read(manifests(example(*names)))))
    built = by_name(build.objects())
    del built["Namespace", "presign"]
    assert comparable(rendered) == comparable(built)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_optional_part_is_valid(overlay: str) -> None:
    rendered = manifests(everything(overlay))
    assert {"Ingress", "HTTPRoute", "ServiceMonitor"} <= {each["kind"] for each in read(rendered)}
    assert kubernetes(rendered) == []
    assert [violations(pod) for pod in pod_templates(tuple(read(rendered)))] == [{}]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_examples_are_valid(overlay: str) -> None:
    assert kubernetes(manifests(example(overlay))) == []


def test_two_releases_in_one_namespace_share_no_object_or_pod() -> None:
    one, other = (tuple(read(manifests(example("eks"), name=name))) for name in ("one", "presign"))
    assert by_name(one).keys().isdisjoint(by_name(other))
    (service,) = [each for each in one if each["kind"] == "Service"]
    (pod,) = pod_templates(other)
    assert not service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()


def test_every_selector_matches_the_pods() -> None:
    objects = tuple(read(manifests(everything("eks"))))
    (pod,) = pod_templates(objects)
    selectors = [selector for each in objects for selector in selectors_of(each)]
    assert len(selectors) == 7  # Deployment, Service, budget, monitor, three policies
    for selector in selectors:
        assert selector.items() <= pod["metadata"]["labels"].items()


def selectors_of(each: Object) -> list[dict[str, str]]:
    spec = each.get("spec", {})
    found = [spec[name] for name in ("selector", "podSelector") if name in spec]
    return [selector.get("matchLabels", selector) for selector in found]


def test_ingress_and_http_route_publish_the_same_paths() -> None:
    objects = {each["kind"]: each for each in read(manifests(everything("eks")))}
    (rule,) = objects["Ingress"]["spec"]["rules"]
    (route,) = objects["HTTPRoute"]["spec"]["rules"]
    paths = [each["path"] for each in rule["http"]["paths"]]
    assert paths == [each["path"]["value"] for each in route["matches"]]
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
    values = values_of(EXAMPLES / "eks.yaml") | {"existingConfigMap": "ours"}
    objects = tuple(read(manifests(values)))
    assert "ConfigMap" not in {each["kind"] for each in objects}
    (pod,) = pod_templates(objects)
    assert pod["spec"]["volumes"][0]["configMap"] == {"name": "ours"}
    with pytest.raises(HelmRenderError, match="not both"):
        manifests(values | configuration("eks"))


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


def test_the_commands_of_the_page_render_valid_manifests() -> None:
    text = "".join(each.text for each in commands(PAGE) if each.mark == HERE)
    lines = [each for each in text.replace("\\\n", " ").splitlines() if each]
    assert lines
    for line in lines:
        assert kubernetes(templated(line)) == []


def test_the_page_names_every_example() -> None:
    page = (CHART / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\[examples/([\w-]+\.yaml)\]", page))
    assert named == {path.name for path in EXAMPLES.iterdir()}
