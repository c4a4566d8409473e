"""The manifests are consistent: nothing that an API server would refuse or a controller would not
find.
"""

import re
import shutil
from pathlib import Path, PurePosixPath
from typing import Any, Final

import pytest

from tests.deploy.kubernetes.building import (
    MANIFESTS,
    OVERLAYS,
    PROBES,
    Build,
    each_build,
    kustomized,
    read,
)

# kubernetes.io/docs/concepts/overview/working-with-objects/names/ and …/labels/
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")
_OF_THE_CLUSTER: Final = {"Namespace", "ClusterRoleBinding"}


@each_build
def test_all_resources_are_in_one_namespace_with_valid_names(build: Build) -> None:
    namespace = build.one("Namespace")["metadata"]["name"]
    for each in build.objects():
        metadata = each["metadata"]
        expected = None if each["kind"] in _OF_THE_CLUSTER else namespace
        assert metadata.get("namespace") == expected
        assert _LABEL.fullmatch(metadata["name"])
        assert all(_LABEL_VALUE.fullmatch(value) for value in metadata["labels"].values())


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_another_namespace_is_one_line_in_the_overlay(overlay: str, tmp_path: Path) -> None:
    """A cluster role binding names the account that reads the issuer's keys, and must change as
    well.
    """
    directory = Path(shutil.copytree(MANIFESTS, tmp_path / "kubernetes")) / "overlays" / overlay
    file = directory / "kustomization.yaml"
    text, count = re.subn("(?m)^namespace: presign$", "namespace: other", file.read_text())
    assert count == 1
    file.write_text(text)
    moved, kept = kustomized(directory), Build(overlay)
    assert len(read(moved)) == len(kept.objects())
    assert moved.count(" other\n") == kept.text().count("namespace: presign\n") + 1  # its own name
    assert "namespace: presign\n" not in moved


@each_build
def test_cluster_role_bindings_name_the_service_account(build: Build) -> None:
    account = build.one("ServiceAccount")["metadata"]
    bindings = build.of_kind("ClusterRoleBinding")
    assert len(bindings) == (build.overlay == "static-keys")
    for binding in bindings:
        (subject,) = binding["subjects"]
        assert (subject["namespace"], subject["name"]) == (account["namespace"], account["name"])


@each_build
def test_every_selector_finds_the_pods(build: Build) -> None:
    labels = build.pod["metadata"]["labels"].items()
    deployment = build.one("Deployment")["spec"]
    budget = build.one("PodDisruptionBudget")["spec"]
    spread = build.pod["spec"]["topologySpreadConstraints"]
    selectors = [
        build.one("Service")["spec"]["selector"],
        deployment["selector"]["matchLabels"],
        budget["selector"]["matchLabels"],
        *(constraint["labelSelector"]["matchLabels"] for constraint in spread),
        *(policy["podSelector"]["matchLabels"] for policy in build.policies),
    ]
    assert all(selector and selector.items() <= labels for selector in selectors)


@each_build
def test_the_autoscaler_owns_the_deployments_replicas(build: Build) -> None:
    deployment, scaler = build.one("Deployment"), build.one("HorizontalPodAutoscaler")["spec"]
    assert scaler["scaleTargetRef"] == {
        "apiVersion": deployment["apiVersion"],
        "kind": deployment["kind"],
        "name": deployment["metadata"]["name"],
    }
    assert "replicas" not in deployment["spec"]
    for metric in scaler["metrics"]:  # a share of the request, so there must be a request
        assert metric["resource"]["name"] in build.container["resources"]["requests"]


@each_build
def test_one_pod_can_always_be_evicted(build: Build) -> None:
    scaler, budget = build.one("HorizontalPodAutoscaler"), build.one("PodDisruptionBudget")
    assert scaler["spec"]["minReplicas"] > budget["spec"]["maxUnavailable"] == 1
    assert build.one("Deployment")["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@each_build
def test_scaling_down_is_slower_than_scaling_up(build: Build) -> None:
    behavior = build.one("HorizontalPodAutoscaler")["spec"]["behavior"]
    (down,) = behavior["scaleDown"]["policies"]
    (up,) = behavior["scaleUp"]["policies"]
    # At least as long as a session, so that an STS outage is over or noticed before a replica is
    # removed.
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] >= 3600
    assert down["value"] == 1
    assert up["value"] / up["periodSeconds"] > 10 * down["value"] / down["periodSeconds"]


@each_build
def test_ports_are_named_and_found_by_their_names(build: Build) -> None:
    names = {port["name"] for port in build.container["ports"]}
    assert all(_PORT_NAME.fullmatch(name) for name in names)
    selectors = [port["targetPort"] for port in build.one("Service")["spec"]["ports"]]
    selectors += [build.container[f"{kind}Probe"]["httpGet"]["port"] for kind in PROBES]
    assert set(selectors) <= names


@each_build
def test_every_volume_is_mounted_once(build: Build) -> None:
    volumes = [volume["name"] for volume in build.pod["spec"]["volumes"]]
    mounts = build.container["volumeMounts"]
    assert sorted(volumes) == sorted(mount["name"] for mount in mounts)
    assert len({mount["mountPath"] for mount in mounts}) == len(mounts)
    assert all(mount["readOnly"] for mount in mounts)
    assert not any({"subPath", "subPathExpr"} & set(mount) for mount in mounts)
    paths = [PurePosixPath(mount["mountPath"]) for mount in mounts]
    assert not any(one in other.parents for one in paths for other in paths)  # it cannot be created


@each_build
def test_referenced_objects_are_defined_or_declared_external(build: Build) -> None:
    made = {each["metadata"]["name"] for each in build.of_kind("ConfigMap")}
    assert _named(build.pod, "configMap") <= made | {"kube-root-ca.crt"}
    secrets = {"eks": set(), "static-keys": {"presign-store-keys"}}[build.overlay]
    if build.has_all_components:
        secrets |= {"presign-rate-limits"}
    assert _named(build.pod, "secretKeyRef") == secrets
    assert not any(key in build.text() for key in ("envFrom", "secretName"))


def _named(node: Any, key: str) -> set[str]:
    """Return the `name` of every `key` at any depth."""
    if isinstance(node, list):
        return set[str]().union(*(_named(each, key) for each in node))
    if not isinstance(node, dict):
        return set()
    own = {node[key]["name"]} if key in node else set()
    return own.union(*(_named(each, key) for each in node.values()))


@each_build
def test_manifests_contain_no_secret(build: Build) -> None:
    assert build.of_kind("Secret") == []
    assert all("value" not in variable for variable in build.container.get("env", []))
    assert re.findall(r"A[KS]IA[0-9A-Z]{16}|BEGIN [A-Z ]*PRIVATE", build.text()) == []


@each_build
def test_the_account_gets_only_the_mounted_tokens(build: Build) -> None:
    account, pod = build.one("ServiceAccount"), build.pod["spec"]
    assert pod["serviceAccountName"] == account["metadata"]["name"]
    assert account["automountServiceAccountToken"] is False
    assert pod["automountServiceAccountToken"] is False


@each_build
def test_the_image_is_pinned_by_digest(build: Build) -> None:
    assert re.fullmatch(r"[\w.-]+\.[\w.-]+(/[\w-]+)+@sha256:[0-9a-f]{64}", build.container["image"])


@each_build
def test_a_service_monitor_finds_the_service_and_its_port(build: Build) -> None:
    monitors, service = build.of_kind("ServiceMonitor"), build.one("Service")
    assert len(monitors) == build.has_all_components
    for monitor in monitors:
        selected = monitor["spec"]["selector"]["matchLabels"].items()
        assert selected <= service["metadata"]["labels"].items()
        for endpoint in monitor["spec"]["endpoints"]:
            assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
            assert int(endpoint["scrapeTimeout"][:-1]) <= int(endpoint["interval"][:-1])


@each_build
def test_the_base_needs_no_optional_cluster_features(build: Build) -> None:
    groups = {each["apiVersion"].partition("/")[0] for each in build.objects()}
    own = {"v1", "apps", "autoscaling", "policy", "networking.k8s.io", "rbac.authorization.k8s.io"}
    assert groups - own == ({"monitoring.coreos.com"} if build.has_all_components else set())


def test_the_base_has_no_registry_and_no_configuration() -> None:
    """Both belong to the overlay: a vendored base is never edited."""
    files = (MANIFESTS / "base").glob("*.yaml")
    objects = [each for file in files for each in read(file.read_text())]
    (deployment,) = [each for each in objects if each["kind"] == "Deployment"]
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "presign"
    assert {"ConfigMap", "Secret", "Namespace"}.isdisjoint(each["kind"] for each in objects)
