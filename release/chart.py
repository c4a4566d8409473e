"""Packs the chart as `helm package` does, but with one time and in order."""

from pathlib import Path

from release.archives import write_tgz


def chart(source: Path, out: Path, version: str, epoch: int) -> None:
    folder = source / "deploy" / "helm"
    ignored = (folder / ".helmignore").read_text(encoding="utf-8").split()
    files = {
        f"presign/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not _matches(path.relative_to(folder), ignored)
    }
    write_tgz(files, out / f"presign-{version}.tgz", epoch)


def _matches(path: Path, ignored: list[str]) -> bool:
    """Folders only: deploy/helm/.helmignore has no other pattern."""
    return path.name == ".helmignore" or f"{path.parts[0]}/" in ignored
