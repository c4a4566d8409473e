"""deploy/helm/README.md: its instructions match the manifests."""

import json
import re
from typing import Final

import pytest

from service.server.run import FINISH_SECONDS
from tests.deploy.kubernetes.rendering import (
    EKS,
    EXAMPLES,
    STATIC_KEYS,
    Rendering,
    tokens,
)
from tools import ROOT
from tools.manifests import CHART

PAGE: Final = (CHART / "README.md").read_text(encoding="utf-8")
TRUST: Final = ROOT / "deploy" / "iam" / "trust-web-identity.json"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines()]


def test_the_page_names_every_example() -> None:
    named = set(re.findall(r"^\| \[examples/([\w./-]+)\]", PAGE, re.MULTILINE))
    assert named == {path.name for path in EXAMPLES.iterdir()}


def test_the_trust_policy_matches_the_projected_token() -> None:
    assert f"../iam/{TRUST.name}" in PAGE
    (statement,) = json.loads(TRUST.read_text(encoding="utf-8"))["Statement"]
    configuration = EKS.configuration
    provider = configuration["issuers"]["cluster-a"]["issuer"].removeprefix("https://")
    account = EKS.one("ServiceAccount")["metadata"]
    (token,) = tokens(EKS.pod["spec"])
    assert statement["Condition"]["StringEquals"] == {
        f"{provider}:aud": token["audience"],
        f"{provider}:sub": f"system:serviceaccount:{account['namespace']}:{account['name']}",
    }
    (bucket,) = configuration["buckets"].values()
    aws_account = bucket["role_arn"].split(":")[4]
    federated = f"arn:aws:iam::{aws_account}:oidc-provider/{provider}"
    assert statement["Principal"] == {"Federated": federated}


def test_the_secret_commands_create_the_used_keys() -> None:
    for made in (STATIC_KEYS, Rendering("eks", has_options=True)):
        namespace = made.one("Deployment")["metadata"]["namespace"]
        for variable in made.container["env"]:
            secret = variable["valueFrom"]["secretKeyRef"]
            start = f"kubectl -n {namespace} create secret generic {secret['name']} "
            (line,) = [each for each in commands() if each.startswith(start)]
            assert f"--from-file={secret['key']}=FILE" in line


@pytest.mark.parametrize("policy", ["Disabled", "Max"])
def test_the_scaling_commands_match_the_autoscaler(policy: str) -> None:
    scaler = EKS.one("HorizontalPodAutoscaler")
    metadata = scaler["metadata"]
    start = f"kubectl -n {metadata['namespace']} patch hpa {metadata['name']} --type merge -p '"
    patches = [json.loads(line[len(start) : -1]) for line in commands() if line.startswith(start)]
    assert "scaleDown" in scaler["spec"]["behavior"]
    assert {"spec": {"behavior": {"scaleDown": {"selectPolicy": policy}}}} in patches


def test_paths_in_the_commands_exist() -> None:
    documented = re.findall(r"deploy/helm/[\w./-]+", "\n".join(commands()))
    assert documented
    assert [path for path in documented if not (ROOT / path).exists()] == []


def test_the_figures_on_the_page_match_the_manifests() -> None:
    text = " ".join(PAGE.split())
    assert f"period of {EKS.pod['spec']['terminationGracePeriodSeconds']} s" in text
    assert f"`drain_seconds` + {FINISH_SECONDS} + 5 for a `drain_seconds` of up to 20" in text
    assert f"`max_in_flight` is {EKS.configuration['server']['max_in_flight']} here" in text
