"""Generates docs/configuration.md from the settings: `make configuration` writes it.

The text of a key is the docstring below it in service/config/. Only the introduction and the variables
that do not belong to `server` are written here.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from textwrap import fill
from types import MappingProxyType
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from service.app.reload import RESTART_REQUIRED
from service.app.settings import Settings
from service.config import durations
from service.config import types as settings_values
from service.config.durations import duration_text
from tools import ROOT

PAGE: Final = ROOT / "docs" / "configuration.md"
SCHEMA: Final = Settings.model_json_schema()
# The page's sections after the first, by model.
SECTIONS: Final = MappingProxyType(
    {
        "ServerSettings": "server",
        "BucketSettings": "buckets",
        "IssuerSettings": "issuers",
        "CallerSettings": "callers",
        "GrantSettings": "grants",
        "MlflowRootSettings": "roots",
    }
)

_MODELS: Final = SCHEMA["$defs"]
# Models that have no section, and the one whose keys they share.
SAME_KEYS: Final = MappingProxyType(
    {"BucketDefaults": "BucketSettings"}
    | {
        name: of
        for of in SECTIONS
        for name, model in _MODELS.items()
        if name != of and model.get("properties") == _MODELS[of]["properties"]
    }
)
# Models whose keys come in the same table, below the key that has them: all others with keys.
BELOW: Final = frozenset(
    {name for name, model in _MODELS.items() if "properties" in model} - {*SECTIONS, *SAME_KEYS}
)
# Kinds of text of several keys, or of the names and values of a key. A cell says what another kind is.
IN_A_TABLE: Final = frozenset(
    {
        "address or network",
        "audience",
        "https URL",
        "name",
        "origin",
        "prefix",
        "tag",
        "tag's value",
        "URL",
    }
)
# Variables other than those of `server`: read by service/config/process.py, and by the SDK.
VARIABLES: Final = MappingProxyType(
    {
        "PRESIGN_CONFIG": "path of the configuration file, for commands without `--config`; by default "
        "`presign.yaml` in the working directory. As a Lambda also `s3://BUCKET/KEY` or `ssm:/NAME`",
        "PRESIGN_BASE_PATH": "as a Lambda: the path at which a custom domain serves the API",
        "PRESIGN_TOKEN": "API key or token, for `presign diagnose --service` and [the client](client.md), which also "
        "reads `PRESIGN_TOKEN_FILE` and `PRESIGN_URL`",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "default of `web_identity_token_file`",
        "AWS_REGION": "the region of `arrivals.queue_url` if its host names none",
        "_X_AMZN_TRACE_ID": "as a Lambda: the trace of an invocation, set by the runtime client",
        "AWS_CA_BUNDLE": "default of `ca_bundle`; also for STS",
    }
)
_INTRODUCTION: Final = """\
# Configuration

Every key of the configuration file, and every environment variable. `make configuration` writes this page.

The file is `presign.yaml`, or the path in `PRESIGN_CONFIG`. [presign.example.yaml](../presign.example.yaml) has every
key, with a comment. Unknown and duplicate keys are errors: [`presign check`](check.md) says what to write instead, and
an editor with [presign.schema.json](../presign.schema.json) completes keys and underlines mistakes.

In a value, `${VAR}` is a variable of the environment, `${VAR:-default}` has a default if that is unset or empty, and
`${file:/path}` is the text of a file; `$${` is a literal `${`. [Share
settings](platform.md#share-settings-between-buckets-and-callers) has examples. The files are watched: [a valid change
takes effect within seconds](operations.md#configuration), as a whole.

A setting without a default is off, or has no limit; a protocol without its section is off. A duration is a number of
seconds, or a whole number with a unit: `45s`, `15m`, `1h`, `7d`.
"""
_OF_THE_ENVIRONMENT: Final = """\
## The environment

`PRESIGN_` and a key of [server](#server) in capitals, such as `PRESIGN_LOG_LEVEL`, overrides the file, unless it is
empty. An unknown variable that begins with `PRESIGN_` is an error, except those that Kubernetes sets in each Pod for a
Service named `presign` or `presign-…`, such as `PRESIGN_SERVICE_HOST`.
"""
_OF_OTHERS: Final = """\
Credentials come from the SDK's default chain, with all its variables, such as `AWS_PROFILE`. Only a bucket with static
keys can have its own. The SDK's variables for endpoints have no effect. `HTTPS_PROXY` and `NO_PROXY` apply to https
calls to stores and issuers.

`OTEL_EXPORTER_OTLP_ENDPOINT` and other variables of OpenTelemetry turn on [traces](metrics.md#traces).
"""
_OF_TEXTS: Final = """\
## Text values

What each kind of text in the tables may be:
"""


def page() -> str:
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    yield "## The file\n"
    yield from _table(SCHEMA)
    for model, heading in SECTIONS.items():
        of_model = _MODELS[model]
        yield f"\n## {heading}\n"
        yield f"{_prose(of_model['description'])}\n"
        if model == "ServerSettings":
            names = ", ".join(f"`{name}`" for name in RESTART_REQUIRED)
            yield f"{fill(f'Read at startup only: {names}.', 120)}\n"
        yield from _table(of_model)
    yield f"\n{_OF_THE_ENVIRONMENT}"
    yield "| variable | meaning |\n| --- | --- |"
    yield from (f"| `{name}` | {words} |" for name, words in VARIABLES.items())
    yield f"\n{_OF_OTHERS}"
    yield _OF_TEXTS
    yield "| kind | |\n| --- | --- |"
    alike = groupby(sorted(sorted(IN_A_TABLE), key=_what), key=_what)
    yield from sorted(f"| {', '.join(titles)} | {_cell(words)} |" for words, titles in alike)
    yield ""


def _table(model: dict[str, Any]) -> Iterator[str]:
    yield "| key | value | meaning |\n| --- | --- | --- |"
    yield from _rows(model, "")


def _rows(model: dict[str, Any], above: str) -> Iterator[str]:
    for name, key in model["properties"].items():
        kind = f"{_kind(key)}{_default(key) if name not in model.get('required', ()) else '; required'}"
        yield f"| `{above}{name}` | {_cell(kind)} | {_cell(_prose(key['description']))} |"
        for below in _models(key):
            if below in BELOW:
                yield from _rows(_MODELS[below], f"{above}{name}.")


def _models(key: dict[str, Any]) -> Iterator[str]:
    """Yield the models that a key has, or that are in its list, or by name in it."""
    for each in (key, *key.get("anyOf", ())):
        for one in (each, each.get("items"), each.get("additionalProperties")):
            if isinstance(one, dict) and "$ref" in one:
                yield _name(one)


def _default(key: dict[str, Any]) -> str:
    """Return the default as the end of a cell: nothing, if the setting is off without it."""
    if _is_duration(key) and key.get("default"):
        return f"; default `{duration_text(int(key['default']))}`"
    match key.get("default"):
        case None | [] | {}:
            return ""
        case bool(value):
            return f"; default `{str(value).lower()}`"
        case list(values):
            names = ", ".join(f"`{value}`" for value in values)
            return "; default all" if names == _kind(key["items"]) else f"; default {names}"
        case float(value):
            return f"; default `{value:g}`"
        case value:
            return f"; default `{value}`"


def _kind(key: dict[str, Any]) -> str:
    """Return the type of a key for operators; for an optional key, that of its value."""
    if "anyOf" in key:
        if _is_duration(key):
            least, most = (duration_text(key["anyOf"][0][each]) for each in ("minimum", "maximum"))
            return f"duration, `{least}` to `{most}`"
        return " or ".join(_kind(each) for each in key["anyOf"] if each.get("type") != "null")
    if "$ref" in key:
        return _kind_of_model(_name(key))
    if "enum" in key:
        return ", ".join(f"`{each}`" for each in key["enum"])
    if (title := key.get("title")) in kinds():
        return title if title in IN_A_TABLE else _what(title)
    return _PLAIN[key["type"]](key)


def _kind_of_model(model: str) -> str:
    if model in BELOW:
        return "the keys below"
    heading = SECTIONS.get(SAME_KEYS.get(model, model))
    return f"[{heading}](#{heading})" if heading else _kind(_MODELS[model])


def _is_duration(key: dict[str, Any]) -> bool:
    return any(each.get("title") == durations.TITLE for each in key.get("anyOf", ()))


def _name(key: dict[str, Any]) -> str:
    return str(key["$ref"]).rpartition("/")[2]


def _number(key: dict[str, Any]) -> str:
    words = "whole number" if key["type"] == "integer" else "number"
    least, most = key.get("minimum"), key.get("maximum")
    if most is None:
        return f"{words} from {least:,}" if least is not None else words
    return f"{words}, {0 if least is None else least:,.{0}f} to {most:,.{0}f}"


def _array(key: dict[str, Any]) -> str:
    items = _kind(key["items"])
    least, most = key.get("minItems"), key.get("maxItems")
    if most is not None:
        return f"list of {least or 0} to {most}: {items}"
    return f"list, not empty: {items}" if least else f"list: {items}"


def _object(key: dict[str, Any]) -> str:
    most = f", at most {key['maxProperties']}" if "maxProperties" in key else ""
    return f"by name{most}: {_kind(key['additionalProperties'])}"


_PLAIN: Final[Mapping[str, Callable[[dict[str, Any]], str]]] = MappingProxyType(
    {
        "boolean": lambda _key: "boolean",
        "integer": _number,
        "number": _number,
        "array": _array,
        "object": _object,
        "string": lambda key: "path" if key.get("format") == "path" else "text",
    }
)


def kinds() -> dict[str, str]:
    """Return each text type that has a title, with its error message."""
    found = {}
    for alias in vars(settings_values).values():
        if get_origin(alias) is Annotated:
            fields = [each for each in get_args(alias) if isinstance(each, FieldInfo)]
            for title in [each.title for each in fields if each.title]:
                found[title] = _refusal(alias)
    return found


def _what(title: str) -> str:
    """Return what a text must be: the message for another one begins with `write`."""
    return kinds()[title].removeprefix("write ")


def _refusal(alias: Any) -> str:
    try:
        TypeAdapter(alias).validate_python("\0*")
    except ValidationError as error:
        text: str = error.errors(include_url=False, include_input=False)[0]["msg"]
        return text.removeprefix("Value error, ")
    raise AssertionError(alias)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _prose(description: str) -> str:
    return re.sub(r"(?<!\n)\n(?!\n)", " ", description)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
