"""POST policies: what a browser form may upload, and the form fields that prove it.

The store refuses a form with a field that no condition covers. So conditions are derived from the
fields. The one exception is the file, whose size is a condition without a field.

docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from base64 import b64encode
from dataclasses import dataclass
from typing import Final

from pydantic_core import to_json

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


@dataclass(slots=True, kw_only=True)
class PostObject:  # not frozen: see presigning/requests.py
    """A form upload of any key.

    The content type is exactly `content_type` or the default, unless there is a
    `content_type_prefix`. A form cannot be create-only, since S3 has no condition for it: use
    unique keys instead.
    """

    max_content_length: int
    min_content_length: int = 0
    content_type: str | None = None
    content_type_prefix: str | None = None
    success_status: int | None = None
    metadata: Pairs = ()
    tags: Tags = ()

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
        refuse_variable(self.content_type or "", "#/content_type")
        refuse_variable(self.content_type_prefix or "", "#/content_type_prefix")
        for _, value in self.metadata:
            refuse_variable(value, "#/metadata")

    def fields(self, encryption: Encryption | None) -> dict[str, str]:
        """Return the fields to send unchanged, except the key and those of the signature."""
        fields = {}
        if self.content_type_prefix is None:
            fields["Content-Type"] = self.content_type or DEFAULT_CONTENT_TYPE
        if self.success_status is not None:
            fields["success_action_status"] = str(self.success_status)
        if self.tags:
            fields["tagging"] = tagging_document(self.tags)
        for name, value in self.metadata:
            fields[f"x-amz-meta-{name}"] = value
        if encryption is not None:
            fields |= encryption.headers()
        return fields

    def conditions(self, key: str) -> list[Condition]:
        """Return the conditions of the key, and of what has no field."""
        sizes = self.min_content_length, self.max_content_length
        conditions: list[Condition] = [["content-length-range", *sizes], _key_condition(key)]
        if self.content_type_prefix is not None:
            conditions.append(["starts-with", "$Content-Type", self.content_type_prefix])
        return conditions


def presign_form(
    signer: Signer,
    form: PostObject,
    key: str,
    *,
    bucket: str,
    encryption: Encryption | None,
    now: int,
    expires_in: int,
) -> dict[str, str]:
    """Return the form's fields in the order to send them. The file comes last.

    `key` may end in `${filename}`. `encryption` is the bucket's.
    """
    fields = form.fields(encryption)
    second = signer.second(now)
    fields["x-amz-algorithm"] = sigv4.ALGORITHM
    fields["x-amz-credential"] = second.credential
    fields["x-amz-date"] = second.timestamp
    if signer.credentials.session_token is not None:
        fields["x-amz-security-token"] = signer.credentials.session_token
    conditions: list[Condition] = [{"bucket": bucket}, *form.conditions(key)]
    conditions += [{name: value} for name, value in fields.items()]
    policy = encode_policy(conditions, expires_at=now + expires_in)
    signature = signer.state(second.timestamp[:8]).signature(policy)
    return {"key": key, **fields, "policy": policy, "x-amz-signature": signature}


def encode_policy(conditions: list[Condition], *, expires_at: int) -> str:
    """Return the policy document in base64, which is the string to sign."""
    document = {"expiration": rfc3339(expires_at), "conditions": conditions}
    return b64encode(to_json(document, ensure_ascii=True)).decode()


def refuse_variable(text: str, pointer: str) -> None:
    """Raises InvalidRequest for a text in which the store would replace the variable."""
    if FILENAME_VARIABLE in text:
        raise InvalidRequest(f"The store would replace {FILENAME_VARIABLE} in it.", pointer=pointer)


def _key_condition(key: str) -> Condition:
    if key.endswith(FILENAME_VARIABLE):
        return ["starts-with", "$key", key.removesuffix(FILENAME_VARIABLE)]
    return {"key": key}
