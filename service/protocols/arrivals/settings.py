"""The settings of arrivals."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from service.config.messages import Missing
from service.config.quoting import Shown
from service.config.server import ambient_region
from service.config.texts import check_secure_url
from service.config.types import KeysUrl, Name, Section
from service.protocols.arrivals.addresses import is_refused_host
from service.protocols.arrivals.hooks import ArrivalsValues, Hook, key_of
from service.protocols.arrivals.queue import Queue
from service.protocols.arrivals.records import Happened
from service.protocols.protocol import NamedBucket, Shared
from service.protocols.root_settings import RootSettings

_SECTION: Final = "arrivals"
_REGION_IN_HOST: Final = re.compile(r"(?:[\w-]+\.)?sqs(?:-fips)?\.([a-z0-9-]+)\.[a-z0-9.]+")
_MOST_SECRETS: Final = 2
_DEFAULT_REGION: Final = "us-east-1"  # of stores without regions
_WRITE_URL: Final = (
    "write an https URL without user and fragment, which is no address of a cloud's metadata; http "
    "is allowed on loopback only"
)


def _check_hook_url(url: SecretStr) -> SecretStr:
    text = url.get_secret_value()
    try:
        parts = urlsplit(text)
        check_secure_url(f"{parts.scheme}://{parts.netloc}")
        is_valid = not parts.fragment and re.search(r"[\s#]", text) is None
    except ValueError:  # it quotes nothing, as the URL may be secret
        is_valid = False
    if not is_valid or is_refused_host(parts.hostname or ""):
        raise ValueError(_WRITE_URL)
    return url


def _check_secret(secret: SecretStr) -> SecretStr:
    key_of(secret.get_secret_value())
    return secret


def _as_list(secret: Any) -> Any:
    found = (secret,) if isinstance(secret, str) else secret
    if not isinstance(found, list | tuple) or not 0 < len(found) <= _MOST_SECRETS:
        raise ValueError("write a secret, or a list of two")
    return found


HookUrl = Annotated[SecretStr, AfterValidator(_check_hook_url)]
WebhookSecret = Annotated[SecretStr, AfterValidator(_check_secret)]
WebhookSecrets = Annotated[
    tuple[WebhookSecret, ...],
    BeforeValidator(_as_list, json_schema_input_type=WebhookSecret | tuple[WebhookSecret, ...]),
]


class HookSettings(RootSettings):
    """Is notified of what [happens](arrivals.md) below a prefix, by the hook's name."""

    url: Annotated[HookUrl, Missing("write the https URL, as in presign.example.yaml")]
    """Where to send each event: https, or http on loopback. Its path and query may be secret:
    `presign check` shows the host only."""

    secret: Annotated[WebhookSecrets, Missing("write `whsec_` and 24 to 64 random bytes in base64")]
    """What the receiver verifies signatures with: `whsec_` and 24 to 64 random bytes in base64. Two
    during a rotation, which both sign."""

    events: Shown[tuple[Happened, ...]] = Field(default=(Happened.CREATED,), min_length=1)
    """What to notify the hook of."""


class ArrivalsSettings(Section):
    """[Arrivals](arrivals.md): say when an upload has arrived, by a signed request."""

    queue_url: Shown[KeysUrl | None] = None
    """SQS queue with the bucket's event notifications, read with credentials of the AWS default
    chain. Its host names the region, else `AWS_REGION` does. Without it, events arrive by `POST
    /v1/store-events`, or in Lambda. Read at startup only."""

    hooks: Annotated[
        dict[Name, HookSettings],
        Field(min_length=1),
        Missing("write at least one hook, as in presign.example.yaml"),
    ]
    """Each by its name in metrics, logs and the audit trail."""

    @model_validator(mode="after")
    def _hooks_differ(self) -> Self:
        seen = dict[tuple[str, str, str, frozenset[Happened]], str]()
        for name, hook in self.hooks.items():
            what = (hook.url.get_secret_value(), hook.bucket, hook.prefix, frozenset(hook.events))
            if (other := seen.setdefault(what, name)) != name:
                raise ValueError(f"the hooks {other} and {name} are the same; remove one")
        return self


def values(section: ArrivalsSettings, shared: Shared) -> ArrivalsValues:
    return ArrivalsValues(
        hooks={name: _hook(name, hook) for name, hook in section.hooks.items()},
        queue=None if section.queue_url is None else queue_of(section.queue_url),
        ca_bundle=shared.ca_bundle,
    )


def _hook(name: str, settings: HookSettings) -> Hook:
    return Hook(
        name=name,
        bucket=settings.bucket,
        prefix=settings.prefix,
        url=settings.url.get_secret_value(),
        keys=tuple(key_of(secret.get_secret_value()) for secret in settings.secret),
        events=frozenset(settings.events),
    )


def queue_of(url: str) -> Queue:
    parts = urlsplit(url)
    found = _REGION_IN_HOST.fullmatch(parts.hostname or "")
    region = found[1] if found else ambient_region() or _DEFAULT_REGION
    return Queue(url=url, region=region, endpoint_url=f"{parts.scheme}://{parts.netloc}")


def buckets(section: ArrivalsSettings) -> Iterable[NamedBucket]:
    for name, hook in section.hooks.items():
        yield NamedBucket((_SECTION, "hooks", name, "bucket"), hook.bucket, hook.prefix)


def restart(old: ArrivalsValues, new: ArrivalsValues) -> list[str]:
    return [] if old.queue == new.queue else ["arrivals.queue_url"]
