"""The form of `AssumeRoleWithWebIdentity`. Pure.

docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html, and
API_Query_MakingQueryRequest.html of the same guide. AWS ignores what it does not know. So does this
form, except for parameters that would change what the credentials may do.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from service.errors import InvalidRequest

MAX_FORM_BYTES: Final = 32_768
MAX_PARAMETERS: Final = 20
MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
ACTION: Final = "AssumeRoleWithWebIdentity"
VERSION: Final = "2011-06-15"

# A bucket's name has as many characters as in the calls of `/v1`: the audit line has it.
_ROLE: Final = re.compile(r"arn:aws:iam::[0-9]{12}:role/([^/\s]{1,255})")
_SESSION_NAME: Final = re.compile(r"[A-Za-z0-9_+=,.@-]{2,64}")
_SECONDS: Final = range(900, 43_200 + 1)
_CHARSETS: Final = frozenset({"", "charset=utf-8", 'charset="utf-8"'})


class FormError(InvalidRequest):
    """A form that is refused before its token is looked at. `sts_code` is one of AWS's codes."""

    def __init__(self, sts_code: str, detail: str) -> None:
        super().__init__(detail)
        self.sts_code = sts_code


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumeRole:
    """A request for the credentials of a bucket. `session_name` is only said again."""

    bucket: str
    session_name: str
    token: str = field(repr=False)

    @property
    def assumed_role_arn(self) -> str:
        return f"arn:aws:sts::000000000000:assumed-role/{self.bucket}/{self.session_name}"


def parse_request(content_types: Iterable[bytes], query: bytes, body: bytes) -> AssumeRole:
    """Return what is requested. An empty token counts as none, which nobody accepts.

    Raises FormError, whose detail has nothing of the form in it.
    """
    if query:
        raise _invalid("Send all parameters in the body: proxies log queries, and tokens in them.")
    form = _parameters(content_types, body)
    if (form.get("Action"), form.get("Version")) != (ACTION, VERSION):
        detail = f"presign answers {ACTION} of {VERSION} and nothing else of STS."
        raise FormError("InvalidAction", detail)
    for name in form:
        if name in ("Policy", "ProviderId") or name.startswith("PolicyArns"):
            detail = "Policy, PolicyArns and ProviderId are not supported."
            raise _invalid(f"{detail} Your grants are the policy.")
    return _assume_role(form)


def _parameters(content_types: Iterable[bytes], body: bytes) -> Mapping[str, str]:
    sent = [value.decode("latin-1").lower() for value in content_types]
    media_type, _, charset = (sent[0] if len(sent) == 1 else "").partition(";")
    if media_type.strip() != MEDIA_TYPE or charset.strip() not in _CHARSETS:
        raise _invalid(f"Send {MEDIA_TYPE} in UTF-8.")
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except ValueError:
        detail = f"The body is not a form in UTF-8 with at most {MAX_PARAMETERS} parameters."
        raise _invalid(detail) from None
    form = dict(pairs)
    if len(form) < len(pairs):
        raise _invalid("A parameter is given more than once.")
    return form


def _assume_role(form: Mapping[str, str]) -> AssumeRole:
    role = _ROLE.fullmatch(form.get("RoleArn", ""))
    if role is None:
        detail = "RoleArn is `arn:aws:iam::`, 12 digits, `:role/` and the name of a bucket."
        raise FormError("ValidationError", detail)
    if _SESSION_NAME.fullmatch(name := form.get("RoleSessionName", "")) is None:
        detail = "RoleSessionName has 2 to 64 letters, digits and characters of `_+=,.@-`."
        raise FormError("ValidationError", detail)
    seconds = form.get("DurationSeconds", "900")
    if not re.fullmatch("[0-9]{1,5}", seconds) or int(seconds) not in _SECONDS:
        detail = "DurationSeconds is a number from 900 to 43200."
        raise FormError("ValidationError", detail)
    # SDKs send the whole file, and an editor ends it with a newline, which no token has.
    token = form.get("WebIdentityToken", "").removesuffix("\n").removesuffix("\r")
    return AssumeRole(bucket=role[1], session_name=name, token=token)


def _invalid(detail: str) -> FormError:
    return FormError("InvalidParameterValue", detail)
