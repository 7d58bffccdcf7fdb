"""Pinning on request: noted for all processes, and what is there is gathered at once."""

from gateway.flash.lifeline import Lifeline
from gateway.flash.pin_list import read_pins, write_pins
from gateway.flash.pins import gather, held_bytes
from gateway.flash.purposes import Purpose, Stream
from gateway.flash.volume import Volume
from gateway.model.failures import FlashTrouble


def pin(lifeline: Lifeline, prefix: str) -> None:
    """Never evict what begins with `prefix`; on the keeper's thread.

    Raises FlashTrouble, in words, where it is more than may be pinned: then nothing is pinned.
    """
    volume = _live(lifeline)
    pins = read_pins(volume.directory_fd, volume.keys)
    wanted = 0 if prefix in pins else held_bytes(volume, prefix)
    bytes_max = lifeline.keeping.pinned_bytes_max
    too_much = f"it is more than may be pinned, which is {bytes_max} bytes in all"
    if wanted + _pinned_bytes(lifeline, volume) > bytes_max:
        raise FlashTrouble(too_much)
    _note(lifeline, volume, (*pins, prefix))
    terms = lifeline.keeping.terms_of_pin(prefix)
    if not gather(volume, prefix, Purpose(Stream.KEPT, terms.group), lifeline.renew_active):
        unpin(lifeline, prefix)
        raise FlashTrouble(too_much)


def unpin(lifeline: Lifeline, prefix: str) -> None:
    """Let what begins with `prefix` be evicted again; raises FlashTrouble if it is not pinned."""
    volume = _live(lifeline)
    pins = read_pins(volume.directory_fd, volume.keys)
    if prefix not in pins:
        raise FlashTrouble("it is not pinned")
    _note(lifeline, volume, tuple(one for one in pins if one != prefix))


def _pinned_bytes(lifeline: Lifeline, volume: Volume) -> int:
    groups = lifeline.keeping.groups
    pinned = {group for group, terms in groups.items() if terms.is_pinned}
    with volume.lock.held():
        standing = volume.space.standing()
    return sum(one.occupied_bytes for one in standing if one.label.purpose.group in pinned)


def _note(lifeline: Lifeline, volume: Volume, pins: tuple[str, ...]) -> None:
    with volume.lock.held():
        write_pins(volume.directory_fd, tuple(dict.fromkeys(pins)), volume.keys)
    lifeline.look_at_pins(volume)


def _live(lifeline: Lifeline) -> Volume:
    if lifeline.live is None:
        raise FlashTrouble("flash is bypassed")
    return lifeline.live
