"""The errors of S3, IAM and STS that the demo's store answers with, as AWS writes them.

docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

import re
from typing import Final
from xml.sax.saxutils import escape

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
# IAM and STS have names of their own: …/STS/latest/APIReference/CommonErrors.html
_QUERY_API_CODES: Final = {
    "InvalidAccessKeyId": "InvalidClientTokenId",
    "InvalidToken": "InvalidClientTokenId",
    "AccessDenied": "MissingAuthenticationToken",
    "RequestTimeTooSkewed": "SignatureDoesNotMatch",
}


class StoreError(Exception):
    """A refusal. `details` become further elements of the error document."""

    def __init__(self, status: int, code: str, message: str, **details: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.details = details


def access_denied(message: str = "Access Denied", **details: str) -> StoreError:
    return StoreError(403, "AccessDenied", message, **details)


def s3_document(error: StoreError) -> bytes:
    elements = {"Code": error.code, "Message": error.message, **error.details}
    text = "".join(f"<{name}>{_text(value)}</{name}>" for name, value in elements.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{text}</Error>'.encode()


def query_api_document(error: StoreError) -> bytes:
    """The same for IAM and STS."""
    code = _QUERY_API_CODES.get(error.code, error.code)
    text = f"<Type>Sender</Type><Code>{code}</Code><Message>{_text(error.message)}</Message>"
    return f"<ErrorResponse><Error>{text}</Error></ErrorResponse>".encode()


def _text(value: str) -> str:
    return escape(_NOT_XML.sub("?", value))
