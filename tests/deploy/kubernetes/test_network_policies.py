"""The NetworkPolicies allow what the configuration needs, and little else."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Final

import httpx
import pytest

from tests.deploy.kubernetes.rendering import (
    EKS,
    NAMES,
    STATIC_KEYS,
    Object,
    Rendering,
    each_rendering,
    example,
    example_caller,
    read,
)
from tools.manifests import manifests, merge

PORT: Final = 8000  # a policy sees the Pod's port, not the Service's
HTTPS: Final = 443
# The API server's Service port, and its usual own port: a policy may see either.
API_SERVER_PORTS: Final = (443, 6443)
METADATA: Final = ("169.254.169.254", "fd00:ec2::254")  # of an EC2 instance, by either protocol
ELSEWHERE: Final = "203.0.113.7"  # RFC 5737
PROMETHEUS: Final = {"app.kubernetes.io/name": "prometheus"}


@dataclass(frozen=True)
class Peer:
    """A peer: a Pod in a namespace, or an address."""

    namespace: tuple[tuple[str, str], ...] = ()
    pod: tuple[tuple[str, str], ...] = ()
    address: str | None = None


def make_pod(namespace: str, labels: dict[str, str], **of_namespace: str) -> Peer:
    named = {"kubernetes.io/metadata.name": namespace, **of_namespace}
    return Peer(namespace=tuple(named.items()), pod=tuple(labels.items()))


def lets(made: Rendering, direction: str, peer: Peer, port: int, protocol: str = "TCP") -> bool:
    """Evaluate policies as in networking.k8s.io/v1: any rule of any policy may allow."""
    peers = {"ingress": "from", "egress": "to"}[direction]
    return any(
        {"protocol": protocol, "port": port} in rule["ports"]
        and (peers not in rule or any(_is(each, peer) for each in rule[peers]))
        for rule in rules(made, direction)
    )


def rules(made: Rendering, direction: str) -> list[Object]:
    return [rule for policy in made.policies for rule in policy.get(direction, [])]


def _is(documented: Object, peer: Peer) -> bool:
    if "ipBlock" in documented:
        return peer.address is not None and _holds(documented["ipBlock"], peer.address)
    everything: Object = {"matchLabels": {}}
    namespaces, pods = documented["namespaceSelector"], documented.get("podSelector", everything)
    return (
        peer.address is None
        and namespaces["matchLabels"].items() <= dict(peer.namespace).items()
        and pods["matchLabels"].items() <= dict(peer.pod).items()
    )


def _holds(block: Object, address: str) -> bool:
    at = ip_address(address)
    return at in ip_network(block["cidr"]) and not any(
        at in ip_network(each) for each in block.get("except", [])
    )


STRANGER: Final = make_pod("elsewhere", {"app.kubernetes.io/name": "stranger"})
CALLER: Final = make_pod(
    "billing", {"app.kubernetes.io/name": "api"}, **{"presign-access": "caller"}
)
DNS: Final = make_pod("kube-system", {"k8s-app": "kube-dns"})
ALLOWED: Final = [
    ("ingress", CALLER, PORT, "TCP"),
    ("ingress", make_pod("monitoring", PROMETHEUS), PORT, "TCP"),
    ("egress", DNS, 53, "UDP"),
    ("egress", DNS, 53, "TCP"),
]
DENIED: Final = [
    *(("ingress", STRANGER, port) for port in (80, HTTPS, 5432, PORT)),
    *(("egress", STRANGER, port) for port in (80, 5432, PORT)),
    *(("egress", Peer(address=ELSEWHERE), port) for port in (80, 5432, PORT)),
    ("ingress", CALLER, 22),
    ("ingress", make_pod("monitoring", {"app": "grafana"}), PORT),
    ("ingress", make_pod("elsewhere", PROMETHEUS), PORT),
    # A node's metadata answers on port 80: a Pod that reaches it gets the node's own role.
    *(("egress", Peer(address=address), 80) for address in METADATA),
]


@each_rendering
def test_traffic_is_denied_unless_it_is_needed(made: Rendering) -> None:
    assert any(set(each["policyTypes"]) == {"Ingress", "Egress"} for each in made.policies)
    assert [flow for flow in ALLOWED if not lets(made, *flow)] == []
    assert [flow for flow in DENIED if lets(made, *flow)] == []
    assert PORT in {port["containerPort"] for port in made.container["ports"]}


@each_rendering
def test_every_rule_names_its_ports(made: Rendering) -> None:
    """Without `ports` a rule allows all ports."""
    for direction in ("ingress", "egress"):
        assert rules(made, direction)
        assert all(rule.get("ports") for rule in rules(made, direction))


def talks_to(configuration: Object) -> Iterator[str]:
    """Return each URL that the service calls; by default AWS's STS, and S3 for the service's own
    calls.
    """
    for bucket in configuration["buckets"].values():
        yield bucket.get("endpoint_url", "https://s3.amazonaws.com")
        if bucket.get("credentials") != "static":
            yield bucket.get("sts_endpoint_url", "https://sts.amazonaws.com")
    for issuer in configuration.get("issuers", {}).values():
        yield issuer["jwks_url"]


def ways_to(text: str) -> list[tuple[Peer, int]]:
    url = httpx.URL(text)
    port = url.port or {"http": 80, "https": HTTPS}[url.scheme]
    if url.host == "kubernetes.default.svc":
        return [(Peer(address=ELSEWHERE), each) for each in API_SERVER_PORTS]
    if url.host.endswith(".svc"):
        name, namespace, _ = url.host.split(".")
        return [(make_pod(namespace, {"app.kubernetes.io/name": name}), port)]
    return [(Peer(address=ELSEWHERE), port)]


@each_rendering
def test_configured_destinations_are_allowed(made: Rendering) -> None:
    urls = list(talks_to(made.configuration))
    assert len(urls) >= 2
    for url in urls:
        for peer, port in ways_to(url):
            assert lets(made, "egress", peer, port), url


def test_on_eks_the_metadata_address_is_excluded() -> None:
    peers = [peer for rule in rules(EKS, "egress") for peer in rule["to"]]
    blocks = [peer["ipBlock"] for peer in peers if "ipBlock" in peer]
    assert blocks
    for address in METADATA:
        assert not any(_holds(block, address) for block in blocks)


def test_the_store_is_reached_only_at_its_port() -> None:
    minio, other = (make_pod("store", {"app.kubernetes.io/name": n}) for n in ("minio", "other"))
    assert lets(STATIC_KEYS, "egress", minio, 9000)
    assert not lets(STATIC_KEYS, "egress", minio, 9001)
    assert not lets(STATIC_KEYS, "egress", other, 9000)


@pytest.mark.parametrize("name", NAMES)
def test_the_rate_limit_store_needs_its_option(name: str) -> None:
    valkey = make_pod("valkey", {"app.kubernetes.io/name": "valkey"})
    assert not lets(Rendering(name), "egress", valkey, 6379)
    assert lets(Rendering(name, has_options=True), "egress", valkey, 6379)


def test_rules_of_the_values_narrow_the_way_to_the_api_server() -> None:
    to_one = {"to": [{"ipBlock": {"cidr": "203.0.113.8/32"}}], "ports": [{"port": HTTPS}]}
    egress = {"networkPolicy": {"egress": {"cluster-issuer": [to_one]}}}
    objects = read(manifests(merge(example("static-keys"), egress)))
    [policy] = [x for x in objects if x["metadata"]["name"] == "presign-to-cluster-issuer"]
    assert policy["spec"]["egress"] == [to_one]


def test_the_example_caller_has_the_access_label() -> None:
    (namespace,) = [each for each in example_caller() if each["kind"] == "Namespace"]
    metadata = namespace["metadata"]
    peer = make_pod(metadata["name"], {"app.kubernetes.io/name": "api"}, **metadata["labels"])
    assert lets(EKS, "ingress", peer, PORT)
