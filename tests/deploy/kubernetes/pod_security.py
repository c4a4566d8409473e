"""The Pod Security Standard "restricted", with all of "baseline", control by control, as of
Kubernetes 1.34.

Each control has the name of its row, and the allowed values:
kubernetes.io/docs/concepts/security/pod-security-standards/. A control returns where a Pod violates
it. Controls that the page omits for Windows are checked too.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

Object = dict[str, Any]
Control = Callable[[Object], Iterator[str]]

_SETS_OF_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_VOLUME_TYPES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
_SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
_SYSCTLS = {
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
}
_PROFILES = {"RuntimeDefault", "Localhost"}
_HOOKS = ("postStart", "preStop")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def violations(pod: Object) -> dict[str, list[str]]:
    """Return where a Pod or a template violates each control. Empty: it is admitted."""
    found = {name: list(control(pod)) for name, control in CONTROLS.items()}
    return {name: places for name, places in found.items() if places}


def host_process(pod: Object) -> Iterator[str]:
    for at, context in _contexts(pod):
        if context.get("windowsOptions", {}).get("hostProcess"):
            yield f"{at}.windowsOptions.hostProcess"


def host_namespaces(pod: Object) -> Iterator[str]:
    yield from (f"spec.{name}" for name in _HOST_NAMESPACES if pod["spec"].get(name))


def privileged_containers(pod: Object) -> Iterator[str]:
    for at, context in _containers_contexts(pod):
        if context.get("privileged"):
            yield f"{at}.privileged"


def capabilities(pod: Object) -> Iterator[str]:
    """The restricted row, which is stricter."""
    for at, context in _containers_contexts(pod):
        documented = context.get("capabilities", {})
        if "ALL" not in documented.get("drop", []):
            yield f"{at}.capabilities.drop"
        if set(documented.get("add", [])) - {"NET_BIND_SERVICE"}:
            yield f"{at}.capabilities.add"


def volume_types(pod: Object) -> Iterator[str]:
    """HostPath volumes are not among the allowed ones."""
    for volume in pod["spec"].get("volumes", []):
        if not set(volume) - {"name"} or set(volume) - {"name"} - _VOLUME_TYPES:
            yield f"spec.volumes[{volume['name']}]"


def host_ports(pod: Object) -> Iterator[str]:
    for at, container in _containers(pod):
        yield from (f"{at}.ports" for port in container.get("ports", []) if port.get("hostPort"))


def host_probes_and_lifecycle_hooks(pod: Object) -> Iterator[str]:
    for at, container in _containers(pod):
        lifecycle = container.get("lifecycle", {})
        handlers = {name: container.get(name, {}) for name in _PROBES}
        handlers |= {f"lifecycle.{name}": lifecycle.get(name, {}) for name in _HOOKS}
        for name, handler in handlers.items():
            if any(handler.get(kind, {}).get("host") for kind in ("httpGet", "tcpSocket")):
                yield f"{at}.{name}"


def apparmor(pod: Object) -> Iterator[str]:
    for at, context in _contexts(pod):
        if context.get("appArmorProfile", {}).get("type", "RuntimeDefault") not in _PROFILES:
            yield f"{at}.appArmorProfile"
    for name, value in pod.get("metadata", {}).get("annotations", {}).items():
        if name.startswith("container.apparmor.security.beta.kubernetes.io/") and not (
            value == "runtime/default" or value.startswith("localhost/")
        ):
            yield f"metadata.annotations[{name}]"


def selinux(pod: Object) -> Iterator[str]:
    for at, context in _contexts(pod):
        options = context.get("seLinuxOptions", {})
        if options.get("type", "") not in _SELINUX_TYPES:
            yield f"{at}.seLinuxOptions.type"
        yield from (f"{at}.seLinuxOptions.{name}" for name in ("user", "role") if options.get(name))


def proc_mount_type(pod: Object) -> Iterator[str]:
    for at, context in _containers_contexts(pod):
        if context.get("procMount", "Default") != "Default":
            yield f"{at}.procMount"


def sysctls(pod: Object) -> Iterator[str]:
    for sysctl in pod["spec"].get("securityContext", {}).get("sysctls", []):
        if sysctl["name"] not in _SYSCTLS:
            yield f"spec.securityContext.sysctls[{sysctl['name']}]"


def privilege_escalation(pod: Object) -> Iterator[str]:
    for at, context in _containers_contexts(pod):
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"{at}.allowPrivilegeEscalation"


def running_as_non_root(pod: Object) -> Iterator[str]:
    """A container may inherit it from the Pod, but not override it."""
    of_pod = pod["spec"].get("securityContext", {}).get("runAsNonRoot")
    for at, context in _containers_contexts(pod):
        if context.get("runAsNonRoot", of_pod) is not True:
            yield f"{at}.runAsNonRoot"


def running_as_non_root_user(pod: Object) -> Iterator[str]:
    for at, context in _contexts(pod):
        if context.get("runAsUser") == 0:
            yield f"{at}.runAsUser"


def seccomp(pod: Object) -> Iterator[str]:
    of_pod = pod["spec"].get("securityContext", {}).get("seccompProfile", {})
    if of_pod and of_pod.get("type") not in _PROFILES:
        yield "spec.securityContext.seccompProfile"
    for at, context in _containers_contexts(pod):
        if context.get("seccompProfile", of_pod).get("type") not in _PROFILES:
            yield f"{at}.seccompProfile"


def _containers(pod: Object) -> Iterator[tuple[str, Object]]:
    for kind in _SETS_OF_CONTAINERS:
        for container in pod["spec"].get(kind, []):
            yield f"spec.{kind}[{container['name']}]", container


def _containers_contexts(pod: Object) -> Iterator[tuple[str, Object]]:
    for at, container in _containers(pod):
        yield f"{at}.securityContext", container.get("securityContext", {})


def _contexts(pod: Object) -> Iterator[tuple[str, Object]]:
    """The security contexts of the Pod and of each container."""
    yield "spec.securityContext", pod["spec"].get("securityContext", {})
    yield from _containers_contexts(pod)


_HOST_NAMESPACES = ("hostNetwork", "hostPID", "hostIPC")

CONTROLS: Final[dict[str, Control]] = {
    "HostProcess": host_process,
    "Host Namespaces": host_namespaces,
    "Privileged Containers": privileged_containers,
    "Capabilities": capabilities,
    "Volume Types": volume_types,
    "Host Ports": host_ports,
    "Host Probes / Lifecycle Hooks": host_probes_and_lifecycle_hooks,
    "AppArmor": apparmor,
    "SELinux": selinux,
    "/proc Mount Type": proc_mount_type,
    "Sysctls": sysctls,
    "Privilege Escalation": privilege_escalation,
    "Running as Non-root": running_as_non_root,
    "Running as Non-root user": running_as_non_root_user,
    "Seccomp": seccomp,
}
