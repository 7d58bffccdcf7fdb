"""The settings of the WebHDFS door."""

from collections.abc import Mapping
from typing import Annotated, Final, Self

from pydantic import AfterValidator, model_validator

from gateway.access.kerberos import KerberosNames
from gateway.filesystem.mounts import MountTable, read_mount
from gateway.settings.fields import Section, refuse, refuse_half, setting
from gateway.settings.trusts import TrustSettings
from gateway.settings.values import GIB, MIB, Listen, LocalPath, Seconds, Size

_CRC_BYTES: Final = 512


def _check_mounts(mounts: Mapping[str, str]) -> Mapping[str, str]:
    MountTable({path: read_mount(place) for path, place in mounts.items()})
    return mounts


def _check_names(names: Mapping[str, str]) -> Mapping[str, str]:
    KerberosNames(names)
    return names


def _check_block(size: int) -> int:
    if size % _CRC_BYTES:
        raise ValueError(f"a block is a multiple of {_CRC_BYTES} bytes")
    return size


def _check_home(path: str) -> str:
    if not path.startswith("/") or "//" in path:
        raise ValueError('a home is an absolute path, like "/user"')
    return path


class WebHdfsSettings(Section):
    """The door that speaks WebHDFS, Hadoop's HTTP API of HDFS."""

    listen: Listen | None = setting(
        "Where WebHDFS clients connect, `127.0.0.1:9870` for one; port 0 takes a free one, named "
        "in the ready line. Without it there is no such door.",
        None,
        unit="host:port",
    )
    tls_cert: LocalPath | None = setting(
        "The certificate chain (PEM). With `tls_key` it turns HTTPS (`swebhdfs://`) on, which "
        "HTTP Basic needs from other machines. Both are read again when the files change.",
        None,
        unit="path",
    )
    tls_key: LocalPath | None = setting("The private key of `tls_cert` (PEM).", None, unit="path")
    mounts: Annotated[Mapping[str, str], AfterValidator(_check_mounts)] = setting(
        'Which path is which bucket or prefix: `{ "/models" = "s3://models/prod" }`. Without any, '
        "`/` shows every bucket.",
        {},
        unit="places",
    )
    home: Annotated[str, AfterValidator(_check_home)] = setting(
        "The directory that users are at home in: GETHOMEDIRECTORY says `/user/NAME`. Mount it to "
        "let them write there.",
        "/user",
        unit="path",
    )
    block_size: Annotated[Size, AfterValidator(_check_block)] = setting(
        "The length of a block, as schedulers see files: Spark and MapReduce make a split of each. "
        "A checksum of HDFS compares with ours only where its blocks are as long.",
        128 * MIB,
        unit="size",
        ge=MIB,
        le=16 * GIB,
    )
    token_seconds: Seconds = setting(
        "How long a delegation token holds from when it is given or renewed.",
        86_400.0,
        unit="duration",
        ge=60,
        le=30 * 86_400,
    )
    token_seconds_max: Seconds = setting(
        "How long it may be renewed from when it is given.",
        7 * 86_400.0,
        unit="duration",
        ge=60,
        le=365 * 86_400,
    )
    kerberos_keytab: LocalPath | None = setting(
        "The keytab with the key of `HTTP/host@REALM`. With it Kerberos tickets (SPNEGO) are "
        "taken; it needs the extra `forebay[kerberos]`.",
        None,
        unit="path",
    )
    kerberos_identities: Annotated[Mapping[str, str], AfterValidator(_check_names)] = setting(
        'Identities by Kerberos names: `{ "alice@REALM" = "ann", "*@REALM" = "*" }`, where '
        "`*@REALM` is everybody else of a realm, and the identity `*` the one called like the "
        "user.",
        {},
        unit="identities",
    )
    trusts: tuple[TrustSettings, ...] = setting(
        "Networks whose clients are believed to be who they say (`user.name`), as tables "
        "`[[webhdfs.trusts]]`: `networks` (CIDRs of peers; a proxy in one makes all its clients "
        "trusted), `users` (identities by the names of users) and `identity` (who all the others "
        "are). Without one, `user.name` proves nothing.",
        (),
        unit="trusts",
    )

    @model_validator(mode="after")
    def _check_pair(self) -> Self:
        refuse_half(self, "webhdfs", "tls_cert", "tls_key")
        if self.token_seconds > self.token_seconds_max:
            refuse("webhdfs.token_seconds is more than webhdfs.token_seconds_max: make it less")
        refuse_half(self, "webhdfs", "kerberos_keytab", "kerberos_identities")
        if self.listen is None and (self.tls_cert or self.trusts):
            refuse("webhdfs.listen is missing, and tls_cert or trusts are set: add it")
        return self
