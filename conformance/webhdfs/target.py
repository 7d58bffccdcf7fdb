"""What the suite is run against: real HDFS as the reference, or Forebay before an origin."""

from dataclasses import dataclass
from pathlib import Path

from conformance.support.raw_s3 import Place, RawS3
from conformance.webhdfs.playing import Door

HDFS = "hdfs"
FOREBAY = "forebay"


@dataclass(frozen=True, slots=True)
class Target:
    """A running target and everything that clients are told about it."""

    name: str
    door: Door
    """Where user names are believed."""
    bucket: str
    folder: Path
    """For files of the run."""
    witness: RawS3 | None = None
    """Asks the origin itself; None where there is no S3."""
    s3: Place | None = None
    """Forebay's S3 door."""
    secure: "Secure | None" = None
    """The same behind TLS, where passwords are taken."""
    pid: int = 0
    """Of the gateway's supervisor."""

    @property
    def url(self) -> str:
        """Return the door's URL."""
        return f"http://{self.door.authority}"

    @property
    def is_forebay(self) -> bool:
        """Return whether it is the door under test."""
        return self.name == FOREBAY


@dataclass(frozen=True, slots=True)
class Secure:
    """A door with TLS, and one identity's keys."""

    authority: str
    ca_file: Path
    access_key: str
    secret_key: str
