"""The Pod Security Standard "restricted", with all of "baseline", control by control, as of
Kubernetes 1.34.

Each rule has the name of its control's row, its fields, and the allowed values:
kubernetes.io/docs/concepts/security/pod-security-standards/. Controls that the page omits for
Windows are checked too.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Final

Object = dict[str, Any]
Places = Iterator[tuple[str, Object]]

_SETS_OF_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_VOLUME_TYPES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim"),
    *("projected", "secret"),
}
_SELINUX_TYPES = ("container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_SYSCTLS = (
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
)
_PROFILES = ("RuntimeDefault", "Localhost")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def violations(pod: Object) -> dict[str, list[str]]:
    """Return where a Pod or a template violates each control. Empty: it is admitted."""
    found = defaultdict[str, list[str]](list)
    for control, places, path, is_allowed in RULES:
        for at, place in places(pod):
            if not is_allowed(_value(place, path)):
                found[control].append(f"{at}.{path}")
    return dict(found)


def _value(place: Any, path: str) -> Any:
    """Return the member at `path`, or None if there is none."""
    for name in path.split("."):
        place = (place or {}).get(name)
    return place


# Where the fields are


def _spec(pod: Object) -> Places:
    yield "spec", pod["spec"]


def _containers(pod: Object) -> Places:
    for kind in _SETS_OF_CONTAINERS:
        for container in pod["spec"].get(kind, []):
            yield f"spec.{kind}[{container['name']}]", container


def _pods_context(pod: Object) -> Places:
    yield "spec.securityContext", pod["spec"].get("securityContext", {})


def _containers_contexts(pod: Object) -> Places:
    for at, container in _containers(pod):
        yield f"{at}.securityContext", container.get("securityContext", {})


def _contexts(pod: Object) -> Places:
    yield from _pods_context(pod)
    yield from _containers_contexts(pod)


def _effective_contexts(pod: Object) -> Places:
    """A container inherits from the Pod what it does not override."""
    for at, context in _containers_contexts(pod):
        yield at, {**pod["spec"].get("securityContext", {}), **context}


def _volumes(pod: Object) -> Places:
    for volume in pod["spec"].get("volumes", []):
        yield f"spec.volumes[{volume['name']}]", {"types": set(volume) - {"name"}}


def _ports(pod: Object) -> Places:
    for at, container in _containers(pod):
        yield from ((f"{at}.ports", port) for port in container.get("ports", []))


def _probes_and_hooks(pod: Object) -> Places:
    for at, container in _containers(pod):
        yield from ((f"{at}.{name}", container.get(name, {})) for name in _PROBES)
        for name, hook in container.get("lifecycle", {}).items():
            yield f"{at}.lifecycle.{name}", hook


def _sysctls(pod: Object) -> Places:
    for sysctl in pod["spec"].get("securityContext", {}).get("sysctls", []):
        yield "spec.securityContext.sysctls", sysctl


def _apparmor_annotations(pod: Object) -> Places:
    for name, value in pod.get("metadata", {}).get("annotations", {}).items():
        if name.startswith("container.apparmor.security.beta.kubernetes.io/"):
            yield f"metadata.annotations[{name}]", {"value": value}


# Which values they may have; None if they are not set


def _unset(value: Any) -> bool:
    return not value


def _one_of(*allowed: Any) -> Callable[[Any], bool]:
    return lambda value: value in allowed


RULES: Final[list[tuple[str, Callable[[Object], Places], str, Callable[[Any], bool]]]] = [
    ("HostProcess", _contexts, "windowsOptions.hostProcess", _unset),
    ("Host Namespaces", _spec, "hostNetwork", _unset),
    ("Host Namespaces", _spec, "hostPID", _unset),
    ("Host Namespaces", _spec, "hostIPC", _unset),
    ("Privileged Containers", _containers_contexts, "privileged", _unset),
    # The restricted row, which is stricter
    ("Capabilities", _containers_contexts, "capabilities.drop", lambda drop: "ALL" in (drop or [])),
    ("Capabilities", _containers_contexts, "capabilities.add",
     lambda add: set(add or []) <= {"NET_BIND_SERVICE"}),
    ("Volume Types", _volumes, "types", lambda types: set() < types <= _VOLUME_TYPES),
    ("Host Ports", _ports, "hostPort", _unset),
    ("Host Probes / Lifecycle Hooks", _probes_and_hooks, "httpGet.host", _unset),
    ("Host Probes / Lifecycle Hooks", _probes_and_hooks, "tcpSocket.host", _unset),
    ("AppArmor", _contexts, "appArmorProfile.type", _one_of(None, *_PROFILES)),
    ("AppArmor", _apparmor_annotations, "value",
     lambda value: value == "runtime/default" or value.startswith("localhost/")),
    ("SELinux", _contexts, "seLinuxOptions.type", _one_of(None, "", *_SELINUX_TYPES)),
    ("SELinux", _contexts, "seLinuxOptions.user", _unset),
    ("SELinux", _contexts, "seLinuxOptions.role", _unset),
    ("/proc Mount Type", _containers_contexts, "procMount", _one_of(None, "Default")),
    ("Sysctls", _sysctls, "name", _one_of(*_SYSCTLS)),
    ("Privilege Escalation", _containers_contexts, "allowPrivilegeEscalation",
     lambda value: value is False),
    ("Running as Non-root", _effective_contexts, "runAsNonRoot", lambda value: value is True),
    ("Running as Non-root user", _contexts, "runAsUser", lambda value: value != 0),
    ("Seccomp", _pods_context, "seccompProfile.type", _one_of(None, *_PROFILES)),
    ("Seccomp", _effective_contexts, "seccompProfile.type", _one_of(*_PROFILES)),
]  # fmt: skip
