"""Writes the results of `make bench` into the pages that show them, between marks."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from textwrap import wrap
from typing import Any, Final

from benchmarks import bars, signers
from benchmarks.measuring import Samples

BEGIN: Final = "<!-- written by make bench -->\n"
END: Final = "<!-- until here -->\n"
_WIDTH: Final = 120  # columns
_ROWS: Final = {
    "get": "presign, a download",
    "jwt": "presign, the same with a JWT seen before",
    "upload": "presign, an upload with every header",
    "form": "presign, a form",
    "object": "presign, an object URL",
    "link": "presign, a share link, each used 20 times",
    "new link": "presign, a share link that is used for the first time",
    "sign": "presign, a remote signature of a read, as PyIceberg asks for it",
    "part": "presign, a part of a multipart upload",
    "lfs": "presign, a batch of 100 objects with Git LFS, each looked up in the store",
    "batch": "presign, a batch of 1,000 downloads",
    "hello": "FastAPI's hello world, with our request model",
    "raw": "a raw ASGI app that answers at once",
    "naive": "FastAPI with one aioboto3 client",
    "naive batch": "the same, a batch of 1,000",
    "article": "FastAPI with a boto3 client per request",
}


# The others are measured without the kernel only.
OVER_HTTP: Final = [name for name in _ROWS if name not in {"part", "lfs", "hello", "raw"}]


def write(path: Path, machine: str, core: Samples, http: Samples, more: dict[str, Any]) -> None:
    """Replace the text between the marks of the page at `path`."""
    _replace(path, BEGIN, list(_lines(machine, core, http, more)))


def cost(machine: str, core: Samples, http: Samples, token_length: int) -> list[str]:
    """Return the README's paragraph on cost."""
    presign, boto3 = (core.median(name, token_length) for name in ("presign", "boto3"))
    download = http.median("get", token_length)
    share = http.ratio(("get", token_length), bars.HELLO)
    text = (
        f"- **Cost.** {presign:.1f} µs of CPU to sign a URL; boto3 takes {boto3:,.0f} µs. A download URL over HTTP, with "
        f"every check and its audit line, takes {download:.0f} µs, {share:.2f} of FastAPI's hello world. `make bench` on "
        f"{machine}. [Performance](docs/performance.md) has the rest."
    )
    return prose(text, indent="  ")


def prose(text: str, indent: str = "") -> list[str]:
    return wrap(text, _WIDTH, break_on_hyphens=False, subsequent_indent=indent)


def begin(name: str) -> str:
    """The mark of a page that has several parts."""
    return f"<!-- written by make bench: {name} -->\n"


def replace(path: Path, name: str, lines: Sequence[str]) -> None:
    """Replace the part of that name."""
    _replace(path, begin(name), lines)


def _replace(path: Path, mark: str, lines: Sequence[str]) -> None:
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(mark)
    _, end, after = rest.partition(END)
    assert end, f"{path} has no marks"
    shown = "\n".join(lines)
    path.write_text(f"{before}{mark}\n{shown}\n\n{END}{after}", encoding="utf-8")


def _lines(machine: str, core: Samples, http: Samples, more: dict[str, Any]) -> Iterator[str]:
    yield from prose(
        f"Measured on {machine}. To sign one GET, by the length of the session's token:"
    )
    yield from ("", "| signer | 352 characters | 1,200 |", "| --- | --- | --- |")
    for name in signers.URLS:
        cells = [_microseconds(core.median(name, length)) for length in signers.TOKEN_LENGTHS]
        yield f"| {name} | {' | '.join(cells)} |"
    yield from ("", "One request over HTTP, one worker, with a token of 352 characters:", "")
    yield "| service | CPU per request | relative to hello world | the same without the kernel |"
    yield "| --- | --- | --- | --- |"
    of_proto: dict[str, float] = more["proto"]
    for name, words in _ROWS.items():
        row = (name, 352 if name in OVER_HTTP else 0)
        if row in http.by_name:
            cells = [_microseconds(http.median(*row)), f"{http.ratio(row, bars.HELLO):,.2f}"]
        else:
            cells = ["", ""]
        cells.append(f"{of_proto[name]:,.2f}" if name in of_proto else "")
        yield f"| {words} | {' | '.join(cells)} |"
    companion: dict[str, float] = more["companion"] or {}
    for name, spent in companion.items():
        ratio = spent / http.median(*bars.HELLO)
        yield f"| Uppy Companion, {name} | {_microseconds(spent)} | {ratio:,.2f} | |"
    yield ""
    yield from _started(more["starts"])
    yield from ("", "| what grows | |", "| --- | --- |")
    for what, (value, unit) in more["growth"].items():
        yield f"| {what} | {f'{value:,.0f}' if value >= 100 else f'{value:.2g}'} {unit} |"


def _started(starts: Sequence[Mapping[str, float]]) -> Iterator[str]:
    cpu, children, idle, private, first = (
        median(each[name] for each in starts)
        for name in ("cpu_s", "children_s", "idle_mib", "private_mib", "first_answer_s")
    )
    yield from prose(
        f"Idle, the service takes {idle:.0f} MiB, of which {private:.0f} are its own. It answers {first:.1f} s after its "
        f"start. Up to the first signed URL it takes {cpu:.2f} s of CPU, and processes that it starts take {children:.2f} s."
    )


def _microseconds(value: float) -> str:
    return f"{value:.1f} µs" if value < 100 else f"{value:,.0f} µs"
