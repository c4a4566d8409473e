"""What `presign check --live` adds to the report: what STS, the stores and the issuers answered."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace

from service.cli.check import Report
from service.cli.options import InvalidConfiguration
from service.config.reading import Files
from service.config.settings import Settings, placed
from service.errors import ConfigurationError, ConfigurationProblem
from service.operations.live.results import Result
from service.operations.live.run import check_live
from service.signing.signer import Address


def with_live(
    report: Report, settings: Settings, addresses: Mapping[str, Address], files: Files
) -> Report:
    """Return the report with what works, and with more errors and warnings.

    Raises InvalidConfiguration.
    """
    try:
        results = asyncio.run(check_live(settings, addresses))
    except ConfigurationError as error:  # a profile or a bundle that was there a moment ago
        raise InvalidConfiguration(error.problems) from None
    return replace(
        report,
        live=[str(each) for each in _problems(results, "works")],
        warnings=[*report.warnings, *(placed(p, files) for p in _problems(results, "warning"))],
        errors=[*report.errors, *(placed(p, files) for p in _problems(results, "error"))],
    )


def _problems(results: Iterable[Result], kind: str) -> list[ConfigurationProblem]:
    return [ConfigurationProblem(each.message, each.path) for each in results if each.kind == kind]
