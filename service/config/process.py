"""What the environment of this process says about the configuration."""

import os
from dataclasses import replace
from pathlib import Path

from service.config.environment import unknown_variables
from service.config.reading import Files, Sources, find_sources, read_files
from service.config.server import ServerSettings
from service.errors import OTHER, ConfigurationProblem, Location


def configuration_source() -> str:
    """Return where the configuration is: PRESIGN_CONFIG, or presign.yaml.

    As a Lambda it may be a URL: see `service/aws_lambda/configuration.py`.
    """
    return os.environ.get("PRESIGN_CONFIG", "presign.yaml")


def configuration_path(path: Path | None) -> Path:
    """Return `path`, or the default."""
    return path or Path(configuration_source())


def configuration_sources(path: Path) -> Sources:
    """Return what the configuration at `path` is read from, even if it has errors."""
    return find_sources(path, os.environ)


def configuration_files(path: Path | None) -> Files:
    """Read the configuration at `path`, or at the default path. Raises ConfigurationError."""
    return read_files(configuration_path(path), os.environ)


def unread_variables(files: Files) -> list[ConfigurationProblem]:
    """Return a problem for each variable that neither the service nor `files` read."""
    return unknown_variables(os.environ.keys() - files.variables)


def callers_token() -> str | None:
    """Return the credential with which a command calls the service."""
    return os.environ.get("PRESIGN_TOKEN") or None


def placed(problem: ConfigurationProblem, files: Files) -> ConfigurationProblem:
    """Return the problem with the file and the line, or the variable, of its setting."""
    if problem.other is not None:
        other = placed(ConfigurationProblem("", problem.other), files)
        message = problem.message.replace(OTHER, f"{other.path} ({other.file}:{other.line})")
        problem = replace(problem, message=message, other=None)
    variable = _variable(problem.location)
    if variable in {name.upper() for name in os.environ}:
        return replace(problem, location=(variable,))
    return files.placed(problem)


def _variable(location: Location) -> str | None:
    """Return the environment variable of a setting of `server`."""
    name = location[1:2] if location[:1] == ("server",) else ()
    return next((f"PRESIGN_{n}".upper() for n in name if n in ServerSettings.model_fields), None)
