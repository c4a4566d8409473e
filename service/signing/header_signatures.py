"""Signs a request by its headers: SigV4 in `Authorization`, for requests that clients build.

The keys and the caches are those of `signer.py`. docs.aws.amazon.com/AmazonS3/latest/API/
sig-v4-header-based-auth.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from service.signing import sigv4
from service.signing.signer import (
    MAX_CACHED_LENGTH,
    HeaderTemplate,
    Signer,
    SigningSecond,
)

PAYLOAD_HASH: Final = "x-amz-content-sha256"
# S3's servers accept a signature whose date is this many seconds from their own:
# docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html#RESTAuthenticationTimeStamp
HEADER_SIGNATURE_SECONDS: Final = 900


@dataclass(slots=True, kw_only=True)
class HeaderRequest:
    """A request that a client is about to send. `path` is encoded, `query` is canonical.

    `headers` are those to sign, with their names in lower case, without `host` and the date.
    """

    method: str
    host: str
    path: str
    query: str
    headers: Mapping[str, str] = field(repr=False)
    payload_hash: str


def sign_headers(signer: Signer, request: HeaderRequest, *, now: int) -> dict[str, str]:
    """Return the headers to add. `now` is the store's time in epoch seconds."""
    second = signer.second(now)
    at = (request.host, request.payload_hash, *request.headers.items())
    if (template := second.templates.get(at)) is None:
        template = _render(signer, second, request)
        # Other methods have a length or a checksum of their own.
        is_read, length = request.method in {"GET", "HEAD"}, len(template.canonical_tail)
        if is_read and length <= MAX_CACHED_LENGTH:
            second.templates[at] = template
    head = f"{request.method}\n{request.path}\n{request.query}\n"
    canonical = sha256(f"{head}{template.canonical_tail}".encode()).hexdigest()
    signature = second.state.signature(canonical)
    return {"Authorization": f"{template.authorization_head}{signature}", **template.added}


def _render(signer: Signer, second: SigningSecond, request: HeaderRequest) -> HeaderTemplate:
    added = {"x-amz-date": second.timestamp}
    if (token := signer.credentials.session_token) is not None:
        added["x-amz-security-token"] = token
    if PAYLOAD_HASH not in request.headers:
        added[PAYLOAD_HASH] = request.payload_hash
    headers = {"host": request.host, **request.headers, **added}
    names = sigv4.signed_headers(headers)
    head = f"{sigv4.ALGORITHM} Credential={second.credential}, SignedHeaders={names}, Signature="
    tail = f"{sigv4.canonical_headers(headers)}\n{names}\n{request.payload_hash}"
    return HeaderTemplate(canonical_tail=tail, authorization_head=head, added=added)
