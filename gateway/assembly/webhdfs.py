"""The WebHDFS door on the core, and what it stands on; loaded where the settings want one."""

from dataclasses import dataclass
from pathlib import Path

from gateway.access.delegation import Lifetimes
from gateway.assembly.core import Core, now
from gateway.assembly.files import make_tree
from gateway.assembly.listening import Listener, listener_tls
from gateway.assembly.proofs import keep_tokens_swept, make_proofs, renew_proofs
from gateway.doors.connections import Connections
from gateway.doors.http_server import DoorServer
from gateway.doors.s3.pipeline import Pipeline as S3Pipeline
from gateway.doors.tls import ListenerTls
from gateway.doors.webhdfs.authentication import Proofs, WebHdfsAuthentication
from gateway.doors.webhdfs.connection import HadoopConnection
from gateway.doors.webhdfs.delegation import Delegation
from gateway.doors.webhdfs.handlers import make_handlers
from gateway.doors.webhdfs.last_words import WEBHDFS_WORDS
from gateway.doors.webhdfs.pipeline import Pipeline
from gateway.filesystem.mounts import MountTable, read_mount
from gateway.settings.tree import Settings
from gateway.settings.webhdfs import WebHdfsSettings


@dataclass(frozen=True, slots=True)
class WebHdfsDoor:
    """The door's listener, and what a reload renews of it."""

    server: DoorServer
    tls: ListenerTls | None
    proofs: Proofs

    def listener(self, settings: Settings, port: int) -> Listener:
        """Return where it is to listen."""
        assert settings.webhdfs.listen is not None  # noqa: S101 - or there were no door
        return Listener(self.server, self.tls, settings.webhdfs.listen.host, port)

    def renew(self, settings: Settings) -> None:
        """Put trusts, keys and lifetimes that were read again in force, between two requests."""
        chosen = settings.webhdfs
        renew_proofs(self.proofs, settings, chosen.trusts, lifetimes_of(chosen))

    async def keep_tokens_swept(self) -> None:
        """Forget tokens whose time is over, every now and then, for ever."""
        await keep_tokens_swept(self.proofs.tokens)


def make_webhdfs(
    settings: Settings,
    core: Core,
    s3: S3Pipeline,
    connections: Connections,
    shared_folder: Path | None,
) -> WebHdfsDoor:
    """Return the door; identities, rates, room and log are the S3 door's.

    Raises SettingsError, OSError and ssl.SSLError.
    """
    chosen = settings.webhdfs
    lifetimes = lifetimes_of(chosen)
    proofs = make_proofs(
        settings,
        chosen.trusts,
        lifetimes,
        core.store,
        shared_folder,
        keytab=chosen.kerberos_keytab,
        names=chosen.kerberos_identities,
    )
    authentication = WebHdfsAuthentication(s3.authentication, proofs)
    lends = Delegation(s3.authentication, s3.authorization, proofs)
    tree = make_tree(settings, core, s3.authorization, mounts_of(chosen))
    pipeline = Pipeline(
        authentication,
        s3.authorization,
        make_handlers(tree, authentication, lends, home=chosen.home, block_bytes=chosen.block_size),
        metering=s3.metering,
        access_log=s3.access_log,
        room=s3.room,
        now=now,
    )
    tls = listener_tls(chosen.tls_cert, chosen.tls_key)
    return WebHdfsDoor(
        DoorServer(pipeline.serve, connections, WEBHDFS_WORDS, connection=HadoopConnection),
        tls,
        proofs,
    )


def mounts_of(chosen: WebHdfsSettings) -> MountTable:
    """Return which object a path is."""
    return MountTable({path: read_mount(place) for path, place in chosen.mounts.items()})


def lifetimes_of(chosen: WebHdfsSettings) -> Lifetimes:
    """Return how long delegation tokens hold."""
    return Lifetimes(chosen.token_seconds, chosen.token_seconds_max)
