"""Which proxy a request goes through, by the variables that httpx and others read, too. Pure."""

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from presign_client.errors import UNREACHABLE, PresignError

FORM = "http://proxy.example.com:3128"
WITH_PASSWORD = "USER:PASSWORD@ before the host"  # noqa: S105 - the form of one
_REFUSED = re.compile(r"(?:Tunnel connection failed: )?(\d{3}) ")  # by http.client, and by httpx


def proxy_for(url: str, settings: Mapping[str, str]) -> str | None:
    """Return the URL of the proxy, or None.

    `settings` are those of `urllib.request.getproxies()`: a proxy by scheme or for `all`, and in
    `no` the hosts that are reached without one.

    Raises:
        PresignError: if it is no URL of an HTTP proxy. It may have a password, and is not shown.

    """
    to = urlsplit(url)
    without = [each.strip() for each in settings.get("no", "").split(",")]
    if "*" in without or any(_names(each, to) for each in without if each):
        return None
    proxy = settings.get(to.scheme) or settings.get("all")
    if not proxy:
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not _is_http(proxy):
        raise PresignError(
            UNREACHABLE,
            f"{variable_for(url, settings)} must look like {FORM}, or with {WITH_PASSWORD}. For a "
            "proxy that does not speak HTTP give `http` and `pool`.",
        )
    return proxy


def variable_for(url: str, settings: Mapping[str, str]) -> str:
    """Return the variable that names the proxy. It may be in lower case, too."""
    scheme = urlsplit(url).scheme
    return f"{scheme if settings.get(scheme) else 'all'}_proxy".upper()


def refusal(error: Exception) -> str | None:
    """Return what to say of a proxy that answers CONNECT with an error. None: it is another one.

    What follows the status is the proxy's own text, and not shown. Raises PresignError as
    `check_password` does.
    """
    if not (found := _REFUSED.match(str(error))):
        return None
    check_password(int(found[1]))
    return f"is behind a proxy that does not connect to it (HTTP {found[1]})"


def check_password(status: int) -> None:
    """Raise PresignError for a status that only proxies send: another attempt would get it, too."""
    if status == 407:
        text = "The proxy's password is missing or wrong (HTTP 407). Its URL has"
        raise PresignError(UNREACHABLE, f"{text} {WITH_PASSWORD}.") from None


def _is_http(proxy: str) -> bool:
    try:
        split = urlsplit(proxy)
        host, _ = split.hostname or "", split.port  # which may be no number
    except ValueError:
        return False
    return split.scheme in {"http", "https"} and host.isprintable() and host.split() == [host]


def _names(entry: str, to: SplitResult) -> bool:
    """Whether an entry of `NO_PROXY` names the host.

    `example.com` names its subdomains too, `.example.com` only those, and `http://example.com` only
    that host and scheme.
    """
    scheme, _, place = entry.lower().rpartition("://")
    is_ipv6 = place.count(":") > 1 and not place.startswith("[")
    try:
        named = urlsplit(f"//[{place}]" if is_ipv6 else f"//{place}")
        port = named.port
    except ValueError:  # such as of fd00::/8, which is for programs that know networks
        return False
    host, name = to.hostname or "", named.hostname or ""
    if scheme not in {"", "all", to.scheme} or port not in {None, to.port}:
        return False
    if scheme or name == "localhost":
        return host == name
    return host == name or host.endswith(f".{name.removeprefix('.')}")
