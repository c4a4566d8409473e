"""Looks whether the keys of the issuers can be fetched."""

from service.auth.jwks_client import JwksSource, KeysUnavailable
from service.auth.tokens import UnreadableKeys, read_keys
from service.operations.live.results import Path, Result


async def check_issuer(name: str, source: JwksSource) -> Result:
    at: Path = ("issuers", name, "jwks_url")
    try:
        keys = read_keys(await source.fetch())
    except (KeysUnavailable, UnreadableKeys) as error:
        return Result("error", at, f"there are no keys: {error}")
    if not keys:
        return Result("error", at, "there are no keys: the issuer has withdrawn all of them")
    return Result("works", at, f"{len(keys)} key{'' if len(keys) == 1 else 's'}")
