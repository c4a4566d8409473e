"""Reads one file of YAML."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from service.config.caller_texts import Digest, KnownCallers, digests_of
from service.config.expansion import Expander, may_refer
from service.config.yaml_reader import YamlError, parse
from service.errors import ConfigurationError, ConfigurationProblem


class YamlFile(NamedTuple):
    """A document, and the digests of the texts of its `callers`."""

    document: Any
    digests: Sequence[Digest]


def read_yaml(path: Path, expander: Expander, known: KnownCallers | None = None) -> YamlFile:
    """Return the document, expanded, whose nodes know their lines.

    With `known` its callers may be known ones, and then have no lines. Raises ConfigurationError.
    """
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        if known is not None and (found := known.read(text, expander)) is not None:
            return YamlFile(*found)
        document = parse(text)
    except FileNotFoundError:
        raise _unreadable(path, "No such file; `presign init` writes a first one") from None
    except OSError as error:
        raise _unreadable(path, error.strerror or "cannot be read") from None
    except UnicodeDecodeError:
        raise _unreadable(path, "not UTF-8") from None
    except YamlError as error:
        raise _unreadable(path, _advice(error, text), error.line) from None
    # The walk takes 0.1 s for thousands of callers.
    expanded = expander.expand(document) if may_refer(text) else document
    return YamlFile(expanded, digests_of(text, document))


def _unreadable(path: Path, message: str, line: int | None = None) -> ConfigurationError:
    return ConfigurationError([ConfigurationProblem(message, file=str(path), line=line)])


def _advice(error: YamlError, text: str) -> str:
    """Return the parser's message, or what to write instead."""
    lines = text.split("\n")[error.line - 1 : error.line] if error.line else []
    if any(line.lstrip(" ").startswith("\t") for line in lines):  # none at the end of the text
        return "a tab; indent with spaces"
    if error.problem.startswith("mapping values are not allowed"):
        return "a second `: ` in one line; write a text that has one in quotes"
    return error.problem
