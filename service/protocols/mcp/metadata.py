"""Where clients find the issuer at which they sign in: RFC 9728."""

import re
from typing import Final
from urllib.parse import urlsplit

from pydantic_core import to_json
from starlette.requests import Request
from starlette.types import Scope

from service.protocols.mcp.settings import PATH, McpValues

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"
# A host and a port, so that no client's `Host` ends the text of a header
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def document(values: McpValues, scope: Scope) -> bytes | None:
    """Return the document, or None if no issuer is named to clients."""
    if not values.named or (url := _own_url(values, scope)) is None:
        return None
    scopes = {"scopes_supported": values.scopes} if values.scopes else {}
    members = {
        "resource": f"{url}{PATH}",
        "authorization_servers": values.named,
        "bearer_methods_supported": ["header"],
        "resource_name": "presign",
    }
    return to_json(members | scopes)


def challenge(values: McpValues | None, scope: Scope, *, sent: bool) -> str:
    """Return the `WWW-Authenticate` of a 401. `sent`: whether there were credentials."""
    parameters = ['error="invalid_token"'] if sent else []
    if values is not None and values.named and (url := _own_url(values, scope)) is not None:
        parameters.append(f'resource_metadata="{url}{WELL_KNOWN}{PATH}"')
    return " ".join(["Bearer", ", ".join(parameters)]).rstrip()


def is_own_page(values: McpValues, scope: Scope, origin: str) -> bool:
    """Return whether a page of this origin is the service's own.

    A name that leads to loopback by rebinding is another `Host` than loopback's own.
    """
    if values.public_url:
        url = urlsplit(values.public_url)
        if origin == f"{url.scheme}://{url.netloc}":
            return True
    try:
        page = urlsplit(origin)
    except ValueError:  # brackets that do not close
        return False
    return page.hostname in _LOOPBACK and page.netloc == _host(scope)


def _own_url(values: McpValues, scope: Scope) -> str | None:
    """Return the service's address as clients use it, as far as it is known."""
    if values.public_url:
        return values.public_url
    host = _host(scope)
    return f"{scope['scheme']}://{host}" if _HOST.fullmatch(host) else None


def _host(scope: Scope) -> str:
    return Request(scope).headers.get("host", "")
