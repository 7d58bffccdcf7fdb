"""The settings tree: every key with its unit, default, bounds and reason, in one place.

The tree is frozen and judged as a whole when it is built; what contradicts itself is refused with
one sentence that says what to change. Reading it from a file and the environment stands in
reading.py, the way values are written in values.py. docs/CONFIGURATION.md is made from
this file (`make docs`), and a test compares the two.
"""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, model_validator

from gateway.access.policy_refusals import nearest
from gateway.settings.audit import AuditSettings
from gateway.settings.entries import GroupSettings, IdentitySettings, RuleSettings
from gateway.settings.fields import Section, refuse, refuse_half, refuse_twins, setting
from gateway.settings.filesystem import FilesystemSettings
from gateway.settings.flash import FlashSettings
from gateway.settings.limits import LimitsSettings
from gateway.settings.mount import MountSettings
from gateway.settings.roles import OidcSettings, RoleSettings, check_roles
from gateway.settings.state import StateSettings
from gateway.settings.values import (
    KIB,
    MIB,
    Address,
    Listen,
    LocalPath,
    LogTarget,
    Seconds,
    Secret,
    Size,
    Words,
)
from gateway.settings.webhdfs import WebHdfsSettings


def _check_endpoint(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    is_bare = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username)
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_bare:
        raise ValueError('an endpoint is written "https://host" or "http://host:port"')
    _ = parts.port  # urlsplit raises ValueError here for a port that is none
    return endpoint.rstrip("/")


def _check_domain(domains: tuple[str, ...]) -> tuple[str, ...]:
    for domain in domains:
        labels = domain.split(".")
        if not all(label.replace("-", "").isalnum() and label.isascii() for label in labels):
            raise ValueError(f'"{domain}" is not a domain: write "s3.example.com", without a port')
    return tuple(domain.lower() for domain in domains)


class S3Settings(Section):
    """The door that speaks S3 to clients."""

    listen: Listen = setting(
        "Where S3 clients connect. Port 0 takes a free one, named in the ready line. Loopback by "
        "default, because without TLS whoever is on the path reads the objects.",
        Address("127.0.0.1", 9000),
        unit="host:port",
    )
    tls_cert: LocalPath | None = setting(
        "The certificate chain (PEM). With `tls_key` it turns HTTPS on. Both are read again when "
        "the files change: a renewed certificate is in use within seconds, without a restart.",
        None,
        unit="path",
    )
    tls_key: LocalPath | None = setting("The private key of `tls_cert` (PEM).", None, unit="path")
    domain: Annotated[Words, AfterValidator(_check_domain)] = setting(
        "Domains under which a bucket may stand in the host name (`bucket.s3.example.com`); one or "
        "a list. Path style always works; without a domain it is the only style.",
        (),
        unit="domain",
    )
    keepalive_seconds: Seconds = setting(
        "How long an idle connection is kept. Longer than the idle time of common load balancers "
        "(60 s), so that they close first and never send into a closed connection.",
        75.0,
        unit="duration",
        ge=0,
        le=3600,
    )
    header_bytes_max: Size = setting(
        "Bound of the request line and of each header. A presigned URL with a session token is "
        "longer than the usual 8 KiB.",
        32 * KIB,
        unit="size",
        ge=8 * KIB,
        le=MIB,
    )
    drain_seconds: Seconds = setting(
        "How long requests in flight may take to finish after SIGTERM, before they are cut.",
        30.0,
        unit="duration",
        ge=0,
        le=3600,
    )

    @model_validator(mode="after")
    def _check_pair(self) -> Self:
        refuse_half(self, "s3", "tls_cert", "tls_key")
        return self


class AdminSettings(Section):
    """The door for operators: health, readiness, metrics, identities."""

    listen: Listen = setting(
        "Where `/health`, `/ready`, `/metrics` and the admin API are served, in plain HTTP. The "
        "first three ask for no credentials, and the API answers with new secrets, so keep it "
        "where only operators and Prometheus reach it.",
        Address("127.0.0.1", 9090),
        unit="host:port",
    )


class OriginSettings(Section):
    """The bucket's own server: the truth that Forebay stands in front of."""

    endpoint: Annotated[str, AfterValidator(_check_endpoint)] | None = setting(
        "The origin's URL. Without it, AWS S3 of the region.",
        None,
        unit="URL",
    )
    region: str = setting(
        "The region that requests to the origin are signed for.",
        "us-east-1",
        min_length=1,
    )
    addressing: Literal["path", "virtual"] = setting(
        "Where the bucket stands in requests to the origin: in the path, or in the host name.",
        "path",
    )
    access_key: str | None = setting(
        "Credentials for the origin. Without them the standard AWS chain is asked: environment, "
        "shared files, container and instance roles.",
        None,
        min_length=1,
    )
    secret_key: Secret | None = setting("The secret of `access_key`.", None)
    session_token: Secret | None = setting(
        "The session token, where `access_key` is a temporary one.",
        None,
    )
    ca_file: LocalPath | None = setting(
        "Certificates (PEM) to trust for an https origin, in place of the system's.",
        None,
        unit="path",
    )
    client_cert: LocalPath | None = setting(
        "The certificate chain (PEM) that Forebay shows an https origin which asks for one (mutual "
        "TLS). Read again when the file changes.",
        None,
        unit="path",
    )
    client_key: LocalPath | None = setting("The private key of `client_cert`.", None, unit="path")
    connections_max: int = setting(
        "Connections to the origin that each worker may hold. More requests than that wait.",
        256,
        unit="connections",
        ge=1,
        le=65536,
    )
    connect_timeout_seconds: Seconds = setting(
        "How long opening a connection to the origin may take.",
        5.0,
        unit="duration",
        gt=0,
        le=300,
    )
    read_timeout_seconds: Seconds = setting(
        "How long the origin may be silent in the middle of an answer.",
        30.0,
        unit="duration",
        gt=0,
        le=3600,
    )
    attempts_max: int = setting(
        "How often a request that is safe to repeat is tried while the origin answers others; one "
        "that is refused (429, 503), until `patience_seconds` are over. All repetitions together "
        "are at most a tenth of what is asked, and a reserve of five a second.",
        3,
        unit="attempts",
        ge=1,
        le=10,
    )
    patience_seconds: Seconds = setting(
        "How long readers wait for an origin that is away: an outage that is shorter is not seen "
        "by them, a longer one is answered 503 within a second. Writes never wait.",
        10.0,
        unit="duration",
        ge=0,
        le=600,
    )
    hedging: bool = setting(
        "Whether a read that takes longer than the 95th percentile (and 50 ms) is asked a second "
        "time; at most one in twenty is.",
        default=True,
    )

    conditional_writes: Literal["judge", "refuse"] = setting(
        "`judge`: the origin judges If-Match and If-None-Match on writes. `refuse`: Forebay "
        "answers them 501, for an origin that would ignore them; `forebay doctor` tells.",
        "judge",
    )

    list_consistency: Literal["weak", "strong"] = setting(
        "`strong`: LIST shows every write at once, as S3, Ceph, MinIO and versitygw do, so that "
        "rules with `batch_validation` may ask it. `weak`: nothing is concluded from LIST. "
        "`forebay doctor` tells.",
        "weak",
    )

    @model_validator(mode="after")
    def _check_credentials(self) -> Self:
        refuse_half(self, "origin", "access_key", "secret_key")
        if self.session_token and not self.access_key:
            refuse("origin.session_token stands without origin.access_key: add the key it is for")
        refuse_half(self, "origin", "client_cert", "client_key")
        if self.endpoint and self.endpoint.startswith("http://"):
            for key in ("ca_file", "client_cert"):
                if getattr(self, key):
                    refuse(
                        f"origin.{key} stands with an http:// origin.endpoint: "
                        f"write https:// or remove origin.{key}",
                    )
        return self


class WorkersSettings(Section):
    """The processes that serve S3."""

    count: int = setting(
        "Worker processes; 0 is one per core that Forebay may run on.",
        0,
        unit="processes",
        ge=0,
        le=256,
    )


class LogSettings(Section):
    """What is written about requests and about Forebay itself."""

    access: LogTarget = setting(
        "Where the access log goes, one JSON line a request: `stdout`, `stderr`, `off` or a "
        "file, which is opened again on SIGHUP.",
        "stdout",
        unit="target",
    )
    level: Literal["debug", "info", "warning", "error"] = setting(
        "The least level that the application log (on stderr) writes. A warning wants a human.",
        "info",
    )
    format: Literal["json", "text"] = setting(
        "How the application log is written: `json` for machines, `text` for people.",
        "json",
    )


class Settings(Section):
    """All settings of one Forebay."""

    s3: S3Settings = S3Settings()
    admin: AdminSettings = AdminSettings()
    origin: OriginSettings = OriginSettings()
    flash: FlashSettings = FlashSettings()
    state: StateSettings = StateSettings()
    filesystem: FilesystemSettings = FilesystemSettings()
    workers: WorkersSettings = WorkersSettings()
    limits: LimitsSettings = LimitsSettings()
    mount: MountSettings = MountSettings()
    webhdfs: WebHdfsSettings = WebHdfsSettings()
    log: LogSettings = LogSettings()
    audit: AuditSettings = AuditSettings()
    identities: tuple[IdentitySettings, ...] = ()
    groups: tuple[GroupSettings, ...] = ()
    roles: tuple[RoleSettings, ...] = ()
    oidc: tuple[OidcSettings, ...] = ()
    rules: tuple[RuleSettings, ...] = ()

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.s3.listen.overlaps(self.admin.listen):
            refuse(
                f"s3.listen and admin.listen both take port {self.s3.listen.port}: "
                "give admin.listen another",
            )
        self._check_webhdfs()
        if self.limits.head_bytes_max < self.s3.header_bytes_max:
            refuse("limits.head_bytes_max is less than s3.header_bytes_max: make it larger")
        parts = urlsplit(self.origin.endpoint or "")
        if parts.hostname and parts.port:
            origin = Address(parts.hostname, parts.port)
            if origin == self.s3.listen:
                refuse("origin.endpoint is s3.listen, Forebay itself: name the bucket's server")
        refuse_twins("identities.name", (one.name for one in self.identities))
        keys = [one.access_key for one in self.identities]
        refuse_twins("identities.access_key", filter(None, keys))
        if keys.count(None) > 1:
            refuse("more than one of identities is anonymous: who signs nothing is one")
        refuse_twins("groups.name", (one.name for one in self.groups))
        self._check_membership()
        refuse_twins("roles.name", (one.name for one in self.roles))
        refuse_twins("oidc.name", (one.name for one in self.oidc))
        refuse_twins("oidc.issuer", (one.issuer for one in self.oidc))
        check_roles(self.roles, self.groups, self.oidc)
        refuse_twins("rules.match", (one.match for one in self.rules))
        self._check_listing()
        return self

    def _check_webhdfs(self) -> None:
        for name in ("s3", "admin"):
            listen = getattr(self, name).listen
            if self.webhdfs.listen is not None and self.webhdfs.listen.overlaps(listen):
                refuse(
                    f"{name}.listen and webhdfs.listen both take port {listen.port}: "
                    "give webhdfs.listen another"
                )

    def _check_listing(self) -> None:
        listed = [one.match for one in self.rules if one.batch_validation]
        if listed and self.origin.list_consistency != "strong":
            refuse(
                f'the rule "{listed[0]}" has batch_validation, which needs origin.list_consistency '
                '= "strong": ask `forebay doctor` whether the origin\'s LIST is'
            )

    def _check_membership(self) -> None:
        known = [group.name for group in self.groups]
        for identity in self.identities:
            if identity.policy is None and not identity.groups:
                refuse(f'the identity "{identity.name}" has neither policy nor groups: add one')
            for name in identity.groups:
                if name not in known:
                    near = f', the nearest is "{nearest(name, known)}"' if known else ""
                    refuse(
                        f'identities "{identity.name}" names the group "{name}", which is not '
                        f"in [[groups]]{near}: add or correct it"
                    )
