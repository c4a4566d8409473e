"""The archive of an image depends on its contents and the release's time only."""

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any, Final

import pytest

from release.oci import file_of, in_time, write_archive

EPOCH: Final = 1_700_000_000


def layer(time: float, **files: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(content), time
            entry.pax_headers = {"SCHILY.xattr.user.a": "b"}
            archive.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname, link.mtime = tarfile.LNKTYPE, next(iter(files)), time
        archive.addfile(link)
    return out.getvalue()


def saved(path: Path, *layers: bytes, created: str) -> Path:
    """Write what `docker save` would."""
    steps = [{"created": "2001-01-01T00:00:00Z"}, {"created": created}]
    config: dict[str, Any] = {
        "architecture": "amd64",
        "os": "linux",
        "created": created,
        "history": steps,
    }
    config["rootfs"] = {"type": "layers", "diff_ids": []}
    names = [f"layer-{at}" for at in range(len(layers))]
    manifest = [{"Config": "config", "RepoTags": None, "Layers": names}]
    files = {"manifest.json": json.dumps(manifest), "config": json.dumps(config)}
    contents = {name: text.encode() for name, text in files.items()}
    contents |= dict(zip(names, layers, strict=True))
    with tarfile.open(path, "w") as archive:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def archived(tmp_path: Path, *layers: bytes, created: str = "2026-11-29T03:04:05.6Z") -> bytes:
    out = tmp_path / "image.oci.tar"
    write_archive(
        saved(tmp_path / "saved.tar", *layers, created=created), out, name="1", epoch=EPOCH
    )
    return out.read_bytes()


def read(archive: bytes) -> dict[str, Any]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        assert opened.getnames() == sorted(opened.getnames())
        return {each.name: content(opened, each) for each in opened}


def content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None
    return file.read()


def test_builds_at_two_times_give_equal_archives(tmp_path: Path) -> None:
    base = layer(EPOCH - 5, os=b"debian")
    first, second = (layer(EPOCH + each, app=b"presign") for each in (10.5, 99))
    assert first != second

    one = archived(tmp_path, base, first)
    other = archived(tmp_path, base, second, created="2030-01-01T00:00:00Z")

    assert one == other


def test_other_contents_give_another_archive(tmp_path: Path) -> None:
    one, other = (archived(tmp_path, layer(EPOCH + 1, app=each)) for each in (b"a", b"b"))
    assert one != other


def test_a_layer_of_the_base_stays_as_it_is() -> None:
    base = layer(EPOCH, os=b"debian")
    assert in_time(base, EPOCH) == base


def test_an_engine_may_save_compressed_layers(tmp_path: Path) -> None:
    layers = [layer(EPOCH - 5, os=b"debian"), layer(EPOCH + 1, app=b"presign")]
    packed = [gzip.compress(each) for each in layers]
    assert archived(tmp_path, *packed) == archived(tmp_path, *layers)


def test_all_but_the_time_is_kept() -> None:
    rewritten = in_time(layer(EPOCH + 1.5, app=b"presign"), EPOCH)

    with tarfile.open(fileobj=io.BytesIO(rewritten)) as archive:
        app, link = archive.getmembers()
        assert content(archive, app) == b"presign"
    assert (app.mtime, app.pax_headers) == (EPOCH, {"SCHILY.xattr.user.a": "b"})
    assert (link.mtime, link.type, link.linkname) == (EPOCH, tarfile.LNKTYPE, "app")


def test_the_archive_is_an_oci_layout(tmp_path: Path) -> None:
    files = read(archived(tmp_path, layer(EPOCH + 1, app=b"presign")))

    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    [entry] = json.loads(files["index.json"])["manifests"]
    assert entry["platform"] == {"architecture": "amd64", "os": "linux"}
    manifest = json.loads(files[f"blobs/{entry['digest'].replace(':', '/')}"])
    config = json.loads(files[f"blobs/{manifest['config']['digest'].replace(':', '/')}"])
    assert config["created"] == "2023-11-14T22:13:20Z"
    assert [each["created"][:4] for each in config["history"]] == ["2001", "2023"]
    assert len(config["rootfs"]["diff_ids"]) == len(manifest["layers"]) == 1


def test_a_file_is_that_of_the_last_layer(tmp_path: Path) -> None:
    layers = [layer(0, bill=b"old"), layer(0, bill=b"new"), layer(0, other=b"")]
    image = saved(tmp_path / "saved.tar", *layers, created="2026")

    assert file_of(image, "bill") == b"new"
    with pytest.raises(FileNotFoundError, match="nothing"):
        file_of(image, "nothing")
