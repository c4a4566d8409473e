"""The body of a sign request, as Iceberg's clients send it.

github.com/apache/iceberg: open-api/rest-catalog-open-api.yaml, RemoteSignRequest
"""

from typing import Annotated, ClassVar, Final, Literal

from pydantic import ConfigDict, Field

from service.api.body import Body
from service.protocols.remote_signing.uris import MAX_URI_LENGTH

# DeleteObjects with 1,000 keys of 1,024 bytes, and what XML and JSON add to them
_MAX_BODY_BYTES: Final = 2 * 1024**2
_Values = Annotated[list[str], Field(max_length=100)]


class RemoteSignRequest(Body):
    """Unknown members, and `properties`, mean nothing to the signature and are ignored."""

    model_config = ConfigDict(strict=True)
    max_body_bytes: ClassVar[int] = _MAX_BODY_BYTES

    region: str
    method: str
    uri: Annotated[str, Field(max_length=MAX_URI_LENGTH)]
    headers: Annotated[dict[str, _Values], Field(max_length=100)]
    body: str | None = None
    provider: Literal["s3"] | None = None
