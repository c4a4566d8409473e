"""What `presign check --live` adds to the report: what STS, the stores and the issuers answered."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from service.app.settings import Settings
from service.cli.check.report import Report, in_order
from service.cli.options import InvalidConfiguration
from service.config.reading import Files
from service.errors import ConfigurationError, ConfigurationProblem
from service.operations.live.run import check_live
from service.signing.signer import Address


def add_live(
    report: Report, settings: Settings, addresses: Mapping[str, Address], files: Files
) -> Report:
    """Return the report with the lines about what works, and more errors and warnings.

    Raises InvalidConfiguration.
    """
    try:
        results = asyncio.run(check_live(settings, addresses))
    except ConfigurationError as error:  # a profile or a bundle that was there a moment ago
        raise InvalidConfiguration(error.problems) from None
    problems = [(each.kind, ConfigurationProblem(each.message, each.path)) for each in results]
    errors = [problem for kind, problem in problems if kind == "error"]
    warnings = [problem for kind, problem in problems if kind == "warning"]
    return replace(
        report,
        live=[str(problem) for kind, problem in problems if kind == "works"],
        warnings=[*report.warnings, *in_order(warnings, files)],
        errors=[*report.errors, *in_order(errors, files)],
    )
