"""Flame graphs of a hit beside each other, to one scale: from folded stacks to a small SVG.

    py-spy record --native -r 400 -f raw -o new.folded -d 6 --pid WORKER
    python -m conformance.performance.flames "before, 93 us=93=before.folded" ... > docs/hit.svg

A graph is as wide as a hit's CPU, and a frame as its share of the samples.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

_ROOT = "_run_once"
_PIXELS_A_MICROSECOND = 9.0
_ROW_PIXELS, _LETTER_PIXELS = 15, 6.3
_PIXELS_MIN = 4.0
_DEPTH_MAX = 22
_LEFT_OUT = ("Handle._run", "(libc", "_step", ".c)", ".h)", "<listcomp>", "(<string>)")
_COLOURS = {"gateway": "#e8a33d", "aiohttp": "#7fb069", "asyncio": "#8fb3d9", "": "#c9c9c9"}

Stack = tuple[str, ...]


def read_stacks(path: Path) -> Counter[Stack]:
    """Return the samples below the loop's turn, a frame as `function (room/file.py)`."""
    stacks: Counter[Stack] = Counter()
    for line in path.read_text().splitlines():
        told, _, count = line.rpartition(" ")
        if _ROOT not in told:
            continue
        frames = [re.sub(r":\d+\)$", ")", frame) for frame in told.split(";")]
        start = next(at for at, frame in enumerate(frames) if _ROOT in frame)
        below = [frame for frame in frames[start + 1 :] if not _is_left_out(frame)]
        stacks[tuple(below[:_DEPTH_MAX])] += int(count)
    return stacks


def _is_left_out(frame: str) -> bool:
    """Return whether a frame is machinery below a call; the kernel's calls are kept."""
    is_call = frame.startswith(("send (", "recv (", "preadv64v2 (", "epoll_wait ("))
    return not is_call and any(part in frame for part in _LEFT_OUT)


def _drawn(stacks: Counter[Stack], left: float, top: int, width: float) -> Iterator[str]:
    """Yield the boxes of these stacks, and of those below them."""
    total = sum(stacks.values())
    children: dict[str, Counter[Stack]] = {}
    for stack, count in stacks.items():
        if stack:
            children.setdefault(stack[0], Counter())[stack[1:]] += count
    for frame, below in sorted(children.items(), key=lambda one: -sum(one[1].values())):
        wide = width * sum(below.values()) / total
        if wide >= _PIXELS_MIN:
            yield _box(frame, left, top, wide)
            yield from _drawn(below, left, top + _ROW_PIXELS, wide)
        left += wide


def _box(frame: str, left: float, top: int, wide: float) -> str:
    name, _, where = frame.partition(" (")
    colour = _COLOURS.get(where.split("/")[0], _COLOURS[""])
    letters = int((wide - 4) / _LETTER_PIXELS)
    shown = name.rpartition(".")[2] if len(name) > letters else name
    text = f'<text x="{left + 2:.0f}" y="{top + 11}">{escape(shown[:letters])}</text>'
    return (
        f'<rect x="{left:.1f}" y="{top}" width="{wide:.1f}" height="{_ROW_PIXELS - 1}" '
        f'fill="{colour}"><title>{escape(frame)}</title></rect>{text if letters > 2 else ""}'
    )


def main(words: list[str]) -> int:
    """Print the picture of `TITLE=MICROSECONDS=FILE` for each word."""
    parts, top, widest = [], 4, 0.0
    for word in words:
        title, microseconds, path = word.rsplit("=", 2)
        width = float(microseconds) * _PIXELS_A_MICROSECOND
        widest = max(widest, width)
        parts.append(f'<text x="2" y="{top + 12}" font-weight="bold">{escape(title)}</text>')
        boxes = list(_drawn(read_stacks(Path(path)), 0.0, top + 18, width))
        parts += boxes
        depth = max(int(found) for box in boxes for found in re.findall(r' y="(\d+)" width', box))
        top = depth + 2 * _ROW_PIXELS
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{widest:.0f}" height="{top}" '
    sys.stdout.write(f'{head}font-family="monospace" font-size="10">\n' + "\n".join(parts))
    sys.stdout.write("\n</svg>\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
