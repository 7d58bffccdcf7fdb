"""obstore: Rust's object_store, which delta-rs, polars and lance read S3 with."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import obstore
from obstore.exceptions import NotModifiedError
from obstore.store import S3Store

from conformance.clients.client import ONLY_BYTES, PART_BYTES, Client, Described, Head
from conformance.support.raw_s3 import Place

_VALID = timedelta(minutes=5)


class Obstore(Client):
    """object_store through Python."""

    LACKS: ClassVar = ONLY_BYTES

    def __init__(self, place: Place, folder: Path) -> None:
        super().__init__(place, folder)
        session = {"session_token": place.session_token} if place.session_token else {}
        trust = {"root_certificate": Path(place.ca_file).read_bytes()} if place.ca_file else {}
        self._store = S3Store(
            place.bucket,
            endpoint=place.endpoint,
            region=place.region,
            access_key_id=place.access_key,
            secret_access_key=place.secret_key,
            **session,
            virtual_hosted_style_request=False,
            client_options={"allow_http": True, **trust},
            retry_config={"max_retries": 0},
        )

    def version(self) -> str:
        return f"obstore {obstore.__version__}"

    def put(self, key: str, path: Path) -> None:
        obstore.put(self._store, key, path.read_bytes(), use_multipart=False)

    def multipart(self, key: str, path: Path) -> None:
        obstore.put(self._store, key, path, use_multipart=True, chunk_size=PART_BYTES)

    def put_described(self, key: str, path: Path, described: Described) -> None:
        said = {"Content-Type": described.content_type, **described.metadata}
        obstore.put(self._store, key, path.read_bytes(), attributes=said, use_multipart=False)

    def describe(self, key: str) -> Described:
        seen = obstore.get(self._store, key, options={"head": True}).attributes
        kept = {name: value for name, value in seen.items() if name != "Content-Type"}
        return Described(seen["Content-Type"], kept)

    def put_new(self, key: str, path: Path) -> None:
        obstore.put(self._store, key, path.read_bytes(), mode="create", use_multipart=False)

    def get_if_match(self, key: str, etag: str) -> bytes:
        return bytes(obstore.get(self._store, key, options={"if_match": etag}).bytes())

    def find_changed(self, key: str, etag: str) -> bytes | None:
        try:
            return bytes(obstore.get(self._store, key, options={"if_none_match": etag}).bytes())
        except NotModifiedError:
            return None

    def get(self, key: str) -> bytes:
        return bytes(obstore.get(self._store, key).bytes())

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        return bytes(obstore.get_range(self._store, key, start=start, end=stop))

    def head(self, key: str) -> Head:
        seen = obstore.head(self._store, key)
        return Head(seen["size"], seen["e_tag"])

    def list(self, prefix: str) -> Iterable[str]:
        pages = obstore.list(self._store, prefix, chunk_size=7)
        return [one["path"] for page in pages for one in page]

    def copy(self, source: str, target: str) -> None:
        obstore.copy(self._store, source, target)

    def delete(self, key: str) -> None:
        obstore.delete(self._store, key)

    def delete_many(self, keys: Sequence[str]) -> None:
        obstore.delete(self._store, list(keys))

    def presign_get(self, key: str) -> str:
        return obstore.sign(self._store, "GET", key, _VALID)

    def presign_put(self, key: str) -> str:
        return obstore.sign(self._store, "PUT", key, _VALID)
