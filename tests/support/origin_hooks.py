"""Hooks for the embedded origin: what tests do to one call among many."""

from collections.abc import Callable

from gateway.demo.origin_calls import Call
from gateway.demo.origin_faults import Fault, FaultHook


def once(method: str, fault: Fault, *, key: str | None = None) -> FaultHook:
    """Disturb the first request of that method (and key)."""
    left = [fault]

    def hook(call: Call) -> Fault | None:
        is_meant = call.method == method and key in (None, call.key)
        return left.pop() if left and is_meant else None

    return hook


def always(fault: Fault, *, method: str | None = None, key: str | None = None) -> FaultHook:
    """Disturb every request of that method and key; each may be left open."""

    def hook(call: Call) -> Fault | None:
        return fault if method in (None, call.method) and key in (None, call.key) else None

    return hook


def before(
    is_meant: Callable[[Call], bool], act: Callable[[], object], *, count: int = 1
) -> FaultHook:
    """Do something at the origin before the first `count` calls that are meant are carried out."""
    left = [act] * count

    def hook(call: Call) -> Fault | None:
        if left and is_meant(call):
            left.pop()()
        return None

    return hook


def is_gap_read(call: Call) -> bool:
    """Return whether the call is a read pinned to a version."""
    return call.method == "GET" and "if-match" in call.headers
