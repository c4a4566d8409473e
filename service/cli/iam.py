"""`presign iam`: roles, policies and bucket settings for a configuration."""

import re
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Final

import click

from service.cli.options import (
    InvalidConfiguration,
    config_argument,
    load,
    print_json,
)
from service.errors import ConfigurationError

_PRINCIPAL: Final = re.compile(r"arn:[a-z-]+:iam::\d*:(?:role|user)/[\x21-\x7e]+")
_SERVICE_ACCOUNT: Final = re.compile(r"[a-z0-9.-]+:[a-z0-9.-]+")


def _matching(pattern: re.Pattern[str], message: str) -> Callable[..., str | None]:
    """Return an option's callback. `message` says what to write."""

    def check(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
        if text is not None and pattern.fullmatch(text) is None:
            raise click.BadParameter(message)
        return text

    return check


def _each(check: Callable[[str], object]) -> Callable[..., tuple[str, ...]]:
    """Return the callback of a repeatable option. The ValueErrors of `check` say what to write."""

    def run(
        _context: click.Context, _option: click.Parameter, texts: tuple[str, ...]
    ) -> tuple[str, ...]:
        try:
            for text in texts:
                check(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
        return texts

    return run


def _check_network(text: str) -> None:
    try:
        ip_network(text)
    except ValueError:
        raise ValueError("write a network such as 192.0.2.0/24") from None


def _check_origin(text: str) -> None:
    from service.config.texts import check_origin

    if text != "*":  # pages that use object URLs of another origin send `Origin: null`
        check_origin(text)


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
    callback=_matching(_PRINCIPAL, "write the ARN of a role or user"),
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
    callback=_matching(_SERVICE_ACCOUNT, "write NAMESPACE:NAME"),
    help="The Pods' service account, for credentials: web_identity.",
)
@click.option(
    "--origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    callback=_each(_check_origin),
    help="An origin whose pages use the buckets; repeatable.",
)
@click.option(
    "--network",
    "networks",
    multiple=True,
    metavar="CIDR",
    callback=_each(_check_network),
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
