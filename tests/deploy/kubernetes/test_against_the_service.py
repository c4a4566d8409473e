"""The manifests match the service, its image and its pages, which no schema checks."""

import json
import os
import re
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

import certifi
import pytest
from ruamel.yaml import YAML

from service.api.body import MAX_BATCH_BYTES
from service.api.routes.health import router as health
from service.app.reload import RESTART_REQUIRED
from service.app.settings import Settings, load_settings
from service.config.server import ServerSettings
from service.server.run import FINISH_SECONDS
from tests.deploy.kubernetes.rendering import (
    EKS,
    NAMES,
    PROBES,
    STATIC_KEYS,
    Rendering,
    each_rendering,
    tokens,
)
from tests.support.processes import run_to_end
from tools import ROOT

DOCKERFILE: Final = (ROOT / "Dockerfile").read_text(encoding="utf-8")
OPERATIONS: Final = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
REST_SECONDS: Final = 5  # docs/operations.md, "Shutting down"
MIB: Final = 1024**2
# Idle 125 MiB, with 200 clients that send batches 135; 4,096 sessions and the session history
BUSY_BYTES: Final = 220 * MIB
_SDKS_OWN: Final = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}  # its default chain

each_example = pytest.mark.parametrize("made", [Rendering(each) for each in NAMES], ids=str)


def test_every_port_is_the_images() -> None:
    *_, last = re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)  # the image is the last stage
    words = json.loads(last)
    assert words[words.index("--host") + 1] == "0.0.0.0"
    (port,) = EKS.container["ports"]
    assert str(port["containerPort"]) == words[words.index("--port") + 1]
    assert {"command", "args"}.isdisjoint(EKS.container)


def test_the_service_address_matches_the_callers_page() -> None:
    service = EKS.one("Service")
    metadata, (port,) = service["metadata"], service["spec"]["ports"]
    assert port["port"] == 80
    callers = (ROOT / "docs" / "callers.md").read_text(encoding="utf-8")
    assert f"http://{metadata['name']}.{metadata['namespace']}.svc/v1/" in callers


def test_the_user_is_the_images_user() -> None:
    context = EKS.pod["spec"]["securityContext"]
    assert f"\nUSER {context['runAsUser']}:{context['runAsGroup']}\n" in DOCKERFILE


@each_rendering
def test_the_root_is_read_only_as_in_compose(made: Rendering) -> None:
    """As in the compose project, whose tests show that the image writes nothing."""
    assert made.container["securityContext"]["readOnlyRootFilesystem"] is True
    compose = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert compose["services"]["presign"]["read_only"] is True
    assert compose["services"]["presign"]["tmpfs"] == ["/run/presign"]  # its key for links


def test_probes_and_scrapes_use_existing_routes() -> None:
    made = Rendering("eks", has_options=True)
    probes = {kind: made.container[f"{kind}Probe"]["httpGet"]["path"] for kind in PROBES}
    assert probes == {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}
    (endpoint,) = made.one("ServiceMonitor")["spec"]["endpoints"]
    assert {*probes.values(), endpoint["path"]} == {route.path for route in health.routes}  # type: ignore[attr-defined]  # a route has one


def test_the_probes_match_the_operations_page() -> None:
    [block] = re.findall(r"^livenessProbe:.*\nreadinessProbe:.*$", OPERATIONS, re.MULTILINE)
    for name, probe in YAML(typ="safe").load(block).items():
        probe["httpGet"]["port"] = "http"
        assert EKS.container[name] == probe


@each_rendering
def test_the_grace_period_covers_the_shutdown(made: Rendering) -> None:
    grace = made.pod["spec"]["terminationGracePeriodSeconds"]
    drain = settings(made).server.drain_seconds
    assert "lifecycle" not in made.container  # the image has nothing to run a hook with
    assert grace > drain + FINISH_SECONDS + REST_SECONDS


def test_the_grace_period_covers_an_aws_load_balancer() -> None:
    """As documented for a drain of 20 seconds."""
    advice = r"An AWS load balancer needs (\d+) s and (\d+) s, as in"
    [(drain, grace)] = re.findall(advice, " ".join(OPERATIONS.split()))
    assert EKS.pod["spec"]["terminationGracePeriodSeconds"] == int(grace)
    assert int(grace) > int(drain) + FINISH_SECONDS + REST_SECONDS


@each_rendering
def test_the_drain_outlasts_the_readiness_probe(made: Rendering) -> None:
    probe = made.container["readinessProbe"]
    # The longest time until a Pod that returns 503 is no longer ready
    seconds = (probe["periodSeconds"] + probe["timeoutSeconds"]) * probe["failureThreshold"]
    assert settings(made).server.drain_seconds > seconds


@each_rendering
def test_the_memory_limit_fits_max_in_flight_bodies(made: Rendering) -> None:
    bodies = settings(made).server.max_in_flight * MAX_BATCH_BYTES
    resources = made.container["resources"]
    assert quantity(resources["limits"]["memory"]) >= bodies + BUSY_BYTES
    assert quantity(resources["requests"]["memory"]) >= BUSY_BYTES


def quantity(text: str) -> int:
    return int(text[:-2]) * {"Mi": MIB, "Gi": 1024 * MIB}[text[-2:]]


def test_the_minimum_replicas_can_lose_one() -> None:
    """Each can take over the work of the other: one worker uses one core."""
    scaler, resources = EKS.one("HorizontalPodAutoscaler")["spec"], EKS.container["resources"]
    (metric,) = scaler["metrics"]
    share = metric["resource"]["target"]["averageUtilization"] / 100
    milli = int(resources["requests"]["cpu"].removesuffix("m"))
    assert scaler["minReplicas"] == 2
    assert milli * share * 2 <= 1000
    assert "cpu" not in resources["limits"]


@each_rendering
def test_the_configuration_is_mounted_where_the_image_reads_it(made: Rendering) -> None:
    (path,) = re.findall(r"PRESIGN_CONFIG=(\S+)", DOCKERFILE)
    mounts = {mount["name"]: mount["mountPath"] for mount in made.container["volumeMounts"]}
    (volume,) = [v for v in made.pod["spec"]["volumes"] if "configMap" in v]
    assert Path(path).parent == Path(mounts[volume["name"]])
    config_map = made.one("ConfigMap")
    assert volume["configMap"] == {"name": config_map["metadata"]["name"]}
    assert list(config_map["data"]) == [Path(path).name]


@each_rendering
def test_a_configuration_change_replaces_no_pod(made: Rendering) -> None:
    """The name and the template have no hash of the content: the service reloads itself."""
    assert made.one("ConfigMap")["metadata"]["name"] == "presign"
    assert "annotations" not in made.pod["metadata"]
    # The page says to restart.
    assert {"drain_seconds", "max_in_flight"} <= set(RESTART_REQUIRED)


@each_rendering
def test_every_variable_is_known_to_the_service_or_sdk(made: Rendering) -> None:
    """A misspelt PRESIGN_… would be ignored silently."""
    known = {f"PRESIGN_{name.upper()}" for name in ServerSettings.model_fields} | _SDKS_OWN
    assert {variable["name"] for variable in made.container.get("env", [])} <= known


def test_service_links_change_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert EKS.pod["spec"]["enableServiceLinks"] is False
    without = ServerSettings()
    for name, value in SERVICE_LINKS.items():
        monkeypatch.setenv(name, value)
    assert ServerSettings() == without


# kubernetes.io/docs/concepts/services-networking/service/#environment-variables
SERVICE_LINKS: Final = {
    "PRESIGN_SERVICE_HOST": "10.0.0.11",
    "PRESIGN_SERVICE_PORT": "80",
    "PRESIGN_SERVICE_PORT_HTTP": "80",
    "PRESIGN_PORT": "tcp://10.0.0.11:80",
    "PRESIGN_PORT_80_TCP": "tcp://10.0.0.11:80",
    "PRESIGN_PORT_80_TCP_PROTO": "tcp",
    "PRESIGN_PORT_80_TCP_PORT": "80",
    "PRESIGN_PORT_80_TCP_ADDR": "10.0.0.11",
}


def files_of_the_pod(made: Rendering) -> set[str]:
    """Return the path of every file in projected volumes."""
    mounts = {mount["name"]: mount["mountPath"] for mount in made.container["volumeMounts"]}
    return {
        f"{mounts[volume['name']]}/{item['path']}"
        for volume in made.pod["spec"]["volumes"]
        for source in volume.get("projected", {}).get("sources", [])
        for item in source.get("configMap", {}).get("items", [source.get("serviceAccountToken")])
    }


@each_rendering
def test_the_pod_has_exactly_the_configured_files(made: Rendering) -> None:
    named = re.findall(r"^ *\w+_file: (\S+)", made.configuration_file, re.MULTILINE)
    assert set(named) == files_of_the_pod(made)


def test_each_token_has_the_right_audience() -> None:
    """STS's has its audience, the API server's has none; presign itself accepts neither."""
    (sts,) = tokens(EKS.pod["spec"])
    assert sts["audience"] == "sts.amazonaws.com"
    (token,) = tokens(STATIC_KEYS.pod["spec"])
    assert "audience" not in token


@each_example
def test_presign_check_warns_only_about_static_keys(made: Rendering, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "service", "check", "--config"]
    file, environment = str(written(made, tmp_path)), {"PATH": os.environ["PATH"]}
    done = run_to_end([*command, file], cwd=ROOT, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "system:serviceaccount:billing:* of cluster-a may download, upload, head" in done.stdout
    warnings = [line for line in done.stdout.splitlines() if line.startswith("warning:")]
    assert len(warnings) == (made.example == "static-keys")
    assert all("any upload URL can copy" in warning for warning in warnings)


def written(made: Rendering, directory: Path) -> Path:
    """Write the ConfigMap's file, with another authority in place of the cluster's."""
    path = directory / "presign.yaml"
    path.write_text(re.sub(r"(?<=ca_file: )\S+", certifi.where(), made.configuration_file))
    return path


@cache
def settings(made: Rendering) -> Settings:
    with tempfile.TemporaryDirectory() as directory:
        return load_settings(written(made, Path(directory)))


@each_example
def test_each_bucket_uses_the_examples_credentials(made: Rendering) -> None:
    credentials = {bucket.credentials for bucket in settings(made).buckets.values()}
    assert credentials == {{"eks": "web_identity", "static-keys": "static"}[made.example]}
    variables = {variable["name"] for variable in made.container.get("env", [])}
    assert variables == (_SDKS_OWN if credentials == {"static"} else set())
