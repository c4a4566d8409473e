"""Reads a curl command: the request that it sends."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

# Each short option with its long names.
_OPTIONS: Final = {
    "-X": ("--request",),
    "-H": ("--header",),
    "-T": ("--upload-file",),
    "-d": ("--data", "--data-binary", "--data-raw", "--data-ascii"),
    "-I": ("--head",),
}
_SHORT: Final = {long: short for short, names in _OPTIONS.items() for long in names}


@dataclass(kw_only=True)
class CurlCommand:
    """`headers` are those of `-H`, and those that curl adds for a body. Names are in lower case."""

    method: str | None = "GET"
    url: str = field(default="", repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)


def parse_curl(text: str) -> CurlCommand:
    """Options that do not change method, URL, headers or length are ignored.

    The length of a body in a file is known if the file exists. Raises ValueError, which repeats
    nothing of the text, if it is not a curl command with a URL.
    """
    words = shlex.split(text.replace("\\\n", " "))
    urls = [word for word in words if word.startswith(("http://", "https://"))]
    if not words or Path(words[0]).name != "curl" or not urls:
        raise ValueError("this is not a curl command with a URL")
    command = CurlCommand(url=next((url for url in urls if "X-Amz-" in url), urls[0]))
    method = None
    rest = iter(words[1:])
    for word in rest:
        option = _SHORT.get(word, word[:2])
        if option == "-I":
            command.method = "HEAD"
        elif option in _OPTIONS:
            value = word[2:] if word[2:] and not word.startswith("--") else next(rest, "")
            if option == "-X":
                method = value
            else:
                _apply(command, option, value)
    command.method = method or command.method
    return command


def _apply(command: CurlCommand, option: str, value: str) -> None:
    if option == "-H":
        name, _, text = value.partition(":")
        if text.strip():  # otherwise curl leaves the header out
            command.headers[name.strip().lower()] = text.strip()
        return
    command.method = "PUT" if option == "-T" else "POST"
    if option == "-d":
        command.headers.setdefault("content-type", "application/x-www-form-urlencoded")
    if option == "-T" or value.startswith("@"):
        file = Path(value.removeprefix("@"))
        if file.is_file():
            command.headers.setdefault("content-length", str(file.stat().st_size))
    else:
        command.headers.setdefault("content-length", str(len(value.encode())))
