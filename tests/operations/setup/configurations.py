"""Configurations for `presign iam`, and the document that it prints for them."""

from dataclasses import replace
from typing import Any, Final

from service.access.grants import Operation
from service.app.settings import Settings
from service.config.types import OFFLINE
from service.operations.setup.documents import IamContext, setup
from service.operations.setup.signing import signed_buckets
from tests.support.factories import ADDRESS

# What static keys may be granted too
SIGNED: Final = frozenset(Operation) - {Operation.CREDENTIALS}
ROLE: Final = "arn:aws:iam::111122223333:role/presign-reports"
KEY: Final = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
PROVIDER: Final = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
BUCKET: Final[dict[str, Any]] = {
    "bucket": "acme-reports-prod",
    "region": "eu-west-1",
    "role_arn": ROLE,
}
OF_AWS: Final[dict[str, Any]] = {
    **BUCKET,
    "external_id": "presign-acme-reports",
    "session_tags": {"presign-issuer": "{issuer}", "presign-subject": "{subject}"},
    "source_identity": True,
    "encryption": {"algorithm": "aws:kms", "kms_key_id": KEY},
}
OF_A_STORE: Final[dict[str, Any]] = {
    "bucket": "acme-reports-prod",
    "region": "us-east-1",
    "credentials": "static",
    "endpoint_url": "https://minio.internal:9000",
}


def document(
    buckets: dict[str, dict[str, Any]],
    *,
    allow: frozenset[Operation] = SIGNED,
    origins: tuple[str, ...] = (),
    top: dict[str, Any] | None = None,
    **around: Any,
) -> dict[str, Any]:
    """Return what `presign iam` prints if one caller may do `allow` in all buckets, for 900 s."""
    grants = [
        {"bucket": name, "prefix": "", "allow": sorted(allow), "max_expires_in": 900}
        for name in (buckets if allow else ())
    ]
    settings = Settings.model_validate(
        {
            "server": {"web_identity_token_file": "/token"},
            "buckets": buckets,
            "unsafe_anonymous_caller": {"grants": grants},
            **(top or {}),
        },
        context=OFFLINE,
    )
    addresses = {name: replace(ADDRESS, region=each["region"]) for name, each in buckets.items()}
    return setup(signed_buckets(settings, addresses, origins), IamContext(**around))
