"""What can go wrong, in the words of the domain; each door maps it to its wire once (pure)."""

from collections.abc import Mapping
from typing import Final


class Failure(Exception):  # noqa: N818 - the noun of the glossary
    """The root: a sentence for people, and the wire code where a standard fixes one."""

    code = "InternalError"

    def __init__(self, message: str = "", *, code: str | None = None, resource: str = "") -> None:
        """Keep the sentence, the S3 code when it differs from the class's own, and the resource."""
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.resource = resource


class InvalidRequest(Failure):
    """The client's request is malformed, out of bounds or contradicts itself."""

    code = "InvalidRequest"


class AuthenticationFailed(Failure):
    """Who asks could not be proven."""

    code = "AccessDenied"


class AccessDenied(Failure):
    """Who asks is known and may not."""

    code = "AccessDenied"


class NotFound(Failure):
    """The named thing does not exist."""

    code = "NoSuchKey"


FILE_CONFLICTS: Final = frozenset(
    {"FileExists", "NotADirectory", "IsADirectory", "DirectoryNotEmpty", "CrossDevice"}
)


class FileConflict(Failure):
    """What stands at a path forbids it; `code` is one of FILE_CONFLICTS.

    `CrossDevice` is a rename from one bucket, or mount, to another. The S3 door has no paths and
    never meets one.
    """

    code = "FileExists"


class PreconditionFailed(Failure):
    """A conditional header was judged false (RFC 9110 13); `condition` names it."""

    code = "PreconditionFailed"

    def __init__(self, condition: str) -> None:
        """Keep the header's name, which the 412 must carry."""
        super().__init__("At least one of the pre-conditions you specified did not hold")
        self.condition = condition


class NotModified(Failure):
    """The client's copy is current (304)."""

    code = "NotModified"


class RangeNotSatisfiable(Failure):
    """The range lies outside the body; `size` is the body's."""

    code = "InvalidRange"

    def __init__(self, size: int) -> None:
        """Keep the size that the 416 must carry."""
        super().__init__("The requested range is not satisfiable")
        self.size = size


class BodyMismatch(Failure):
    """A body is not what its digest, signature, checksum or length said."""

    code = "BadDigest"


class NotSupported(Failure):
    """Forebay or the origin cannot do this, and does not pretend."""

    code = "NotImplemented"


class Overloaded(Failure):
    """A bound of Forebay's is reached; the client should come back."""

    code = "SlowDown"

    def __init__(self, message: str = "", *, retry_seconds: float = 2.0) -> None:
        """Keep after how long it is worth to come back."""
        super().__init__(message)
        self.retry_seconds = retry_seconds


class OriginUnreachable(Failure):
    """The origin could not be asked (semantics: unreachable is not deleted)."""

    code = "ServiceUnavailable"


class NotAtHand(Failure):
    """The request forbids asking the origin, and what it wants is not here (RFC 9111 5.2.1.7)."""

    code = "GatewayTimeout"


class OriginRefused(Failure):
    """The origin answered with an error, which is passed on as it is."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Keep the whole answer; `body` is bounded by the reader."""
        super().__init__(f"the origin answered {status}")
        self.status = status
        self.headers = headers
        self.body = body


class VersionChanged(Failure):
    """The origin no longer serves the version that a read is pinned to (412 on a gap read)."""


class FlashTrouble(Failure):
    """Flash cannot be read or written now; the caller goes around it."""
