"""The configuration file: read with its line numbers, and its faults told in an operator's words."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

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


def place(path: Path, document: Any, location: tuple[Any, ...]) -> str:
    """The file, the line and the path of a setting."""
    line = _line(document, location)
    where = str(path) if line is None else f"{path}:{line}"
    setting = ".".join(str(part) for part in location)
    return f"{where}: {setting}" if setting else where


def message(fault: Any, names: list[str]) -> str:
    """What is wrong, and what to write instead. `names` are the settings that there are."""
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
            text: str = fault["msg"]
            return text.removeprefix("Value error, ")


def without_echoes(faults: Sequence[Any]) -> list[Any]:
    """A list whose items are all at fault counts as empty too; the items' own faults say more."""
    places = {fault["loc"] for fault in faults}

    def echoes(fault: Any) -> bool:
        at = fault["loc"]
        inner = any(other[: len(at)] == at and other != at for other in places)
        return bool(fault["type"] == "too_short" and inner)

    return [fault for fault in faults if not echoes(fault)]


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
