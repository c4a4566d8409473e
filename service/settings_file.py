"""The configuration file: read with its line numbers, and its faults told in an operator's words."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from service.errors import ConfigurationError


def read_yaml(path: Path) -> Any:
    """The document. Its nodes remember their lines; duplicate keys are an error."""
    try:
        return YAML(typ="rt", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError([f"{path}: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ConfigurationError([f"{path}: not UTF-8"]) from None
    except MarkedYAMLError as error:
        line = f"{path}:{error.problem_mark.line + 1}" if error.problem_mark else str(path)
        problem = (error.problem or "not YAML").splitlines()[0].partition(" with value ")[0]
        raise ConfigurationError([f"{line}: {problem}"]) from None
    except YAMLError as error:
        raise ConfigurationError([f"{path}: {str(error).splitlines()[0]}"]) from None


def explain(error: ValidationError, path: Path, document: Any, names: list[str]) -> list[str]:
    """A sentence a fault: file, line, path of the setting, and what to write instead."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    places = {fault["loc"] for fault in faults}
    return [
        _sentence(fault, path, document, names)
        for fault in faults
        if not (fault["type"] == "too_short" and _has_inner_fault(fault["loc"], places))
    ]


def _has_inner_fault(place: tuple[Any, ...], places: set[tuple[Any, ...]]) -> bool:
    """A list whose items are all at fault counts as empty too; the items' own faults say more."""
    return any(other[: len(place)] == place and other != place for other in places)


def _sentence(fault: Any, path: Path, document: Any, names: list[str]) -> str:
    location = fault["loc"]
    place = ".".join(str(part) for part in location)
    line = _line(document, location)
    where = str(path) if line is None else f"{path}:{line}"
    message = _message(fault, names)
    return f"{where}: {place}: {message}" if place else f"{where}: {message}"


def _message(fault: Any, names: list[str]) -> str:
    match fault["type"]:
        case "extra_forbidden":
            near = get_close_matches(str(fault["loc"][-1]), names, n=1)
            return "unknown setting" + (f"; did you mean {near[0]}?" if near else "; remove it")
        case "missing":
            return "is missing"
        case "model_type" | "dict_type":
            return "write settings here, as in presign.example.yaml"
        case "too_short":
            return "is empty; write at least one"
        case _:
            message: str = fault["msg"]
            return message.removeprefix("Value error, ")


def _line(document: Any, location: tuple[Any, ...]) -> int | None:
    """The line of the innermost part of `location` that the file has, counted from 1."""
    line = None
    for part in location:
        try:
            if isinstance(document, CommentedMap):
                line = document.lc.key(part)[0] + 1
            elif isinstance(document, CommentedSeq):
                line = document.lc.item(part)[0] + 1
            document = document[part]
        except (KeyError, IndexError, TypeError):
            break
    return line
