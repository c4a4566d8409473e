"""Turns the console's settings into the values that its routes receive."""

from urllib.parse import urlsplit

from service.app.settings import Settings
from service.console.page_settings import PageSettings, SignIn


def page_settings(settings: Settings) -> PageSettings | None:
    if (console := settings.console) is None:
        return None
    return PageSettings(name=console.name, colour=console.colour, sign_in=_sign_in(settings))


def _sign_in(settings: Settings) -> SignIn | None:
    console = settings.console
    if console is None or console.issuer is None or console.client_id is None:
        return None
    issuer = settings.issuers[console.issuer].issuer
    parts = urlsplit(issuer)
    return SignIn(
        name=console.issuer,
        issuer=issuer,
        client_id=console.client_id,
        origins=(f"{parts.scheme}://{parts.netloc}", *console.issuer_origins),
    )
