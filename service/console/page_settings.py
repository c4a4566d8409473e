"""What the configuration says about the page."""

from dataclasses import dataclass

from service.api.parts import UseCase


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Where people sign in with OpenID Connect.

    `name` is the issuer's in the configuration, `issuer` its URL. `origins` are those that the page
    connects to.
    """

    name: str
    issuer: str
    client_id: str
    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSettings:
    """`colour` is `#rrggbb` or `#rgb`. Without `sign_in` people paste a key or a token."""

    name: str
    colour: str
    sign_in: SignIn | None = None


class Console(UseCase[PageSettings]):
    """The page as it is configured now."""

    front_page = '<a href="console">Console</a>: upload, download and share in this browser'
