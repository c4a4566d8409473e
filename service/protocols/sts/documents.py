"""The XML that AWS STS answers. Pure.

docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html and CommonErrors.html
"""

import re
from html import escape
from typing import Final

from service.clock import rfc3339
from service.protocols.sts.request import AssumeRole
from service.protocols.vended_credentials import VendedCredentials

_NAMESPACE: Final = "https://sts.amazonaws.com/doc/2011-06-15/"
# What XML 1.0 has no way to write (2.2, Char). A token's subject may have it.
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def credentials_document(
    request: AssumeRole, subject: str, vended: VendedCredentials, request_id: str
) -> bytes:
    """Return the answer with the credentials. It must not be logged."""
    keys = vended.session.credentials
    credentials = (
        _element("AccessKeyId", keys.access_key_id)
        + _element("SecretAccessKey", keys.secret_access_key)
        + _element("SessionToken", keys.session_token or "")
        + _element("Expiration", rfc3339(vended.validity.expires_at))
    )
    user = _element("AssumedRoleId", f"{request.bucket}:{request.session_name}") + _element(
        "Arn", request.assumed_role_arn
    )
    result = (
        _element("SubjectFromWebIdentityToken", subject)
        + f"<AssumedRoleUser>{user}</AssumedRoleUser><Credentials>{credentials}</Credentials>"
    )
    return (
        f'<AssumeRoleWithWebIdentityResponse xmlns="{_NAMESPACE}">'
        f"<AssumeRoleWithWebIdentityResult>{result}</AssumeRoleWithWebIdentityResult>"
        f"<ResponseMetadata>{_element('RequestId', request_id)}</ResponseMetadata>"
        "</AssumeRoleWithWebIdentityResponse>"
    ).encode()


def error_document(code: str, message: str, request_id: str, *, is_ours: bool) -> bytes:
    """Return a refusal. `is_ours` says that the service is the cause, and not the request."""
    error = (
        _element("Type", "Receiver" if is_ours else "Sender")
        + _element("Code", code)
        + _element("Message", message)
    )
    return (
        f'<ErrorResponse xmlns="{_NAMESPACE}"><Error>{error}</Error>'
        f"{_element('RequestId', request_id)}</ErrorResponse>"
    ).encode()


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(_NOT_IN_XML.sub(_REPLACEMENT, text))}</{name}>"
