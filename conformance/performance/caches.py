"""Caches beside the gateway, each before an origin of ours: Varnish, and those a TOML tells of.

What a cache asks of freshness and of proof is part of its name in the report: one that serves for a
day without asking, or to anyone who knows the URL, does less work than one that asks or verifies.
"""

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from conformance.performance.origins import ACCESS_KEY, REGION, SECRET_KEY, Proof, Server
from conformance.performance.tools import (
    find_tool,
    free_port,
    get_tool,
    pinned,
    running,
    wait_answering,
    wait_listening,
)

_SPARE_PORTS = 4


class CacheTroubleError(Exception):
    """A TOML that does not describe a cache, in a sentence."""


@dataclass(frozen=True, slots=True)
class Cache:
    """How to run a cache, and what is to be said of it."""

    name: str
    command: tuple[str, ...]
    says: str
    """Version, settings, and what it does not do (ask the origin, verify a signature)."""
    ready: str = ""
    """The path that answers 200 when it is ready; '' for as soon as the port is open."""
    ready_port: str = "{port}"
    files: Mapping[str, str] = field(default_factory=dict)
    """File name in its folder -> content, with the placeholders of the command."""
    environment: Mapping[str, str] = field(default_factory=dict)
    keeps_host: bool = False
    """Whether clients sign for the origin's host and port, not for the cache's."""
    settle_seconds: int = 0
    """How long after a first reading it serves what it keeps: some write behind."""
    is_limit: bool = False
    """Whether it stands for what is possible at all, not for another of our kind."""
    proof: Proof = "any"
    """How clients have to ask it (see `Server`)."""

    @contextmanager
    def running(self, folder: Path, origin: Server, *, core: int | None = None) -> Iterator[Server]:
        """Run it with nothing in it before `origin` until the block ends."""
        folder.mkdir(parents=True)
        known = _placeholders(folder, origin)
        for name, content in self.files.items():
            (folder / name).write_text(_filled(content, known))
        command = [*pinned(core), *(_filled(word, known) for word in self.command)]
        environment = {name: _filled(value, known) for name, value in self.environment.items()}
        port = int(known["{port}"])
        with running(command, folder / "log", environment) as process:
            wait_listening(process, port)
            if self.ready:
                wait_answering(process, int(_filled(self.ready_port, known)), self.ready)
            yield Server(
                port,
                host=origin.authority if self.keeps_host else "",
                proof=self.proof,
            )


def read_cache(name: str, path: Path) -> Cache:
    """Return the cache that a TOML describes; raises CacheTroubleError in a sentence."""
    try:
        told: dict[str, Any] = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CacheTroubleError(f"{path} cannot be read: {error}") from error
    unknown = sorted(set(told) - set(_KINDS))
    if unknown:
        raise CacheTroubleError(f"{path}: unknown key {unknown[0]}; known are {', '.join(_KINDS)}")
    for key, kind in _KINDS.items():
        if key in told and not isinstance(told[key], kind):
            raise CacheTroubleError(f"{path}: {key} must be of type {kind.__name__}")
    for key in ("command", "says"):
        if not told.get(key):
            raise CacheTroubleError(f"{path}: {key} is missing")
    if told.get("proof", "any") not in get_args(Proof):
        raise CacheTroubleError(f"{path}: proof must be one of {', '.join(get_args(Proof))}")
    command = tuple(str(word) for word in told.pop("command"))
    return Cache(name=name, command=command, **told)


_KINDS = {
    "command": list,
    "says": str,
    "ready": str,
    "ready_port": str,
    "files": dict,
    "environment": dict,
    "keeps_host": bool,
    "settle_seconds": int,
    "is_limit": bool,
    "proof": str,
}


def find_varnish() -> Cache | None:
    """Return Debian's Varnish, if it is installed: a TTL and a URL, in memory."""
    if find_tool("varnishd") is None:
        return None
    return Cache(
        name="Varnish",
        command=(
            *(get_tool("varnishd"), "-F", "-j", "none", "-n", "{folder}/work"),
            *("-a", "127.0.0.1:{port}", "-f", "{folder}/cache.vcl", "-s", "malloc,3g"),
            *("-p", "thread_pools=1", "-p", "workspace_client=256k"),
        ),
        says="Varnish holds what a presigned URL brought for an hour in memory, neither verifies "
        "nor validates",
        files={"cache.vcl": _VCL},
        keeps_host=True,
        is_limit=True,
        proof="link",
    )


_VCL = """\
vcl 4.1;
backend origin { .host = "127.0.0.1"; .port = "{origin_port}"; }
sub vcl_backend_response { set beresp.ttl = 1h; set beresp.do_stream = true; }
"""


def _placeholders(folder: Path, origin: Server) -> dict[str, str]:
    spare = {f"{{port{number}}}": str(free_port()) for number in range(1, _SPARE_PORTS + 1)}
    return {
        "{port}": str(free_port()),
        **spare,
        "{origin}": origin.endpoint,
        "{origin_port}": str(origin.port),
        "{access_key}": ACCESS_KEY,
        "{secret_key}": SECRET_KEY,
        "{region}": REGION,
        "{folder}": str(folder),
    }


def _filled(text: str, known: Mapping[str, str]) -> str:
    """Return text with what is known put in; all other braces are its own."""
    for name, value in known.items():
        text = text.replace(name, value)
    return text
