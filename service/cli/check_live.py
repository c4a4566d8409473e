"""What `presign check --live` adds to the report: what STS, the stores and the issuers answered."""

import asyncio
from collections.abc import Mapping, Sequence

from service.cli.options import InvalidConfiguration
from service.config.settings import Settings
from service.errors import ConfigurationError
from service.operations.live.results import Result
from service.operations.live.run import check_live
from service.signing.signer import Address


def add_live(
    report: Mapping[str, Sequence[str]], settings: Settings, addresses: Mapping[str, Address]
) -> dict[str, Sequence[str]]:
    """Return the report with `live`, the lines about what works, and more errors and warnings.

    Raises InvalidConfiguration.
    """
    try:
        results = asyncio.run(check_live(settings, addresses))
    except ConfigurationError as error:  # a profile or a bundle that was there a moment ago
        raise InvalidConfiguration(error.problems) from None

    def lines(kind: str) -> list[str]:
        return [_line(each) for each in results if each.kind == kind]

    return {
        **report,
        "live": lines("works"),
        "warnings": [*report["warnings"], *lines("warning")],
        "errors": [*report["errors"], *lines("error")],
    }


def _line(result: Result) -> str:
    at = ".".join(map(str, result.path))
    return f"{at}: {result.message}" if at else result.message
