"""docs/behind-a-proxy.md: its settings are in the file for nginx, which forwards every public path."""

import re
from typing import Final

import pytest
from ruamel.yaml import YAML

from service.config.server import ServerSettings
from service.multipart.completion import COMPLETE_SECONDS
from service.server.run import KEEP_ALIVE_SECONDS
from tests.docs.documents import text_of
from tests.support.demo import ROOT

PAGE: Final = text_of("docs/behind-a-proxy.md")
FILE: Final = text_of("deploy/nginx/presign.conf")
# Each location: `=`, `~` or nothing, and a path or a pattern.
_LOCATION: Final = re.compile(r"^    location (?:(=|~) )?(\S+) \{$", re.MULTILINE)
PUBLIC: Final = YAML(typ="safe").load(ROOT / "deploy/helm/values.yaml")["publicPaths"]


def is_forwarded(path: str) -> bool:
    """Whether a location takes this path that is not the one for all the others."""
    return any(
        _takes(kind, place, path)
        for kind, place in _LOCATION.findall(FILE)
        if (kind, place) != ("", "/")
    )


def _takes(kind: str, place: str, path: str) -> bool:
    if kind == "=":
        return path == place
    return bool(re.search(place, path)) if kind == "~" else path.startswith(place)


def test_the_settings_on_the_page_are_in_the_file() -> None:
    for line in re.findall(r"^- \*\*`(.+?)`\*\*", PAGE, re.MULTILINE):
        assert line in FILE, line
    assert "# hash $http_authorization consistent;" in FILE
    [left_alone] = set(re.findall(r"fail_timeout=(\d+)s", FILE))
    assert int(left_alone) + 1 < ServerSettings.model_fields["drain_seconds"].default
    [kept] = re.findall(r"keepalive_timeout (\d+)s", FILE)
    assert int(kept) < KEEP_ALIVE_SECONDS
    assert f"Wait {COMPLETE_SECONDS + 5:.0f} s for a completion" in PAGE
    assert f"before {KEEP_ALIVE_SECONDS} s" in PAGE


@pytest.mark.parametrize("path", ["/", *(each for each in PUBLIC if each != "/api")])
def test_each_public_path_is_forwarded(path: str) -> None:
    assert is_forwarded(f"{path}/a") or is_forwarded(path)


def test_the_paths_of_mlflow_are_forwarded() -> None:
    assert is_forwarded("/api/2.0/mlflow-artifacts/artifacts/a")
    assert is_forwarded("/api/3.0/mlflow/server-info")


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz", "/api/2.0/mlflow/runs", "/lx"])
def test_no_other_path_is_forwarded(path: str) -> None:
    assert not is_forwarded(path)


def test_the_proxy_appends_the_address_that_it_sees() -> None:
    assert 'proxy_set_header Forwarded "";' in FILE
    assert "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;" in FILE
