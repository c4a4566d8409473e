"""The types of a grant's conditions, and what is wrong with their values."""

from ipaddress import IPv6Network, ip_network
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from service.config.texts import matching

_NETWORK: Final = "write a network such as 203.0.113.0/24 or 2001:db8::/32"
_IPV4_IN_IPV6: Final = ip_network("::ffff:0:0/96")
# docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html, in ASCII: IAM compares names of
# keys without case.
_TAG_TEXT: Final = r"[\w +\-=.:/@]"
MAX_TAGS: Final = 10


def _check_network(text: str) -> str:
    """Return the network in its shortest form."""
    address, slash, length = text.partition("/")
    if not slash:
        raise ValueError(f"{_NETWORK}; one address has the length 32, or 128 for IPv6")
    try:
        found = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(_NETWORK) from None
    if not (length.isascii() and length.isdigit()) or "%" in text:
        raise ValueError(_NETWORK)
    if found.prefixlen == 0:
        raise ValueError("these are all addresses; leave it out, or name those that you mean")
    if isinstance(found, IPv6Network) and found.network_address in _IPV4_IN_IPV6:
        raise ValueError("such an address is seen as IPv4; write its IPv4 network")
    if str(found.network_address) != str(ip_network(address).network_address):
        raise ValueError(f"the address has bits beyond the length; write {found}")
    return str(found)


def check_proxy(text: str) -> str:
    """Return the network of proxies. An address is that of one."""
    return _check_network(text if "/" in text else f"{text}/{128 if ':' in text else 32}")


Network = Annotated[
    str,
    Field(title="network", examples=["203.0.113.0/24", "2001:db8::/32"]),
    AfterValidator(_check_network),
]
VpcEndpoint = Annotated[  # docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html
    str,
    Field(title="VPC endpoint", examples=["vpce-0123456789abcdef0"]),
    matching(
        r"vpce-(?:[0-9a-f]{8}|[0-9a-f]{17})",
        "write the id of a VPC endpoint: vpce- and 8 or 17 hex digits",
    ),
]
ObjectTagName = Annotated[
    str,
    Field(title="object tag", examples=["GuardDutyMalwareScanStatus"]),
    matching(
        rf"(?![aA][wW][sS]:){_TAG_TEXT}{{1,128}}",
        "write at most 128 letters, digits, ` ` and `_.:/=+-@`; names with aws: are AWS's own",
    ),
]
ObjectTagValue = Annotated[
    str,
    Field(title="object tag's value", examples=["NO_THREATS_FOUND"]),
    matching(rf"{_TAG_TEXT}{{1,256}}", "write 1 to 256 letters, digits, ` ` and `_.:/=+-@`"),
]
