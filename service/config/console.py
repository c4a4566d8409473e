"""The settings of the console."""

from typing import Annotated, Final, Self

from pydantic import BeforeValidator, model_validator

from service.config.quoting import Shown
from service.config.texts import check_secure_url, matching
from service.config.types import Name, Origin, Section, true_false_or

_COLOUR: Final = 'write a colour such as "#0f766e", in quotes, because YAML reads # as a comment'


def _refuse_comment(value: object) -> object:
    """A colour without quotes is a comment, of which YAML reads nothing."""
    if value is None:
        raise ValueError(_COLOUR)
    return value


Colour = Annotated[
    str,
    matching(r"#(?:[0-9A-Fa-f]{3}){1,2}", _COLOUR),
    BeforeValidator(_refuse_comment),
]
# Without control characters and those that turn the direction of text
_PRINTABLE: Final = r"[^\s\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]"
PageName = Annotated[
    str,
    matching(
        rf"{_PRINTABLE}(?:(?:{_PRINTABLE}| ){{0,58}}{_PRINTABLE})?",
        "write a name of at most 60 characters in one line",
    ),
]
ClientId = Annotated[
    str,
    matching(r"[\x21-\x7e]{1,255}", "write the client id under which the issuer knows the page"),
]


class ConsoleSettings(Section):
    """[The console](console.md) at `/console`. `console: true` has all defaults."""

    name: PageName = "presign"
    """What the page calls itself, such as your company's name."""

    colour: Colour = "#0f766e"
    """Colour of buttons and links, as `"#rrggbb"`, made darker or lighter until text has a contrast
    of 4.5:1."""

    issuer: Shown[Name | None] = None
    """Which of `issuers` people [sign in](people.md) at, with OpenID Connect. Its `issuer` must be
    an https URL. Without it people paste a key or a token."""

    client_id: ClientId | None = None
    """Id under which the issuer knows the page: it is public, and the audience of the ID tokens, so
    the issuer's `audience` is or has it."""

    issuer_origins: tuple[Origin, ...] = ()
    """Other origins of the issuer's endpoints, as at Amazon Cognito."""

    @model_validator(mode="after")
    def _issuer_has_client_id(self) -> Self:
        if (self.issuer is None) != (self.client_id is None):
            raise ValueError("write issuer and client_id, or neither")
        if self.issuer is None and self.issuer_origins:
            raise ValueError("issuer_origins needs issuer and client_id")
        return self


Console = Annotated[ConsoleSettings | None, true_false_or(ConsoleSettings, "`name`")]


def wrong_issuer(url: str) -> str | None:
    """Say why people cannot sign in at an issuer, or return None."""
    try:
        check_secure_url(url)
    except ValueError as error:
        return f"{error}; people sign in to the console there"
    return None
