"""Run:ai Model Streamer: tensors of safetensors files by parallel ranges, as vLLM loads models.

Its engine is the C++ SDK, which sends absolute-form targets (`GET http://host/bucket/key`).
"""

import os
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

from conformance.clients.client import (
    NO_CONDITIONS,
    NO_METADATA,
    NO_TABLES,
    NO_URLS,
    Client,
)
from conformance.support.raw_s3 import Place

_READS_ONLY = "reads only"


class RunAi(Client):
    """SafetensorsStreamer for tensors, FileStreamer for ranges and listings."""

    LACKS: ClassVar = {
        "put": _READS_ONLY,
        "multipart": _READS_ONLY,
        "copy": _READS_ONLY,
        "delete": _READS_ONLY,
        "delete_many": _READS_ONLY,
        "write_tensors": _READS_ONLY,
        "get": "reads ranges that it is told, and whole tensors",
        "head": "asks for ranges without HEAD",
        **NO_URLS,
        **NO_METADATA,
        **NO_CONDITIONS,
        **NO_TABLES,
    }

    def __init__(self, place: Place, folder: Path) -> None:
        super().__init__(place, folder)
        told = {
            "AWS_ACCESS_KEY_ID": place.access_key,
            "AWS_SECRET_ACCESS_KEY": place.secret_key,
            "AWS_ENDPOINT_URL": place.endpoint,
            "AWS_REGION": place.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "RUNAI_STREAMER_S3_USE_VIRTUAL_ADDRESSING": "0",
        }
        if place.session_token is not None:
            told["AWS_SESSION_TOKEN"] = place.session_token
        if place.ca_file is not None:
            told["AWS_CA_BUNDLE"] = place.ca_file
        os.environ.update(told)
        # Its library reads the environment when it is loaded.
        import runai_model_streamer  # noqa: PLC0415

        self._runai = runai_model_streamer

    def version(self) -> str:
        return f"runai-model-streamer {version('runai-model-streamer')}"

    def _uri(self, key: str) -> str:
        return f"s3://{self.place.bucket}/{key}"

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        wanted = self._runai.FileChunks(0, self._uri(key), [start], [stop - start])
        with self._runai.FileStreamer() as streamer:
            streamer.stream_files([wanted])
            pieces = [piece.numpy().tobytes() for _, _, piece in streamer.get_chunks()]
        return b"".join(pieces)

    def list(self, prefix: str) -> Iterable[str]:
        found = self._runai.FileStreamer().list_files(self._uri(prefix))
        skipped = len(self._uri(""))
        return [path[skipped:] for path, _ in found]

    def read_tensors(self, key: str) -> dict[str, bytes]:
        with self._runai.SafetensorsStreamer() as streamer:
            streamer.stream_file(self._uri(key))
            return {name: tensor.numpy().tobytes() for name, tensor in streamer.get_tensors()}
