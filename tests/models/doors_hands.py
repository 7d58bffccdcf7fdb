"""Hands at three doors: each does what it is told, and says what came of it in its door's words."""

import errno
import os
import stat
from base64 import b64encode
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

import aiohttp
from yarl import URL

from tests.models.doors_seen import Seen, read_object
from tests.models.files_model import DIRECTORY, FILE, LINK, OK
from tests.support.signed_client import SignedClient

BUCKET = "bucket"
ABSENT_ERRORS = {errno.ENOENT, errno.ENOTDIR}
_KINDS = {stat.S_IFREG: FILE, stat.S_IFDIR: DIRECTORY, stat.S_IFLNK: LINK}
_READ_BYTES = 200_000


class MountHand:
    """At a mount, by system calls."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def act(self, call: Callable[[], Any]) -> str:
        """Return the errno's name, or OK."""
        try:
            call()
        except OSError as error:
            return errno.errorcode[error.errno or 0]
        return OK

    def write(self, path: str, body: bytes, flags: int, mode: int = 0o666, at: int = 0) -> None:
        """Open, write from a place on, and close: all of it is acknowledged."""
        opened = os.open(self.root / path, flags | os.O_NOFOLLOW, mode)
        try:
            os.lseek(opened, at, os.SEEK_SET)
            for start in range(0, len(body), 50_000):
                os.write(opened, body[start : start + 50_000])
        except BaseException:
            os.close(opened)
            raise
        os.close(opened)

    def look(self, path: str) -> Seen | None:
        """Open and read what is there."""
        at = self.root / path
        try:
            found = at.lstat()
            if stat.S_ISREG(found.st_mode):
                return self._opened(at)
        except OSError as error:
            if error.errno in ABSENT_ERRORS:
                return None
            raise
        if stat.S_ISLNK(found.st_mode):
            return _seen(found, os.fsencode(at.readlink()), {})
        return _seen(found, b"", {name: os.getxattr(at, name) for name in os.listxattr(at)})

    def _opened(self, at: Path) -> Seen:
        opened = os.open(at, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            pieces = []
            while piece := os.read(opened, _READ_BYTES):
                pieces.append(piece)
            body, found = b"".join(pieces), os.fstat(opened)
            assert found.st_size == len(body), at
            xattrs = {name: os.getxattr(opened, name) for name in os.listxattr(opened)}
            middle = len(body) // 3
            assert os.pread(opened, 500, middle) == body[middle:][:500], at
        finally:
            os.close(opened)
        return _seen(found, body, xattrs)

    def names(self, path: str) -> dict[str, str]:
        """Return the kinds in a directory by name."""
        with os.scandir(self.root / path) as entries:
            return {
                one.name: LINK if one.is_symlink() else DIRECTORY if one.is_dir() else FILE
                for one in entries
            }


def _seen(found: os.stat_result, body: bytes, xattrs: Mapping[str, bytes]) -> Seen:
    kind = _KINDS[stat.S_IFMT(found.st_mode)]
    modified_ns = 0 if kind == DIRECTORY else found.st_mtime_ns
    mode = stat.S_IMODE(found.st_mode)
    return Seen(kind, body, mode, found.st_uid, found.st_gid, modified_ns, xattrs)


class WebHdfsHand:
    """At the WebHDFS door, with an identity's keys by HTTP Basic."""

    def __init__(self, session: aiohttp.ClientSession, endpoint: str, keys: tuple[str, str]):
        self._session = session
        self._endpoint = endpoint
        self._headers = {"Authorization": "Basic " + b64encode(":".join(keys).encode()).decode()}

    async def act(
        self, method: str, path: str, operation: str, body: bytes | None = None, **given: Any
    ) -> str:
        """Return the exception's name, what a boolean answer says, or OK."""
        status, document, _ = await self._ask(method, path, operation, body, given)
        if status >= 400:
            return document["RemoteException"]["exception"]
        if document and "boolean" in document:
            return OK if document["boolean"] else "false"
        return OK

    async def look(self, path: str) -> Seen | None:
        """Ask for the status, the attributes and the bytes of what is there."""
        status, document, _ = await self._ask("GET", path, "GETFILESTATUS")
        if status == 404:
            return None
        assert status == 200, (path, document)
        found = document["FileStatus"]
        status, document, _ = await self._ask("GET", path, "GETXATTRS", given={"encoding": "hex"})
        assert status == 200, (path, document)
        xattrs = {
            one["name"]: bytes.fromhex((one["value"] or "0x")[2:]) for one in document["XAttrs"]
        }
        body = await self._body(path, found)
        return Seen(
            found["type"],
            body,
            int(found["permission"], 8),
            found["owner"],
            found["group"],
            found["modificationTime"],
            xattrs,
        )

    async def _body(self, path: str, found: Mapping[str, Any]) -> bytes:
        if found["type"] == DIRECTORY:
            return b""
        if found["type"] == LINK:
            return found["symlink"].encode()
        status, document, body = await self._ask("GET", path, "OPEN")
        assert status == 200, (path, document)
        assert len(body) == found["length"], path
        return body

    async def names(self, path: str) -> dict[str, str]:
        """Return the kinds in a directory by name."""
        status, document, _ = await self._ask("GET", path, "LISTSTATUS")
        assert status == 200, (path, document)
        entries = document["FileStatuses"]["FileStatus"]
        return {one["pathSuffix"]: one["type"] for one in entries}

    async def _ask(
        self,
        method: str,
        path: str,
        operation: str,
        body: bytes | None = None,
        given: Mapping[str, Any] | None = None,
    ) -> tuple[int, Any, bytes]:
        query = urlencode({"op": operation, **(given or {})}, quote_via=quote, safe="")
        url = f"{self._endpoint}/webhdfs/v1/{BUCKET}/{quote(path)}?{query}"
        status, location, document, answer = await self._once(method, url, None)
        if status == 307:
            status, _, document, answer = await self._once(method, location, body)
        return status, document, answer

    async def _once(self, method: str, url: str, body: bytes | None) -> tuple[int, str, Any, bytes]:
        async with self._session.request(
            method,
            URL(url, encoded=True),
            data=body,
            headers=self._headers,
            allow_redirects=False,
            skip_auto_headers=("Content-Type",),
        ) as answer:
            is_json = answer.headers.get("Content-Type") == "application/json"
            document = await answer.json() if is_json else None
            return answer.status, answer.headers.get("Location", ""), document, await answer.read()


class S3Hand:
    """At the S3 door, by signed requests."""

    def __init__(self, client: SignedClient) -> None:
        self.client = client

    async def put(self, key: str, body: bytes, headers: Mapping[str, str]) -> str:
        return _outcome((await self.client.put(BUCKET, key, body, headers=headers)).status)

    async def delete(self, key: str) -> str:
        return _outcome((await self.client.delete(BUCKET, key)).status)

    async def copy(self, source: str, key: str, headers: Mapping[str, str]) -> str:
        """Copy; with headers they take the place of the source's."""
        said = {"x-amz-copy-source": f"/{BUCKET}/{quote(source)}", **headers}
        if headers:
            said["x-amz-metadata-directive"] = "REPLACE"
        return _outcome((await self.client.put(BUCKET, key, b"", headers=said)).status)

    async def look(self, key: str) -> Seen | None:
        """Get what is there."""
        reply = await self.client.get(BUCKET, key)
        if reply.status == 404:
            return None
        assert reply.status == 200, (key, reply)
        changed = parsedate_to_datetime(reply.headers["Last-Modified"])
        headers = {name.lower(): text for name, text in reply.headers.items()}
        return read_object(key, reply.body, headers, int(changed.timestamp()) * 10**9)

    async def keys(self, prefix: str) -> set[str]:
        """Return the keys under a prefix, which is cut off."""
        query = f"list-type=2&prefix={quote(prefix, safe='')}"
        reply = await self.client.ask("GET", f"/{BUCKET}", query=query)
        assert reply.status == 200, reply
        root = ET.fromstring(reply.body)  # noqa: S314 - of our own gateway
        found = root.iter("{http://s3.amazonaws.com/doc/2006-03-01/}Key")
        return {str(one.text)[len(prefix) :] for one in found}


def _outcome(status: int) -> str:
    return OK if status < 300 else str(status)
