"""curl --aws-sigv4: the request as a person types it, hence escapes and hashes are the typist's."""

import base64
from collections.abc import Iterable, Sequence
from hashlib import md5, sha256
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote
from xml.sax.saxutils import escape

from conformance.clients.client import (
    NO_URLS,
    ONLY_BYTES,
    PART_BYTES,
    Client,
    CommandLine,
    Described,
    Head,
)
from conformance.support.raw_s3 import Place, encoded, texts


class Curl(Client):
    """The system's curl."""

    LACKS: ClassVar = {**NO_URLS, **ONLY_BYTES}

    def __init__(self, place: Place, folder: Path) -> None:
        super().__init__(place, folder)
        self._plain = CommandLine(["curl"])
        words = ["curl", "--silent", "--show-error", "--fail-with-body", "--path-as-is"]
        words += ["--aws-sigv4", f"aws:amz:{place.region}:s3"]
        words += ["--user", f"{place.access_key}:{place.secret_key}"]
        if place.session_token is not None:
            words += ["-H", f"x-amz-security-token: {place.session_token}"]
        if place.ca_file is not None:
            words += ["--cacert", place.ca_file]
        self._curl = CommandLine(words)

    def version(self) -> str:
        return " ".join(self._plain.run("--version").decode().split()[:2])

    def _url(self, key: str = "", query: str = "") -> str:
        path = f"{self.place.bucket}/{encoded(key)}" if key else self.place.bucket
        return f"{self.place.endpoint}/{path}{'?' + query if query else ''}"

    def put(self, key: str, path: Path) -> None:
        if key.endswith("/"):  # for -T a folder: it would add the file's name
            self._curl.run("-X", "PUT", *_hashed(path), "--data-binary", f"@{path}", self._url(key))
        else:
            self._curl.run(*_hashed(path), "-T", str(path), self._url(key))

    def multipart(self, key: str, path: Path) -> None:
        begun = self._curl.run("-X", "POST", self._url(key, "uploads="))
        (upload,) = texts(begun, "UploadId")
        content, listed = path.read_bytes(), []
        for number, start in enumerate(range(0, len(content), PART_BYTES), 1):
            part = self.folder / "part"
            part.write_bytes(content[start : start + PART_BYTES])
            query = f"partNumber={number}&uploadId={quote(upload, safe='-._~')}"
            said = self._curl.run(
                "-D", "-", *_hashed(part), "-T", str(part), self._url(key, query)
            ).decode()
            etag = next(
                line[5:].strip() for line in said.splitlines() if line[:5].lower() == "etag:"
            )
            listed.append(
                f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etag)}</ETag></Part>"
            )
        document = f"<CompleteMultipartUpload>{''.join(listed)}</CompleteMultipartUpload>"
        self._post(self._url(key, f"uploadId={quote(upload, safe='-._~')}"), document)

    def _post(self, url: str, document: str) -> bytes:
        path = self.folder / "document"
        path.write_text(document)
        digest = base64.b64encode(md5(document.encode()).digest()).decode()
        words = ["-X", "POST", "-H", f"Content-MD5: {digest}", "-H", "Content-Type: text/xml"]
        hashed = f"x-amz-content-sha256: {sha256(document.encode()).hexdigest()}"
        return self._curl.run(*words, "-H", hashed, "--data-binary", f"@{path}", url)

    def get(self, key: str) -> bytes:
        return self._curl.run(self._url(key))

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        return self._curl.run("--range", f"{start}-{stop - 1}", self._url(key))

    def head(self, key: str) -> Head:
        fields = self._fields(key)
        return Head(int(fields["content-length"]), fields["etag"])

    def _fields(self, key: str) -> dict[str, str]:
        lines = self._curl.run("--head", self._url(key)).decode().splitlines()
        return {
            name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)
        }

    def put_described(self, key: str, path: Path, described: Described) -> None:
        said = [f"Content-Type: {described.content_type}"]
        said += [f"x-amz-meta-{name}: {value}" for name, value in described.metadata.items()]
        words = [word for line in said for word in ("-H", line)]
        self._curl.run(*_hashed(path), *words, "-T", str(path), self._url(key))

    def describe(self, key: str) -> Described:
        fields, prefix = self._fields(key), "x-amz-meta-"
        kept = {
            name.removeprefix(prefix): value
            for name, value in fields.items()
            if name.startswith(prefix)
        }
        return Described(fields["content-type"], kept)

    def put_new(self, key: str, path: Path) -> None:
        self._curl.run(*_hashed(path), "-H", "If-None-Match: *", "-T", str(path), self._url(key))

    def get_if_match(self, key: str, etag: str) -> bytes:
        return self._curl.run("-H", f"If-Match: {etag}", self._url(key))

    def find_changed(self, key: str, etag: str) -> bytes | None:
        path = self.folder / "download"
        words = ["-o", str(path), "-w", "%{http_code}", "-H", f"If-None-Match: {etag}"]
        status = self._curl.run(*words, self._url(key))
        return None if status == b"304" else path.read_bytes()

    def list(self, prefix: str) -> Iterable[str]:
        query = f"list-type=2&prefix={quote(prefix, safe='-._~')}"
        return texts(self._curl.run(self._url("", query)), "Contents/Key")

    def copy(self, source: str, target: str) -> None:
        named = f"x-amz-copy-source: /{self.place.bucket}/{encoded(source)}"
        self._curl.run("-X", "PUT", "-H", named, self._url(target))

    def delete(self, key: str) -> None:
        self._curl.run("-X", "DELETE", self._url(key))

    def delete_many(self, keys: Sequence[str]) -> None:
        listed = "".join(f"<Object><Key>{escape(key)}</Key></Object>" for key in keys)
        said = self._post(self._url("", "delete="), f"<Delete>{listed}</Delete>")
        assert b"<Error>" not in said, said


def _hashed(path: Path) -> list[str]:
    """Return the words that name a body's hash; without them curl signs a file as an empty body."""
    hashed = sha256(path.read_bytes()).hexdigest()
    return ["-H", f"x-amz-content-sha256: {hashed}"]
