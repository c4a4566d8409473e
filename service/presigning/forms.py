"""The key of a form's object, and the access that a form needs. Pure."""

from collections.abc import Callable

from service.access.grants import AccessRequest, Operation
from service.errors import CreateOnlyUnsupported, InvalidRequest
from service.presigning.requests import PostFormRequest
from service.signing.post_policy import FILENAME_VARIABLE, refuse_variable
from service.signing.signer import SignedCall
from service.signing.validation import check_key, check_prefix


def form_key(request: PostFormRequest, unique_id: Callable[[], str]) -> str:
    """Return the key of a form's object.

    A form cannot be create-only: its key is new, or may be replaced.
    """
    if request.key is not None:
        if not request.overwrite:
            detail = "A form cannot be create-only. Use key_prefix, or ask to overwrite."
            raise CreateOnlyUnsupported(detail, pointer="#/key")
        check_key(request.key)
        refuse_variable(request.key, "#/key")
        return request.key
    prefix = request.key_prefix or ""
    check_prefix(prefix, pointer="#/key_prefix")
    refuse_variable(prefix, "#/key_prefix")
    key = f"{prefix}{unique_id()}/{request.filename or FILENAME_VARIABLE}"
    if request.filename is not None:
        refuse_variable(request.filename, "#/filename")
        if "/" in request.filename:
            detail = "A file name must not contain a slash."
            raise InvalidRequest(detail, pointer="#/filename")
    check_key(key, pointer="#/key_prefix" if request.filename is None else "#/filename")
    return key


def access_for_form(request: PostFormRequest, key: str) -> AccessRequest:
    """If the browser names the file, the form is for every key under the new, unique prefix."""
    is_prefix = key.endswith(FILENAME_VARIABLE)
    return AccessRequest(
        operation=Operation.FORM,
        bucket=request.bucket,
        key=key.removesuffix(FILENAME_VARIABLE),
        is_prefix=is_prefix,
        content_length=request.form.max_content_length,
        is_max_length=True,
        content_type=request.form.content_type,
        content_type_prefix=request.form.content_type_prefix,
        overwrite=request.key is not None,
        tag_names=tuple(name for name, _ in request.form.tags),
    )


def form_call(access: AccessRequest) -> SignedCall:
    """Return the call that a form with this access is."""
    if access.is_prefix:
        return SignedCall("PutObject", prefix=access.key)
    return SignedCall("PutObject", (access.key,))
