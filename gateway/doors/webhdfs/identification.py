"""What the pipeline needs to know of who asks."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway.doors.webhdfs.authentication import Who
from gateway.protocol.http.head import RequestHead


class Identifies(Protocol):
    """Judges claims (`authentication.WebHdfsAuthentication`)."""

    async def identify(self, head: RequestHead, remote: str, parameters: Mapping[str, str]) -> Who:
        """Return who asks; raises AuthenticationFailed and others."""
        ...

    def challenges(self, head: RequestHead, remote: str) -> Sequence[str]:
        """Return what a 401 says that would be taken."""
        ...

    def step(self, who: Who, operation: str, raw_path: str) -> str:
        """Return a pass for the second step of an operation on a path."""
        ...
