"""Waiting for a condition with a deadline, since no test sleeps for a time it guessed."""

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

Value = TypeVar("Value")


def wait_until(condition: Callable[[], Value], *, seconds_max: float = 20.0) -> Value:
    """Return the condition's first true value; fail when there is none by the deadline."""
    deadline = time.monotonic() + seconds_max
    pause = Event()
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {seconds_max} s: {condition}")
        pause.wait(0.01)
    return value
