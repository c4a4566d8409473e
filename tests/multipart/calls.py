"""All that can be done with an upload in parts."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from tests.multipart.fake_s3 import House, a_completion, a_window, an_upload, new_upload
from tests.support.fakes import REQUESTER

Act = Callable[[House], Awaitable[object]]


def create(**changes: Any) -> Act:
    return lambda house: house.multipart.create(REQUESTER, new_upload(**changes))


def sign(**changes: Any) -> Act:
    return lambda house: house.multipart.sign_parts(REQUESTER, a_window(**changes))


def list_(**changes: Any) -> Act:
    return lambda house: house.multipart.parts(REQUESTER, an_upload(**changes))


def abort(**changes: Any) -> Act:
    return lambda house: house.multipart.abort(REQUESTER, an_upload(**changes))


def complete(**changes: Any) -> Act:
    return lambda house: house.multipart.complete(REQUESTER, a_completion(**changes))


EVERY: Final = [
    pytest.param(create(), "CreateMultipartUpload", None, id="create"),
    pytest.param(sign(), "UploadPart", "upload-1", id="sign"),
    pytest.param(list_(), "ListParts", "upload-1", id="list"),
    pytest.param(abort(), "AbortMultipartUpload", "upload-1", id="abort"),
    pytest.param(complete(), "CompleteMultipartUpload", "upload-1", id="complete"),
]
