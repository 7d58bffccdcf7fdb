"""Takes snapshots beside a running worker, as `forebay snapshot create` does in its own process."""

import secrets

from gateway.assembly.core import make_origin
from gateway.core.recording import keeps_versions, recorded_pages
from gateway.model.snapshots import Snapshot
from gateway.model.voices import FOREBAY
from gateway.state.snapshots import Snapshots
from tests.support.gateway_worker import Gateway


class Taker:
    """Takes snapshots as `forebay snapshot create` does, and removes them in the end."""

    def __init__(self, gateway: Gateway) -> None:
        self.settings = gateway.settings
        self.clock = gateway.clock
        self.snapshots = Snapshots(
            gateway.settings.state.path / "snapshots", lambda: gateway.clock.time_ns() / 1e9
        )
        self.count = 0

    async def take(
        self, prefix: str, bucket: str = "bucket", *, seconds: float | None = None
    ) -> str:
        self.count += 1
        name = f"snap-{self.count}"
        async with make_origin(self.settings) as origin:
            by_versions = await keeps_versions(origin, bucket, FOREBAY)
            with self.snapshots.making(name) as making:
                async for rows in recorded_pages(
                    origin, bucket, prefix, FOREBAY, by_versions=by_versions
                ):
                    making.add(rows)
                expires_at = None if seconds is None else self.clock.time_ns() / 1e9 + seconds
                snapshot = Snapshot(
                    name, secrets.token_hex(8), bucket, prefix, "2026-11-28T00:00:00Z", expires_at,
                    *making.counted(), has_versions=by_versions, by="test",
                )  # fmt: skip
                self.snapshots.publish(making, snapshot)
        return name
