"""Makes the image that an engine saved reproducible, as one OCI archive.

Engines build equal contents from equal sources, but with the time of the build. No time is later
than `epoch` here. A layer without a later time, such as those of a published base, stays as it is,
so it is still that base's.
"""

import datetime as dt
import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any, Final

from release.archives import tar

_MEDIA: Final = "application/vnd.oci.image"
_GZIP: Final = b"\x1f\x8b"
_TIMES: Final = ("mtime", "atime", "ctime")
Json = dict[str, Any]


class Blobs(dict[str, bytes]):
    """The files of the archive, by path."""

    def add(self, content: bytes, media_type: str) -> Json:
        """Return the descriptor of a new blob."""
        digest = hashlib.sha256(content).hexdigest()
        self[f"blobs/sha256/{digest}"] = content
        return {
            "mediaType": f"{_MEDIA}.{media_type}",
            "digest": f"sha256:{digest}",
            "size": len(content),
        }


def write_archive(saved: Path, out: Path, *, name: str, epoch: int) -> None:
    """`saved` is the output of `docker save` for one image."""
    with tarfile.open(saved) as archive:
        [manifest] = json.loads(_read(archive, "manifest.json"))
        config = json.loads(_read(archive, manifest["Config"]))
        layers = [in_time(_layer(archive, each), epoch) for each in manifest["Layers"]]
    blobs = Blobs()
    config["rootfs"]["diff_ids"] = [f"sha256:{hashlib.sha256(it).hexdigest()}" for it in layers]
    described = blobs.add(_json(_at(config, epoch)), "config.v1+json")
    packed = [blobs.add(gzip.compress(each, 6, mtime=0), "layer.v1.tar+gzip") for each in layers]
    whole = {"schemaVersion": 2, "mediaType": f"{_MEDIA}.manifest.v1+json"}
    whole |= {"config": described, "layers": packed}
    entry = blobs.add(_json(whole), "manifest.v1+json")
    entry["platform"] = {"architecture": config["architecture"], "os": config["os"]}
    entry["annotations"] = {"org.opencontainers.image.ref.name": name}
    index = {"schemaVersion": 2, "mediaType": f"{_MEDIA}.index.v1+json", "manifests": [entry]}
    blobs["index.json"] = _json(index)
    blobs["oci-layout"] = _json({"imageLayoutVersion": "1.0.0"})
    out.write_bytes(tar(blobs, epoch))


def file_of(saved: Path, path: str) -> bytes:
    """Return a file of the image, from its last layer that has it."""
    with tarfile.open(saved) as archive:
        [manifest] = json.loads(_read(archive, "manifest.json"))
        for each in reversed(manifest["Layers"]):
            with tarfile.open(fileobj=io.BytesIO(_read(archive, each))) as layer:
                if path in layer.getnames():
                    return _read(layer, path)
    raise FileNotFoundError(path)


def in_time(layer: bytes, epoch: int) -> bytes:
    """Return the layer without a time after `epoch`."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(layer)) as source:
        if all(each.mtime <= epoch for each in source):
            return layer
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as target:
            for entry in source:
                entry.mtime = min(int(entry.mtime), epoch)
                entry.pax_headers = {
                    name: value for name, value in entry.pax_headers.items() if name not in _TIMES
                }
                target.addfile(entry, source.extractfile(entry) if entry.isreg() else None)
    return out.getvalue()


def _at(config: Json, epoch: int) -> Json:
    time = dt.datetime.fromtimestamp(epoch, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    config["created"] = time
    for step in config["history"]:
        step["created"] = min(step.get("created", time), time)
    return config


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None, name
    return file.read()


def _layer(archive: tarfile.TarFile, name: str) -> bytes:
    """Return the plain layer: an engine whose store is containerd's saves it compressed."""
    layer = _read(archive, name)
    return gzip.decompress(layer) if layer.startswith(_GZIP) else layer


def _json(value: Json) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
