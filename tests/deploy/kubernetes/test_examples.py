"""The example of a caller, docs/callers.md and the page agree on how to get a token."""

import re
from typing import Any, Final

from ruamel.yaml import YAML

from service.access.callers import CallerEntry
from service.access.grants import Caller
from tests.deploy.kubernetes.building import MANIFESTS, OVERLAYS, ROOT, Build, Object, read

CALLERS: Final = (ROOT / "docs" / "callers.md").read_text(encoding="utf-8")
EXAMPLE: Final = read((MANIFESTS / "examples" / "caller.yaml").read_text(encoding="utf-8"))


def of_readme(kind: str) -> Object:
    blocks = re.findall(rf"```yaml\n(apiVersion: \S+\nkind: {kind}\n.*?)```", CALLERS, re.DOTALL)
    (found,) = read("---\n".join(blocks))
    return found


def calling() -> tuple[Object, Object]:
    """The Deployment, and its Pod's spec."""
    (deployment,) = [each for each in EXAMPLE if each["kind"] == "Deployment"]
    spec: Object = deployment["spec"]["template"]["spec"]
    return deployment, spec


def token_of(spec: Object) -> tuple[Any, ...]:
    """Return the account, the image, and the token's mount and source."""
    (container,) = spec["containers"]
    volume = {"name": "presign-token", "projected": spec["volumes"][0]["projected"]}
    return spec["serviceAccountName"], container["image"], container["volumeMounts"], [volume]


def test_the_example_mounts_the_token_as_the_readme_does() -> None:
    deployment, spec = calling()
    pod = of_readme("Pod")
    assert token_of(spec) == token_of(pod["spec"])
    assert spec["volumes"] == pod["spec"]["volumes"]
    assert deployment["metadata"] == pod["metadata"]


def test_both_overlays_know_the_example_caller() -> None:
    deployment, spec = calling()
    (token,) = [each["serviceAccountToken"] for each in spec["volumes"][0]["projected"]["sources"]]
    namespace = deployment["metadata"]["namespace"]
    subject = f"system:serviceaccount:{namespace}:{spec['serviceAccountName']}"
    for overlay in OVERLAYS:
        configuration = YAML(typ="safe").load(Build(overlay).configuration)
        (documented,) = configuration["callers"]
        entry = CallerEntry(issuer=documented["issuer"], subject=documented["subject"], grants=())
        assert entry.matches(Caller(issuer=documented["issuer"], subject=subject))
        assert configuration["issuers"][documented["issuer"]]["audience"] == token["audience"]


def test_the_examples_accounts_and_selectors_match() -> None:
    deployment, spec = calling()
    accounts = [
        (each["metadata"]["namespace"], each["metadata"]["name"])
        for each in EXAMPLE
        if each["kind"] == "ServiceAccount"
    ]
    assert (deployment["metadata"]["namespace"], spec["serviceAccountName"]) in accounts
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_the_issuer_key_role_is_bound_as_documented() -> None:
    documented, built = (
        of_readme("ClusterRoleBinding"),
        Build("static-keys").one("ClusterRoleBinding"),
    )
    assert built["roleRef"] == documented["roleRef"]
    assert built["subjects"] == documented["subjects"]
    assert built["metadata"]["name"] == documented["metadata"]["name"]


def test_the_clusters_issuer_is_configured_as_documented() -> None:
    blocks = re.findall(r"```yaml\n(buckets:\n.*?)```", CALLERS, re.DOTALL)
    (configuration,) = [each for block in blocks for each in read(block) if "issuers" in each]
    documented = configuration["issuers"]["cluster-a"]
    built = YAML(typ="safe").load(Build("static-keys").configuration)["issuers"]["cluster-a"]
    assert built == documented
