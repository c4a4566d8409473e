"""A filled-in form as a browser sends it, for `S3Client.send`. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import httpx


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedForm:
    """The `Content-Type` of a form's body. Its URL is not signed: the fields in the body are."""

    METHOD: ClassVar = "POST"

    content_type: str

    def headers(self) -> dict[str, str]:
        return {"Content-Type": self.content_type}


def filled_in(fields: Mapping[str, str], file: bytes) -> tuple[PostedForm, bytes]:
    """Return the form and its body: the fields, and the file after all of them."""
    request = httpx.Request("POST", "http://form/", data=fields, files={"file": file})
    return PostedForm(content_type=request.headers["Content-Type"]), request.read()
