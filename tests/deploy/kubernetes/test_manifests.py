"""The manifests are consistent: nothing that an API server would refuse or a controller would not
find.
"""

import re
from pathlib import PurePosixPath
from typing import Any, Final

from tests.deploy.kubernetes.rendering import (
    PROBES,
    Rendering,
    each_rendering,
)

# kubernetes.io/docs/concepts/overview/working-with-objects/names/ and …/labels/
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")
_OF_THE_CLUSTER: Final = {"Namespace", "ClusterRoleBinding"}


@each_rendering
def test_all_resources_are_in_one_namespace_with_valid_names(made: Rendering) -> None:
    for each in made.objects():
        metadata = each["metadata"]
        expected = None if each["kind"] in _OF_THE_CLUSTER else "presign"
        assert metadata.get("namespace") == expected
        assert _LABEL.fullmatch(metadata["name"])
        assert all(_LABEL_VALUE.fullmatch(value) for value in metadata["labels"].values())


@each_rendering
def test_another_namespace_moves_everything(made: Rendering) -> None:
    """A cluster role binding names the account that reads the issuer's keys, and must change as
    well.
    """
    kept, moved = made.text(), made.text(namespace="other")
    assert "namespace: presign\n" not in moved
    assert moved.count("namespace: other") == kept.count("namespace: presign") > 0


@each_rendering
def test_cluster_role_bindings_name_the_service_account(made: Rendering) -> None:
    account = made.one("ServiceAccount")["metadata"]
    bindings = made.of_kind("ClusterRoleBinding")
    assert len(bindings) == (made.example == "static-keys")
    for binding in bindings:
        (subject,) = binding["subjects"]
        assert (subject["namespace"], subject["name"]) == (account["namespace"], account["name"])


@each_rendering
def test_every_selector_finds_the_pods(made: Rendering) -> None:
    labels = made.pod["metadata"]["labels"].items()
    deployment = made.one("Deployment")["spec"]
    budget = made.one("PodDisruptionBudget")["spec"]
    spread = made.pod["spec"]["topologySpreadConstraints"]
    selectors = [
        made.one("Service")["spec"]["selector"],
        deployment["selector"]["matchLabels"],
        budget["selector"]["matchLabels"],
        *(constraint["labelSelector"]["matchLabels"] for constraint in spread),
        *(policy["podSelector"]["matchLabels"] for policy in made.policies),
    ]
    assert all(selector and selector.items() <= labels for selector in selectors)


@each_rendering
def test_the_autoscaler_owns_the_deployments_replicas(made: Rendering) -> None:
    deployment, scaler = made.one("Deployment"), made.one("HorizontalPodAutoscaler")["spec"]
    assert scaler["scaleTargetRef"] == {
        "apiVersion": deployment["apiVersion"],
        "kind": deployment["kind"],
        "name": deployment["metadata"]["name"],
    }
    assert "replicas" not in deployment["spec"]
    for metric in scaler["metrics"]:  # a share of the request, so there must be a request
        assert metric["resource"]["name"] in made.container["resources"]["requests"]


@each_rendering
def test_one_pod_can_always_be_evicted(made: Rendering) -> None:
    scaler, budget = made.one("HorizontalPodAutoscaler"), made.one("PodDisruptionBudget")
    assert scaler["spec"]["minReplicas"] > budget["spec"]["maxUnavailable"] == 1
    assert made.one("Deployment")["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@each_rendering
def test_scaling_down_is_slower_than_scaling_up(made: Rendering) -> None:
    behavior = made.one("HorizontalPodAutoscaler")["spec"]["behavior"]
    (down,) = behavior["scaleDown"]["policies"]
    (up,) = behavior["scaleUp"]["policies"]
    # At least as long as a session, so that an STS outage is over or noticed before a replica is
    # removed.
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] >= 3600
    assert down["value"] == 1
    assert up["value"] / up["periodSeconds"] > 10 * down["value"] / down["periodSeconds"]


@each_rendering
def test_ports_are_named_and_found_by_their_names(made: Rendering) -> None:
    names = {port["name"] for port in made.container["ports"]}
    assert all(_PORT_NAME.fullmatch(name) for name in names)
    selectors = [port["targetPort"] for port in made.one("Service")["spec"]["ports"]]
    selectors += [made.container[f"{kind}Probe"]["httpGet"]["port"] for kind in PROBES]
    assert set(selectors) <= names


@each_rendering
def test_every_volume_is_mounted_once(made: Rendering) -> None:
    volumes = [volume["name"] for volume in made.pod["spec"]["volumes"]]
    mounts = made.container["volumeMounts"]
    assert sorted(volumes) == sorted(mount["name"] for mount in mounts)
    assert len({mount["mountPath"] for mount in mounts}) == len(mounts)
    assert all(mount["readOnly"] for mount in mounts)
    assert not any({"subPath", "subPathExpr"} & set(mount) for mount in mounts)
    paths = [PurePosixPath(mount["mountPath"]) for mount in mounts]
    assert not any(one in other.parents for one in paths for other in paths)  # it cannot be created


@each_rendering
def test_referenced_objects_are_defined_or_declared_external(made: Rendering) -> None:
    own = {each["metadata"]["name"] for each in made.of_kind("ConfigMap")}
    assert _named(made.pod, "configMap") <= own | {"kube-root-ca.crt"}
    secrets = {"eks": set(), "static-keys": {"presign-store-keys"}}[made.example]
    if made.has_options:
        secrets |= {"presign-rate-limits"}
    assert _named(made.pod, "secretKeyRef") == secrets
    assert not any(key in made.text() for key in ("envFrom", "secretName"))


def _named(node: Any, key: str) -> set[str]:
    """Return the `name` of every `key` at any depth."""
    if isinstance(node, list):
        return set[str]().union(*(_named(each, key) for each in node))
    if not isinstance(node, dict):
        return set()
    own = {node[key]["name"]} if key in node else set()
    return own.union(*(_named(each, key) for each in node.values()))


@each_rendering
def test_manifests_contain_no_secret(made: Rendering) -> None:
    assert made.of_kind("Secret") == []
    assert all("value" not in variable for variable in made.container.get("env", []))
    assert re.findall(r"A[KS]IA[0-9A-Z]{16}|BEGIN [A-Z ]*PRIVATE", made.text()) == []


@each_rendering
def test_the_account_gets_only_the_mounted_tokens(made: Rendering) -> None:
    account, pod = made.one("ServiceAccount"), made.pod["spec"]
    assert pod["serviceAccountName"] == account["metadata"]["name"]
    assert account["automountServiceAccountToken"] is False
    assert pod["automountServiceAccountToken"] is False


@each_rendering
def test_the_image_is_pinned_by_digest(made: Rendering) -> None:
    assert re.fullmatch(r"[\w.-]+\.[\w.-]+(/[\w-]+)+@sha256:[0-9a-f]{64}", made.container["image"])


@each_rendering
def test_a_service_monitor_finds_the_service_and_its_port(made: Rendering) -> None:
    monitors, service = made.of_kind("ServiceMonitor"), made.one("Service")
    assert len(monitors) == made.has_options
    for monitor in monitors:
        selected = monitor["spec"]["selector"]["matchLabels"].items()
        assert selected <= service["metadata"]["labels"].items()
        for endpoint in monitor["spec"]["endpoints"]:
            assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
            assert int(endpoint["scrapeTimeout"][:-1]) <= int(endpoint["interval"][:-1])


@each_rendering
def test_the_default_needs_no_optional_cluster_features(made: Rendering) -> None:
    groups = {each["apiVersion"].partition("/")[0] for each in made.objects()}
    own = {"v1", "apps", "autoscaling", "policy", "networking.k8s.io", "rbac.authorization.k8s.io"}
    assert groups - own == ({"monitoring.coreos.com"} if made.has_options else set())
