"""The manifests pass Pod Security admission under the namespace's profile.

There is no API server here, so `pod_security.py` implements its documented rules. Tests that break
a Pod, one control after another, show that it refuses what it should.
"""

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final

import pytest

from tests.deploy.kubernetes.pod_security import RULES, violations
from tests.deploy.kubernetes.rendering import (
    EKS,
    Object,
    Rendering,
    each_rendering,
    example_caller,
    pod_templates,
)
from tools.manifests import CHART

Break = Callable[[Object], Any]


HOOKS: Final = "Host Probes / Lifecycle Hooks"
UNCONFINED: Final = {"type": "Unconfined"}
ANNOTATION: Final = {"container.apparmor.security.beta.kubernetes.io/presign": "unconfined"}


def _container(pod: Object) -> Any:
    return pod["spec"]["containers"][0]


def _own(pod: Object) -> Any:
    """The container's context."""
    return _container(pod)["securityContext"]


def _pods(pod: Object) -> Any:
    return pod["spec"]["securityContext"]


PAGE: Final = (CHART / "README.md").read_text(encoding="utf-8")

# The control that must refuse, and the change
BROKEN: Final[list[tuple[str, Break]]] = [
    ("HostProcess", lambda pod: _pods(pod).update(windowsOptions={"hostProcess": True})),
    ("HostProcess", lambda pod: _own(pod).update(windowsOptions={"hostProcess": True})),
    ("Host Namespaces", lambda pod: pod["spec"].update(hostNetwork=True)),
    ("Host Namespaces", lambda pod: pod["spec"].update(hostPID=True)),
    ("Host Namespaces", lambda pod: pod["spec"].update(hostIPC=True)),
    ("Privileged Containers", lambda pod: _own(pod).update(privileged=True)),
    ("Capabilities", lambda pod: _own(pod).pop("capabilities")),
    ("Capabilities", lambda pod: _own(pod).update(capabilities={"drop": ["NET_RAW"]})),
    ("Capabilities", lambda pod: _own(pod)["capabilities"].update(add=["SYS_PTRACE"])),
    ("Capabilities", lambda pod: _own(pod)["capabilities"].update(add=["CHOWN"])),
    ("Volume Types", lambda pod: pod["spec"]["volumes"].append({"name": "x", "hostPath": {}})),
    ("Volume Types", lambda pod: pod["spec"]["volumes"].append({"name": "x", "nfs": {}})),
    ("Volume Types", lambda pod: pod["spec"]["volumes"].append({"name": "x"})),
    ("Host Ports", lambda pod: _container(pod)["ports"][0].update(hostPort=8000)),
    (HOOKS, lambda pod: _container(pod)["livenessProbe"]["httpGet"].update(host="169.254.169.254")),
    (HOOKS, lambda pod: _container(pod).update(startupProbe={"tcpSocket": {"host": "x"}})),
    (HOOKS, lambda pod: _container(pod).update(lifecycle={"preStop": {"httpGet": {"host": "x"}}})),
    ("AppArmor", lambda pod: _pods(pod).update(appArmorProfile=UNCONFINED)),
    ("AppArmor", lambda pod: _own(pod).update(appArmorProfile=UNCONFINED)),
    ("AppArmor", lambda pod: pod["metadata"].update(annotations=ANNOTATION)),
    ("SELinux", lambda pod: _pods(pod).update(seLinuxOptions={"type": "spc_t"})),
    ("SELinux", lambda pod: _own(pod).update(seLinuxOptions={"user": "system_u"})),
    ("SELinux", lambda pod: _own(pod).update(seLinuxOptions={"role": "system_r"})),
    ("/proc Mount Type", lambda pod: _own(pod).update(procMount="Unmasked")),
    ("Sysctls", lambda pod: _pods(pod).update(sysctls=[{"name": "kernel.msgmax"}])),
    ("Privilege Escalation", lambda pod: _own(pod).update(allowPrivilegeEscalation=True)),
    ("Privilege Escalation", lambda pod: _own(pod).pop("allowPrivilegeEscalation")),
    ("Running as Non-root", lambda pod: _pods(pod).pop("runAsNonRoot")),
    ("Running as Non-root", lambda pod: _own(pod).update(runAsNonRoot=False)),
    ("Running as Non-root user", lambda pod: _pods(pod).update(runAsUser=0)),
    ("Running as Non-root user", lambda pod: _own(pod).update(runAsUser=0)),
    ("Seccomp", lambda pod: _pods(pod).pop("seccompProfile")),
    ("Seccomp", lambda pod: _pods(pod).update(seccompProfile=UNCONFINED)),
    ("Seccomp", lambda pod: _own(pod).update(seccompProfile=UNCONFINED)),
]


@each_rendering
def test_every_pod_meets_the_restricted_profile(made: Rendering) -> None:
    assert [violations(pod) for pod in pod_templates(made.objects())] == [{}]


def test_the_example_caller_meets_the_profile() -> None:
    assert [violations(pod) for pod in pod_templates(example_caller())] == [{}]


@pytest.mark.parametrize(("control", "broken"), BROKEN)
def test_each_control_refuses_its_broken_pod(control: str, broken: Break) -> None:
    pod = deepcopy(EKS.pod)
    broken(pod)
    assert set(violations(pod)) == {control}


def test_every_control_has_a_broken_pod() -> None:
    assert {control for control, _ in BROKEN} == {control for control, *_ in RULES}


@pytest.mark.parametrize("kind", ["containers", "initContainers", "ephemeralContainers"])
def test_every_container_is_checked(kind: str) -> None:
    pod = deepcopy(EKS.pod)
    pod["spec"].setdefault(kind, []).append({"name": "without a context"})
    assert set(violations(pod)) == {"Capabilities", "Privilege Escalation"}


def test_the_namespace_enforces_the_tested_profile_version() -> None:
    labels = Rendering("eks", has_options=True).one("Namespace")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert labels["pod-security.kubernetes.io/enforce-version"] == "v1.34"
    [command] = re.findall(r"^kubectl label .*pod-security.*$", PAGE, re.MULTILINE)
    assert all(f"{name}={value}" in command for name, value in labels.items() if "/enforce" in name)
