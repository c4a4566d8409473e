"""POST policies: what a browser form may upload, and the form fields that prove it.

The store refuses a form with a field that no condition covers. So conditions are derived from the
fields. The one exception is the file, whose size is a condition without a field.

docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Final

from service.clock import rfc3339
from service.errors import InvalidRequest
from service.signing import sigv4
from service.signing.actions import DEFAULT_CONTENT_TYPE, Encryption
from service.signing.metadata import Pairs, check_metadata
from service.signing.signer import Signer
from service.signing.tags import Tags, check_tags, tagging_document
from service.signing.validation import check_header_value, check_media_type

# The store replaces it with the name of the file that the browser sends.
FILENAME_VARIABLE: Final = "${filename}"

Condition = dict[str, str] | list[str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PostObject:
    """A form upload. `key` may end in `${filename}`.

    The content type is exactly `content_type` or the default, unless there is a
    `content_type_prefix`. A form cannot be create-only, since S3 has no condition for it: use
    unique keys instead.
    """

    key: str
    max_content_length: int
    min_content_length: int = 0
    content_type: str | None = None
    content_type_prefix: str | None = None
    success_status: int | None = None
    metadata: Pairs = ()
    tags: Tags = ()
    encryption: Encryption | None = None

    def __post_init__(self) -> None:
        if self.min_content_length > self.max_content_length:
            detail = "The minimum size is larger than the maximum."
            raise InvalidRequest(detail, pointer="#/min_content_length")
        if self.content_type is not None:
            check_media_type(self.content_type, pointer="#/content_type")
        if self.content_type_prefix is not None:
            check_header_value(self.content_type_prefix, pointer="#/content_type_prefix")
        check_metadata(self.metadata)
        check_tags(self.tags)
        self._refuse_variables()

    def _refuse_variables(self) -> None:
        """The store replaces the variable in every field, so only the key may contain it."""
        texts = {
            "content_type": [self.content_type or ""],
            "content_type_prefix": [self.content_type_prefix or ""],
            "metadata": [value for _, value in self.metadata],
        }
        for field, values in texts.items():
            if any(FILENAME_VARIABLE in value for value in values):
                detail = f"The store would replace {FILENAME_VARIABLE} in it."
                raise InvalidRequest(detail, pointer=f"#/{field}")

    def fields(self) -> dict[str, str]:
        """Return the fields to send unchanged, except those of the signature."""
        fields = {"key": self.key}
        if self.content_type_prefix is None:
            fields["Content-Type"] = self.content_type or DEFAULT_CONTENT_TYPE
        if self.success_status is not None:
            fields["success_action_status"] = str(self.success_status)
        if self.tags:
            fields["tagging"] = tagging_document(self.tags)
        fields |= {f"x-amz-meta-{name}": value for name, value in self.metadata}
        return fields | (self.encryption.headers() if self.encryption else {})

    def conditions(self) -> list[Condition]:
        conditions: list[Condition] = [
            {name: value} for name, value in self.fields().items() if name != "key"
        ]
        if self.content_type_prefix is not None:
            conditions.append(["starts-with", "$Content-Type", self.content_type_prefix])
        sizes = self.min_content_length, self.max_content_length
        return [*conditions, ["content-length-range", *sizes], self._key_condition()]

    def _key_condition(self) -> Condition:
        if self.key.endswith(FILENAME_VARIABLE):
            return ["starts-with", "$key", self.key.removesuffix(FILENAME_VARIABLE)]
        return {"key": self.key}


def presign_form(
    signer: Signer, form: PostObject, *, bucket: str, now: int, expires_in: int
) -> dict[str, str]:
    """Return the form's fields in the order to send them. The file comes last."""
    signature_fields = _signature_fields(signer, now)
    conditions = [
        {"bucket": bucket},
        *form.conditions(),
        *({k: v} for k, v in signature_fields.items()),
    ]
    policy = encode_policy(conditions, expires_at=now + expires_in)
    signature = signer.state(_date(now)).signature(policy)
    return {**form.fields(), **signature_fields, "policy": policy, "x-amz-signature": signature}


def encode_policy(conditions: list[Condition], *, expires_at: int) -> str:
    """Return the policy document in base64, which is the string to sign."""
    document = json.dumps({"expiration": rfc3339(expires_at), "conditions": conditions})
    return b64encode(document.encode()).decode()


def _signature_fields(signer: Signer, now: int) -> dict[str, str]:
    fields = {
        "x-amz-algorithm": sigv4.ALGORITHM,
        "x-amz-credential": f"{signer.credentials.access_key_id}/{signer.scope(_date(now))}",
        "x-amz-date": sigv4.amz_date(now),
    }
    if signer.credentials.session_token is not None:
        fields["x-amz-security-token"] = signer.credentials.session_token
    return fields


def _date(now: int) -> str:
    return sigv4.amz_date(now)[:8]
