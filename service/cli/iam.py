"""`presign iam`: roles, policies and bucket settings for a configuration."""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Final

import click

from service.cli.options import (
    InvalidConfiguration,
    config_argument,
    load,
    parsed_by,
    print_json,
)
from service.errors import ConfigurationError

_PRINCIPAL: Final = re.compile(r"arn:[a-z-]+:iam::\d*:(?:role|user)/[\x21-\x7e]+")
_SERVICE_ACCOUNT: Final = re.compile(r"[a-z0-9.-]+:[a-z0-9.-]+")


def _principal(text: str) -> str:
    if _PRINCIPAL.fullmatch(text) is None:
        raise ValueError("write the ARN of a role or user")
    return text


def _service_account(text: str) -> str:
    if _SERVICE_ACCOUNT.fullmatch(text) is None:
        raise ValueError("write NAMESPACE:NAME")
    return text


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        raise ValueError("write a network such as 192.0.2.0/24") from None
    return text


def _origin(text: str) -> str:
    from service.config.texts import check_origin

    # `*`: pages that use object URLs of another origin send `Origin: null`
    return text if text == "*" else check_origin(text)


@click.command(
    epilog="""\b
Examples:
  presign iam --principal arn:aws:iam::111122223333:role/presign-service
  presign iam | jq '.roles[0].trust_policy' > trust.json
  presign iam presign.yaml --terraform > presign.tf.json
"""
)
@config_argument
@click.option(
    "--principal",
    metavar="ARN",
    callback=parsed_by(_principal),
    help="The role or user that the service runs as.",
)
@click.option(
    "--oidc-provider",
    metavar="ISSUER",
    help="The cluster's OIDC issuer, for credentials: web_identity.",
)
@click.option(
    "--service-account",
    default="presign:presign",
    show_default=True,
    metavar="NAMESPACE:NAME",
    callback=parsed_by(_service_account),
    help="The Pods' service account, for credentials: web_identity.",
)
@click.option(
    "--origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    callback=parsed_by(_origin),
    help="An origin whose pages use the buckets; repeatable.",
)
@click.option(
    "--network",
    "networks",
    multiple=True,
    metavar="CIDR",
    callback=parsed_by(_network),
    help="A network where URLs work; repeatable. [default: anywhere]",
)
@click.option(
    "--vpc", "vpcs", multiple=True, metavar="ID", help="A VPC where URLs work; repeatable."
)
@click.option("--terraform", "is_terraform", is_flag=True, help="Print Terraform's JSON.")
def iam(
    path: Path | None,
    *,
    principal: str | None,
    oidc_provider: str | None,
    service_account: str,
    origins: tuple[str, ...],
    networks: tuple[str, ...],
    vpcs: tuple[str, ...],
    is_terraform: bool,
) -> None:
    """Print the policies that a configuration needs.

    FILE is the configuration, by default $PRESIGN_CONFIG or presign.yaml. Prints one JSON document:
    roles with their trust policies, the service's own identity, each bucket's policy, CORS and
    lifecycle rules, and the queue of arrivals. Nothing is sent anywhere. deploy/iam/README.md
    explains each statement.
    """
    from service.app.protocol_values import values_without_keys
    from service.operations.setup.documents import IamContext, setup
    from service.operations.setup.queue import queue_setup
    from service.operations.setup.signing import signed_buckets
    from service.operations.setup.terraform import terraform
    from service.protocols.arrivals import PROTOCOL

    settings, files, endpoints = load(path, offline=True)
    if oidc_provider is None and any(
        each.kind.role_trusts == "pods" for each in settings.buckets.values()
    ):
        raise click.UsageError(
            "credentials: web_identity needs --oidc-provider; `aws eks describe-cluster --name "
            "NAME --query cluster.identity.oidc.issuer` prints it"
        )
    around = IamContext(
        principal=principal,
        oidc_provider=oidc_provider and oidc_provider.removeprefix("https://"),
        service_account=service_account,
        networks=networks,
        vpcs=vpcs,
    )
    buckets = signed_buckets(settings, endpoints.addresses, origins)
    try:
        document = setup(buckets, around)
    except ConfigurationError as error:
        raise InvalidConfiguration([files.located(each) for each in error.problems]) from None
    arrivals = values_without_keys(settings)[PROTOCOL]
    queue = None if arrivals is None else queue_setup(arrivals, buckets)
    if queue is not None:
        document = {**document, "queue": queue}
    print_json(terraform(document) if is_terraform else document)
