"""Whether a form is signed, and holds to the conditions of its POST policy. Pure.

docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import json
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from service.demo.received import Authentication, parse_credential
from service.demo.signatures import FindKey, check_signature, valid_key
from service.demo.store_errors import StoreError, access_denied
from service.signing import sigv4
from service.signing.signer import SERVICE

SIGNATURE_FIELDS: Final = (
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-signature",
    "policy",
)
# Fields that no condition has to name.
_FREE: Final = frozenset({"policy", "x-amz-signature", "file", "bucket"})
_FREE_PREFIX: Final = "x-ignore-"


def verify_form(
    bucket: str,
    fields: Mapping[str, str],
    size: int | None,
    *,
    find_key: FindKey,
    region: str,
    now: float,
) -> None:
    """Raise the StoreError that S3 answers with, unless the policy allows all of the form.

    `fields` are those before the file, with names in lower case. `size` is the file's, None if
    there is no file.
    """
    if missing := [name for name in SIGNATURE_FIELDS if not fields.get(name)]:
        raise access_denied(f"Access Denied: the form has no {missing[0]}")
    if fields["x-amz-algorithm"] != sigv4.ALGORITHM:
        raise StoreError(400, "InvalidArgument", f"x-amz-algorithm must be {sigv4.ALGORITHM}")
    timestamp = fields["x-amz-date"]
    authentication = Authentication(
        credential=parse_credential(fields["x-amz-credential"], timestamp, "InvalidArgument"),
        timestamp=timestamp,
        signature=fields["x-amz-signature"],
        token=fields.get("x-amz-security-token"),
    )
    if authentication.credential[2:] != (region, SERVICE):
        raise StoreError(400, "InvalidArgument", f"the credential is not for {region}/{SERVICE}")
    key = valid_key(authentication, find_key, now)
    check_signature(authentication, key, fields["policy"])
    if "key" not in fields:
        message = "Bucket POST must contain a field named 'key'."
        raise StoreError(400, "InvalidArgument", message, ArgumentName="key")
    if size is None:
        message = "POST requires exactly one file upload per request."
        raise StoreError(400, "InvalidArgument", message, ArgumentName="file")
    _check_policy(_parse_policy(fields["policy"]), {**fields, "bucket": bucket}, size, now)


def _parse_policy(encoded: str) -> dict[str, Any]:
    try:
        policy = json.loads(b64decode(encoded, validate=True))
        datetime.fromisoformat(policy["expiration"]).timestamp()
        if isinstance(policy["conditions"], list):
            return dict(policy)
    except (ValueError, KeyError, TypeError):
        pass
    raise StoreError(400, "InvalidPolicyDocument", "Invalid Policy: Invalid JSON.")


def _check_policy(policy: dict[str, Any], fields: Mapping[str, str], size: int, now: float) -> None:
    if datetime.fromisoformat(policy["expiration"]).timestamp() <= now:
        raise access_denied("Invalid according to Policy: Policy expired.")
    named = set()
    for condition in policy["conditions"]:
        match condition:
            case ["content-length-range", int(least), int(most)]:
                _check_size(size, least, most)
            case dict():
                for name, value in condition.items():
                    named.add(_check_field("eq", name, value, fields))
            case ["eq" | "starts-with" as kind, str(name), str(value)] if name.startswith("$"):
                named.add(_check_field(kind, name[1:], value, fields))
            case _:
                message = "Invalid Policy: Invalid condition."
                raise StoreError(400, "InvalidPolicyDocument", message)
    extra = sorted(
        name for name in fields.keys() - named - _FREE if not name.startswith(_FREE_PREFIX)
    )
    if extra:
        raise access_denied(f"Invalid according to Policy: Extra input fields: {', '.join(extra)}")


def _check_field(kind: str, name: str, value: object, fields: Mapping[str, str]) -> str:
    """Return the name of the field that the condition allows, in lower case."""
    found, wanted = fields.get(name.lower(), ""), str(value)
    if found != wanted if kind == "eq" else not found.startswith(wanted):
        shown = json.dumps([kind, f"${name}", wanted])
        raise access_denied(f"Invalid according to Policy: Policy Condition failed: {shown}")
    return name.lower()


def _check_size(size: int, least: int, most: int) -> None:
    if size > most:
        message = "Your proposed upload exceeds the maximum allowed size"
        sizes = {"ProposedSize": str(size), "MaxSizeAllowed": str(most)}
        raise StoreError(400, "EntityTooLarge", message, **sizes)
    if size < least:
        message = "Your proposed upload is smaller than the minimum allowed size"
        sizes = {"ProposedSize": str(size), "MinSizeAllowed": str(least)}
        raise StoreError(400, "EntityTooSmall", message, **sizes)
