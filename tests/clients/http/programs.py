"""The clients of docs/object-urls.md, and what each does with a redirect to another host.

A command has these placeholders: `{url}`, `{keyed}` (the address with the key in it), `{folder}` and
`{name}` (where the object is, and its decoded name), `{file}` (what to send), `{out}` (where to write),
`{netrc}` (a file with the key), `{key}`.
"""

from typing import Final

from tests.clients.http.program import ACTIONS, PYTHON, Command, Program
from tests.clients.page import DRIVERS
from tests.clients.toolchains import GENERATORS
from tests.end_to_end.examples import node


def _curl(*key: str) -> dict[str, Command]:
    curl = ("curl", "-q", "-fsSL", *key)
    return {
        "GET": (*curl, "{url}"),
        "Range": (*curl, "-r", "2-5", "{url}"),
        "HEAD": (*curl, "-I", "{url}"),
        "PUT": (*curl, "-T", "{file}", "{url}"),
        "create": (*curl, "-H", "If-None-Match: *", "-T", "{file}", "{url}"),
        "DELETE": (*curl, "-X", "DELETE", "{url}"),
    }


def _wget(*key: str, url: str = "{url}") -> dict[str, Command]:
    wget = ("wget", "--no-config", "-q", "-O", "{out}", *key)
    put = (*wget, "--method=PUT", "--body-file={file}")
    return {
        "GET": (*wget, url),
        "Range": (*wget, "-c", url),
        "HEAD": ("wget", "--no-config", "-S", "--spider", *key, url),
        "PUT": (*put, url),
        "create": (*put, "--header=If-None-Match: *", url),
        "DELETE": (*wget, "--method=DELETE", url),
    }


def _aria2(*key: str, url: str = "{url}") -> dict[str, Command]:
    aria2 = ("aria2c", "--no-conf", "-q", "-d", "/", "-o", "{out}", *key)
    return {"GET": (*aria2, url), "Range": (*aria2, "-c", url)}


def _driver(name: str, *actions: str, way: str | None = None) -> dict[str, Command]:
    command = (PYTHON, "-W", "error", str(DRIVERS / "http" / f"drive_{name}.py"))
    more = () if way is None else (way,)
    return {action: (*command, action, "{url}", "{file}", *more) for action in actions}


def _rclone() -> dict[str, Command]:
    place = (
        ":http:{name}",
        "--http-url",
        "{folder}",
        "--http-headers",
        "Authorization,Bearer {key}",
    )
    return {
        "GET": ("rclone", "cat", *place),
        "Range": ("rclone", "cat", "--offset", "2", "--count", "4", *place),
        "HEAD": ("rclone", "lsf", "--format", "s", *place),
    }


_FETCH: Final = (node(), str(DRIVERS / "http" / "drive_fetch.mjs"))
_PIP: Final = (PYTHON, "-m", "pip", "--isolated", "-q", "install", "--no-deps", "--no-cache-dir")
_UV: Final = (
    str(GENERATORS / "uv"),
    "-q",
    "pip",
    "install",
    "--no-deps",
    "--no-cache",
    "--no-config",
)
_NO_PUT: Final = frozenset({"PUT", "create"})

PROGRAMS: Final = [
    Program(
        name="curl",
        key="`-u`",
        key_at_store="not sent",
        commands=_curl("-u", "x:{key}"),
        package="curl",
    ),
    Program(
        name="curl",
        key="`-H`",
        key_at_store="not sent",
        commands=_curl("-H", "Authorization: Bearer {key}"),
        package="curl",
    ),
    Program(
        name="curl",
        key="`-n` (`.netrc`)",
        key_at_store="not sent",
        commands=_curl("-n"),
        netrc=True,
        package="curl",
    ),
    Program(
        name="wget",
        key="`.netrc`",
        key_at_store="not sent",
        commands=_wget(),
        netrc=True,
        package="wget",
    ),
    Program(
        name="wget",
        key="in the address",
        key_at_store="not sent",
        commands=_wget(url="{keyed}"),
        package="wget",
    ),
    Program(
        name="wget",
        key="`--user`, `--password`",
        key_at_store="not sent",
        commands=_wget("--user=x", "--password={key}"),
        package="wget",
    ),
    Program(
        name="wget",
        key="`--user` with `--auth-no-challenge`",
        key_at_store="**sent**",
        commands=_wget("--user=x", "--password={key}", "--auth-no-challenge"),
        package="wget",
    ),
    Program(
        name="wget",
        key="`--header`",
        key_at_store="**sent**",
        commands=_wget("--header=Authorization: Bearer {key}"),
        package="wget",
    ),
    Program(
        name="aria2",
        key="`.netrc`",
        key_at_store="not sent",
        commands=_aria2("--netrc-path={netrc}"),
        package="aria2",
    ),
    Program(
        name="aria2",
        key="in the address",
        key_at_store="not sent",
        commands=_aria2("--no-netrc=true", url="{keyed}"),
        package="aria2",
    ),
    Program(
        name="aria2",
        key="`--http-user`, `--http-passwd`",
        key_at_store="**sent**",
        commands=_aria2("--no-netrc=true", "--http-user=x", "--http-passwd={key}"),
        package="aria2",
    ),
    Program(
        name="aria2",
        key="`--header`",
        key_at_store="**sent**",
        commands=_aria2("--no-netrc=true", "--header=Authorization: Bearer {key}"),
        package="aria2",
    ),
    Program(
        name="lftp",
        key="in the address",
        key_at_store="not sent",
        commands={"GET": ("lftp", "--norc", "-c", "set net:max-retries 1; cat {keyed}")},
        package="lftp",
    ),
    Program(
        name="rclone",
        key="`--http-headers`",
        key_at_store="not sent",
        commands=_rclone(),
        package="rclone",
    ),
    Program(
        name="pip",
        key="in the address, or `.netrc`",
        key_at_store="not sent",
        commands={"GET": (*_PIP, "--target", "{out}", "{keyed}")},
        wheel=True,
    ),
    Program(
        name="uv",
        key="in the address, or `.netrc`",
        key_at_store="not sent",
        commands={"GET": (*_UV, "--target", "{out}", "tinypkg @ {keyed}")},
        wheel=True,
    ),
    Program(
        name="requests",
        key="`auth`, or a header",
        key_at_store="not sent",
        commands=_driver("requests", *ACTIONS),
    ),
    Program(
        name="httpx",
        key="`auth`, or a header",
        key_at_store="not sent",
        commands=_driver("httpx", *ACTIONS),
    ),
    Program(
        name="aiohttp",
        key="a header",
        key_at_store="not sent",
        commands=_driver("aiohttp", *ACTIONS),
    ),
    Program(
        name="urllib",
        key="`add_unredirected_header`",
        key_at_store="not sent",
        commands=_driver("urllib", *ACTIONS, way="unredirected"),
        fails=_NO_PUT | {"HEAD", "DELETE"},
    ),
    Program(
        name="urllib",
        key="`add_header`",
        key_at_store="**sent**",
        commands=_driver("urllib", *ACTIONS, way="header"),
        fails=_NO_PUT | {"HEAD", "DELETE"},
    ),
    Program(
        name="fsspec",
        key="`client_kwargs`",
        key_at_store="not sent",
        commands=_driver("fsspec", "GET", "Range", "HEAD", "PUT"),
        fails=_NO_PUT,
    ),
    Program(
        name="fsspec",
        key="through `filecache::`",
        key_at_store="not sent",
        commands=_driver("fsspec", "GET", way="filecache"),
    ),
    Program(
        name="fsspec",
        key="through `simplecache::`",
        key_at_store="not sent",
        commands=_driver("fsspec", "GET", way="simplecache"),
    ),
    Program(
        name="obstore",
        key="`default_headers` of `HTTPStore`",
        key_at_store="not sent",
        commands=_driver("obstore", *ACTIONS),
        fails=_NO_PUT,
    ),
    Program(
        name="pandas",
        key="through fsspec",
        key_at_store="not sent",
        commands=_driver("pandas", "GET", way="fsspec"),
    ),
    Program(
        name="pandas",
        key="`storage_options`",
        key_at_store="**sent**",
        commands=_driver("pandas", "GET", way="storage_options"),
    ),
    Program(
        name="DuckDB",
        key="a secret of type `http`",
        key_at_store="not sent",
        commands=_driver("duckdb", "GET", "Range", "HEAD"),
    ),
    Program(
        name="polars",
        key="through fsspec",
        key_at_store="not sent",
        commands=_driver("polars", "GET", way="fsspec"),
    ),
    Program(
        name="polars",
        key="in the address",
        key_at_store="-",
        commands=_driver("polars", "GET", way="address"),
        fails=frozenset({"GET"}),
    ),
    Program(
        name="fetch of Node",
        key="a header",
        key_at_store="not sent",
        commands={action: (*_FETCH, action, "{url}", "{file}") for action in ACTIONS},
    ),
]
