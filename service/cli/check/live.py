"""What `presign check --live` adds to the report: what STS, the stores and the issuers answered."""

import asyncio
from dataclasses import replace

from service.cli.check.report import Report, in_order
from service.cli.options import InvalidConfiguration, Loaded
from service.errors import ConfigurationError, ConfigurationProblem
from service.operations.live.run import check_live


def add_live(report: Report, loaded: Loaded) -> Report:
    """Return the report with the lines about what works, and more errors and warnings.

    Raises InvalidConfiguration.
    """
    try:
        results = asyncio.run(check_live(loaded.settings, loaded.endpoints.addresses))
    except ConfigurationError as error:  # a profile or a bundle that was there a moment ago
        raise InvalidConfiguration(error.problems) from None
    problems = [(each.kind, ConfigurationProblem(each.message, each.path)) for each in results]
    errors = [problem for kind, problem in problems if kind == "error"]
    warnings = [problem for kind, problem in problems if kind == "warning"]
    return replace(
        report,
        live=[str(problem) for kind, problem in problems if kind == "works"],
        warnings=[*report.warnings, *in_order(warnings, loaded.files)],
        errors=[*report.errors, *in_order(errors, loaded.files)],
    )
