"""The conditions of a grant: from where its requests are sent, and that only tagged objects are
read. Pure.

The store keeps them. So they are in the `Allow` of the session policy, and never in a `Deny`:
grants add up, and Ceph RGW 18 takes `StringNotEquals` as false for a tag that is not there.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote, unquote_plus

from service.access.grants import Conditions, Grant
from service.access.iam_patterns import compact

Block = Mapping[str, Mapping[str, Any]]

_DOT_ABOVE: Final = "\u0307"


def conditions_of(grants: Iterable[Grant]) -> dict[Conditions | None, list[Grant]]:
    """Return the grants by their conditions, in the order in which these come first."""
    found = dict[Conditions | None, list[Grant]]()
    for grant in grants:
        found.setdefault(grant.conditions, []).append(grant)
    return found


def blocks(conditions: Conditions | None, *, of_objects: bool) -> list[Block]:
    """Return the `Condition` of each statement that is needed; any one of them is enough.

    At AWS a request by a VPC endpoint has no `aws:SourceIp`, so networks and endpoints are two
    statements: repost.aws/knowledge-center/iam-restrict-access-policy. Only objects have tags.
    """
    if conditions is None:
        return [{}]
    tags = {f"s3:ExistingObjectTag/{name}": value for name, value in conditions.only_if_tagged}
    tagged = tags if of_objects else {}
    places = list[Block]()
    if conditions.networks:
        places.append({"IpAddress": {"aws:SourceIp": compact(conditions.networks)}})
    if conditions.vpc_endpoints:
        places.append({"StringEquals": {"aws:SourceVpce": compact(conditions.vpc_endpoints)}})
    if not tagged:
        return places or [{}]
    return [
        {**place, "StringEquals": {**place.get("StringEquals", {}), **tagged}}
        for place in places or [{}]
    ]


def words(conditions: Conditions | None) -> Iterator[str]:
    """Yield the conditions for people, as words that follow what a grant allows."""
    if conditions is None:
        return
    endpoints = (f"VPC endpoint {each}" for each in conditions.vpc_endpoints)
    if places := [*conditions.networks, *endpoints]:
        yield f"only from {' or '.join(places)}"
    if conditions.only_if_tagged:
        tags = " and ".join(f"{name}={value}" for name, value in conditions.only_if_tagged)
        yield f"only if tagged {tags}"


def members(conditions: Conditions | None) -> dict[str, Any]:
    """Return the conditions as the settings and `GET /v1/caller` have them; no empty one."""
    if conditions is None:
        return {}
    found: dict[str, Any] = {
        "networks": [*conditions.networks],
        "vpc_endpoints": [*conditions.vpc_endpoints],
        "only_if_tagged": dict(conditions.only_if_tagged),
    }
    return {name: value for name, value in found.items() if value}


def tag_name(name: str) -> str:
    """Return what is equal for names that IAM may take as one: tags have case, its keys have none.

    Also for the four letters beyond ASCII that have a capital or a small letter in it, such as the
    long s and the i without a dot.
    """
    return name.strip().upper().casefold().replace(_DOT_ABOVE, "")


def names_in_header(tagging: str) -> tuple[str, ...]:
    """Return the names of the tags in `x-amz-tagging`, which is a query, however it is encoded.

    With each as Ceph RGW reads it, to which a `+` is no space.
    """
    pairs = tagging.replace(";", "&").split("&")
    names = [pair.partition("=")[0] for pair in pairs if pair]
    return tuple(dict.fromkeys([*map(unquote_plus, names), *map(unquote, names)]))
