"""Hugging Face safetensors over fsspec: files brought to a local folder, then opened by name."""

from pathlib import Path
from typing import ClassVar

import safetensors
from safetensors.torch import load, load_file, save_file

from conformance.clients.client import NO_TABLES, PART_BYTES
from conformance.clients.drivers.s3fs_files import S3Fs


class Safetensors(S3Fs):
    """`get_file` and `put_file` by s3fs; what is brought is memory-mapped by safe_open."""

    LACKS: ClassVar = {
        "get_if_match": "its reads state no conditions",
        "find_changed": "its reads state no conditions",
        **NO_TABLES,
    }

    def version(self) -> str:
        return f"safetensors {safetensors.__version__} over {super().version()}"

    def put(self, key: str, path: Path) -> None:
        self._files.put_file(str(path), self._path(key))

    def multipart(self, key: str, path: Path) -> None:
        self._files.put_file(str(path), self._path(key), chunksize=PART_BYTES)

    def get(self, key: str) -> bytes:
        path = self.folder / "download"
        path.unlink(missing_ok=True)
        self._files.get_file(self._path(key), str(path))
        return path.read_bytes()

    def read_tensors(self, key: str) -> dict[str, bytes]:
        path = self.folder / "model.safetensors"
        path.unlink(missing_ok=True)
        self._files.get_file(self._path(key), str(path))
        with safetensors.safe_open(path, framework="pt", device="cpu") as opened:
            names = list(opened.keys())
            mapped = {name: opened.get_tensor(name).numpy().tobytes() for name in names}
        whole = {
            name: tensor.numpy().tobytes()
            for name, tensor in load(self._files.cat_file(self._path(key))).items()
        }
        assert mapped == whole, "the file and the bytes differ"
        return mapped

    def write_tensors(self, key: str, path: Path) -> None:
        saved = self.folder / "saved.safetensors"
        save_file(load_file(path), saved)
        self._files.put_file(str(saved), self._path(key), chunksize=PART_BYTES)
