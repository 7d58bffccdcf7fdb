"""The AWS CRT's S3 client, which aws-cli v2, boto3[crt] and s3torchconnector stand on."""

from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote
from xml.sax.saxutils import escape

import awscrt
from awscrt import auth, http, io, s3

from conformance.clients.client import NO_URLS, ONLY_BYTES, PART_BYTES, Client, Described, Head
from conformance.support.raw_s3 import Place, encoded, texts

_SECONDS = 120
Kind = s3.S3RequestType


class AwsCrt(Client):
    """Parallel ranged GETs and multipart PUTs, unsigned payloads with trailers."""

    LACKS: ClassVar = {**NO_URLS, **ONLY_BYTES}

    def __init__(self, place: Place, folder: Path) -> None:
        super().__init__(place, folder)
        bootstrap = io.ClientBootstrap(
            io.EventLoopGroup(1), io.DefaultHostResolver(io.EventLoopGroup(1))
        )
        keys = auth.AwsCredentialsProvider.new_static(
            place.access_key, place.secret_key, place.session_token
        )
        tls = None
        if place.is_secure:
            options = io.TlsContextOptions()
            options.override_default_trust_store_from_path(None, place.ca_file)
            tls = io.ClientTlsContext(options).new_connection_options()
        self._client = s3.S3Client(
            bootstrap=bootstrap,
            region=place.region,
            tls_mode=s3.S3RequestTlsMode.ENABLED if tls else s3.S3RequestTlsMode.DISABLED,
            tls_connection_options=tls,
            signing_config=s3.create_default_s3_signing_config(
                region=place.region, credential_provider=keys
            ),
            part_size=PART_BYTES,
            throughput_target_gbps=1.0,
        )

    def version(self) -> str:
        return f"awscrt {awscrt.__version__}"

    def _ask(
        self,
        kind: Kind,
        method: str,
        path: str,
        *,
        name: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        body: bytes | None = None,
        **options: object,
    ) -> tuple[dict[str, str], bytes]:
        """Return headers and body of a success; raises the CRT's error for the rest."""
        sent = http.HttpHeaders([("Host", self.place.netloc), *headers])
        stream = None
        if body is not None:
            sent.set("Content-Length", str(len(body)))
            stream = io.InputStream(BytesIO(body))
        fields: dict[str, str] = {}
        pieces: list[tuple[int, bytes]] = []

        def take_headers(headers: list[tuple[str, str]], **_: object) -> None:
            fields.update({key.lower(): value for key, value in headers})

        def take_body(chunk: bytes, offset: int, **_: object) -> None:
            pieces.append((offset, bytes(chunk)))

        made = self._client.make_request(
            type=kind,
            operation_name=name,
            request=http.HttpRequest(method, path, sent, stream),
            on_headers=take_headers,
            on_body=take_body,
            **options,
        )
        try:
            made.finished_future.result(_SECONDS)
        except s3.S3ResponseError as refused:
            raise RuntimeError(f"status {refused.status_code}: {refused}") from refused
        return fields, b"".join(piece for _, piece in sorted(pieces))

    def _path(self, key: str = "") -> str:
        return f"/{self.place.bucket}/{encoded(key)}"

    def put(self, key: str, path: Path) -> None:
        self._put(key, path)

    def _put(self, key: str, path: Path, *said: tuple[str, str]) -> None:
        checksum = s3.S3ChecksumConfig(
            algorithm=s3.S3ChecksumAlgorithm.CRC32, location=s3.S3ChecksumLocation.TRAILER
        )
        self._ask(
            Kind.PUT_OBJECT,
            "PUT",
            self._path(key),
            headers=(("Content-Length", str(path.stat().st_size)), *said),
            send_filepath=str(path),
            checksum_config=checksum,
        )

    multipart = put

    def get(self, key: str) -> bytes:
        checksum = s3.S3ChecksumConfig(validate_response=True)
        return self._ask(Kind.GET_OBJECT, "GET", self._path(key), checksum_config=checksum)[1]

    def put_described(self, key: str, path: Path, described: Described) -> None:
        kept = ((f"x-amz-meta-{name}", value or "") for name, value in described.metadata.items())
        self._put(key, path, ("Content-Type", described.content_type), *kept)

    def describe(self, key: str) -> Described:
        fields, _ = self._ask(Kind.DEFAULT, "HEAD", self._path(key), name="HeadObject")
        prefix = "x-amz-meta-"
        kept = {
            name.removeprefix(prefix): value
            for name, value in fields.items()
            if name.startswith(prefix)
        }
        return Described(fields["content-type"], kept)

    def put_new(self, key: str, path: Path) -> None:
        self._put(key, path, ("If-None-Match", "*"))

    def get_if_match(self, key: str, etag: str) -> bytes:
        return self._ask(Kind.GET_OBJECT, "GET", self._path(key), headers=(("If-Match", etag),))[1]

    def find_changed(self, key: str, etag: str) -> bytes | None:
        asked = (("If-None-Match", etag),)
        try:
            return self._ask(Kind.GET_OBJECT, "GET", self._path(key), headers=asked)[1]
        except RuntimeError as refused:
            if "status 304" not in str(refused):
                raise
            return None

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        asked = ("Range", f"bytes={start}-{stop - 1}")
        return self._ask(Kind.GET_OBJECT, "GET", self._path(key), headers=(asked,))[1]

    def head(self, key: str) -> Head:
        fields, _ = self._ask(Kind.DEFAULT, "HEAD", self._path(key), name="HeadObject")
        return Head(int(fields["content-length"]), fields["etag"])

    def list(self, prefix: str) -> Iterable[str]:
        path = f"/{self.place.bucket}?list-type=2&prefix={quote(prefix, safe='-._~')}"
        return texts(self._ask(Kind.DEFAULT, "GET", path, name="ListObjectsV2")[1], "Contents/Key")

    def copy(self, source: str, target: str) -> None:
        named = ("x-amz-copy-source", f"{self.place.bucket}/{encoded(source)}")
        self._ask(Kind.DEFAULT, "PUT", self._path(target), name="CopyObject", headers=(named,))

    def delete(self, key: str) -> None:
        self._ask(Kind.DEFAULT, "DELETE", self._path(key), name="DeleteObject")

    def delete_many(self, keys: Sequence[str]) -> None:
        listed = "".join(f"<Object><Key>{escape(key)}</Key></Object>" for key in keys)
        document = f"<Delete>{listed}</Delete>".encode()
        checksum = s3.S3ChecksumConfig(
            algorithm=s3.S3ChecksumAlgorithm.CRC32, location=s3.S3ChecksumLocation.HEADER
        )
        path = f"/{self.place.bucket}?delete"
        said = self._ask(
            Kind.DEFAULT,
            "POST",
            path,
            name="DeleteObjects",
            body=document,
            checksum_config=checksum,
        )[1]
        assert b"<Error>" not in said, said
