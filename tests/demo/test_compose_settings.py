"""The compose project is configured as `presign demo`, with other addresses."""

import re
from pathlib import Path

import yaml

from service.app.settings import load_settings
from service.config.key_files import KEY_BYTES, new_key
from service.demo.serve import demo_settings
from tests.support.demo import ROOT

CONFIGURATION = ROOT / "deploy/compose/presign.yaml"


def test_compose_has_the_settings_of_the_demo_without_its_hook(tmp_path: Path) -> None:
    key, file = tmp_path / "link.key", tmp_path / "presign.yaml"
    key.write_text(new_key(b"k" * KEY_BYTES))
    file.write_text(CONFIGURATION.read_text().replace("/run/presign/link.key", str(key)))
    composed = load_settings(file)
    demo = demo_settings("http://store:5000", "http://localhost:8000", key)
    bucket = demo.buckets["demo"].model_copy(
        update={"public_endpoint_url": composed.buckets["demo"].public_endpoint_url}
    )
    expected = demo.model_copy(update={"buckets": {"demo": bucket}, "server": composed.server})
    assert composed == expected


def test_compose_publishes_the_signed_port() -> None:
    project = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    [published] = project["services"]["store"]["ports"]
    [signed] = re.findall(r"public_endpoint_url: http://localhost:(\d+)", CONFIGURATION.read_text())
    assert published == f"127.0.0.1:{signed}:5000"
