"""The file that `presign init` writes: one bucket and one caller. Pure."""

import json
from dataclasses import dataclass
from typing import Any, Final

from service.cli.first_callers import TokenCaller
from service.config.yaml_reader import YamlError, parse

CALLER: Final = "first"
_OTHER_STORES_REGION: Final = "us-east-1"  # which stores other than AWS ignore, or have by default


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """`region` is that of a bucket at AWS, `endpoint_url` the URL of another store: one of the two.

    At another store `role_arn` may be None: static keys sign. Without `caller` an API key calls.
    """

    bucket: str
    region: str | None = None
    endpoint_url: str | None = None
    role_arn: str | None = None
    prefix: str
    caller: TokenCaller | None = None


def first_file(answers: Answers, digest: str, key_ends: str) -> str:
    """Return the file.

    `digest` is that of a caller's key, as `presign new-key` prints it, and `key_ends` its last day.
    """
    bucket = _plain(answers.bucket)
    grant = {
        "bucket": bucket,
        "prefix": _plain(answers.prefix),
        "allow": "[download, upload, list]",
        "max_expires_in": "15m",
        "max_content_length": "5GiB",
    }
    lines = [
        ("# docs/configuration.md has every setting. `presign check` finds mistakes.", ""),
        ("buckets:", ""),
        (f"  {bucket}:", "the name that callers use, and the bucket's real name"),
        *((f"    {name}: {_plain(value)}", why) for name, value, why in _location(answers)),
        *_issuer(answers.caller),
        ("callers:", ""),
        *_caller(answers.caller, digest, key_ends),
        ("    grants:", "docs/callers.md has more limits, such as content_types"),
        (f"      - {{{', '.join(f'{name}: {value}' for name, value in grant.items())}}}", ""),
        ("    rate_limit: 600/minute", ""),
    ]
    return "".join(f"{text:<38}  # {why}\n" if why else f"{text}\n" for text, why in lines)


def next_steps(answers: Answers, path: str) -> list[str]:
    """Return the commands that come next."""
    of_aws = [f"presign iam {path} --terraform    # or without the option: JSON"]
    keys = ["export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…    # the store's"]
    return [
        *(of_aws if answers.endpoint_url is None else keys),
        f"presign check {path} --live",
        f"presign serve {path}",
    ]


def _issuer(caller: TokenCaller | None) -> list[tuple[str, str]]:
    if caller is None:
        return []
    settings = {
        "issuer": caller.iss,
        "audience": caller.audience,
        "jwks_url": caller.jwks_url,
        **caller.more,
    }
    lines = [(f"    {name}: {_plain(value)}", "") for name, value in settings.items()]
    return [("issuers:", ""), (f"  {caller.name}:", "of the callers' tokens"), *lines]


def _caller(caller: TokenCaller | None, digest: str, key_ends: str) -> list[tuple[str, str]]:
    if caller is None:
        return [
            (f"  - api_key: {CALLER}", "the name in the audit trail"),
            (f"    sha256: [{digest}]", "of the caller's key"),
            (f"    not_after: {key_ends}T00:00:00Z", "`presign new-key` makes the next one"),
        ]
    lines = [(f"  - issuer: {caller.name}", "")]
    if caller.subject is not None:
        lines.append((f"    subject: {_plain(caller.subject)}", ""))
    if caller.claim is not None:
        pointer, value = caller.claim
        lines.append((f"    claims: {{{pointer}: {_plain(value)}}}", "of the token"))
    return lines


def _location(answers: Answers) -> list[tuple[str, str, str]]:
    if answers.endpoint_url is None:
        return [
            ("region", answers.region or "", ""),
            ("role_arn", answers.role_arn or "", "it signs; see `presign iam`"),
        ]
    store = [
        ("region", _OTHER_STORES_REGION, "unless the store has another"),
        ("endpoint_url", answers.endpoint_url, ""),
    ]
    if answers.role_arn is None:
        return [*store, ("credentials", "static", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")]
    return [
        *store,
        ("sts_endpoint_url", answers.endpoint_url, ""),
        ("role_arn", answers.role_arn, "it signs"),
    ]


def _plain(text: str) -> str:
    """Return the text as YAML, in quotes if it would mean something else without."""
    try:
        found: Any = parse(f"[{text}]")
    except YamlError:
        found = None
    return text if found == [text] else json.dumps(text, ensure_ascii=False)
