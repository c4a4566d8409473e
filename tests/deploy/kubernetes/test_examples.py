"""The example of a caller, docs/callers.md and the page agree on how to get a token."""

import re
from typing import Final

from service.access.callers import CallerEntry
from service.access.grants import Caller
from tests.deploy.kubernetes.rendering import (
    NAMES,
    STATIC_KEYS,
    Object,
    Rendering,
    example_caller,
    read,
    tokens,
)
from tools import ROOT

CALLERS: Final = (ROOT / "docs" / "callers.md").read_text(encoding="utf-8")


def calling() -> tuple[Object, Object]:
    """The Deployment, and its Pod's spec."""
    (deployment,) = [each for each in example_caller() if each["kind"] == "Deployment"]
    return deployment, deployment["spec"]["template"]["spec"]


def test_the_example_mounts_the_token_as_the_page_does() -> None:
    _, spec = calling()
    [block] = re.findall(r"```yaml\n(volumes:\n.*?)```", CALLERS, re.DOTALL)
    [documented] = read(block)
    assert spec["volumes"] == documented["volumes"]
    [container] = spec["containers"]
    [mount] = container["volumeMounts"]
    [token] = tokens(spec)
    assert mount["name"] == documented["volumes"][0]["name"]
    assert f"$(cat {mount['mountPath']}/{token['path']})" in CALLERS


def test_both_examples_know_the_example_caller() -> None:
    deployment, spec = calling()
    (token,) = tokens(spec)
    namespace = deployment["metadata"]["namespace"]
    subject = f"system:serviceaccount:{namespace}:{spec['serviceAccountName']}"
    for name in NAMES:
        configuration = Rendering(name).configuration
        (documented,) = configuration["callers"]
        entry = CallerEntry(issuer=documented["issuer"], subject=documented["subject"], grants=())
        assert entry.may_match(Caller(issuer=documented["issuer"], subject=subject))
        assert configuration["issuers"][documented["issuer"]]["audience"] == token["audience"]


def test_the_examples_accounts_and_selectors_match() -> None:
    deployment, spec = calling()
    accounts = [
        (each["metadata"]["namespace"], each["metadata"]["name"])
        for each in example_caller()
        if each["kind"] == "ServiceAccount"
    ]
    assert (deployment["metadata"]["namespace"], spec["serviceAccountName"]) in accounts
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_the_issuer_key_role_is_bound_as_documented() -> None:
    [documented] = re.findall(r"ClusterRole\s+`([\w:-]+)`", CALLERS)
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": documented}
    built = STATIC_KEYS.one("ClusterRoleBinding")
    assert built["roleRef"] == role
    assert built["subjects"] == [
        {"kind": "ServiceAccount", "namespace": "presign", "name": "presign"}
    ]


def test_the_clusters_issuer_is_configured_as_documented() -> None:
    blocks = re.findall(r"```yaml\n(buckets:\n.*?)```", CALLERS, re.DOTALL)
    (configuration,) = [
        each for block in blocks for each in read(block) if "cluster-a" in each.get("issuers", {})
    ]
    built = STATIC_KEYS.configuration["issuers"]
    assert built["cluster-a"] == configuration["issuers"]["cluster-a"]
