"""Which of a bucket's keys that wait are asked about one by one, and which together by a page.

A key alone is asked about at once, by HEAD. Only where one more question would queue behind those
under way (HEADs take clearly longer than one alone does) do keys wait, and then for the next
answer: by then as many as one LIST page is seen to show (`core/reach`) may be asked about by that
page, if it saves more HEADs than it costs, by what both took lately. The one that waits longest
decides which page it is, so that nobody is passed over.

A listing's density is not known before it is seen. Pages asked for in the dark have a credit, which
those that were worth it give back and HEADs earn slowly: a bucket whose keys lie far apart
costs a handful of useless pages, then one in so many HEADs, and its keys stop waiting.
This decides and remembers; what is asked, and the clock, are the caller's.
"""

from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from gateway.core.reach import Reach, before

ROOM_MIN: Final = 8.0
"""Questions about one bucket that may always be under way before others wait."""
ROOM_MAX: Final = 256.0
_ALONE_MAX: Final = 2
"""Beside at most so many others a HEAD takes as long as one alone."""
_SLOWER: Final = 1.5
_SLOWER_SECONDS: Final = 0.002
_LESS_ROOM: Final = 0.75
GAIN_MIN: Final = 4.0
"""Fewer keys than this are not worth a page, which is some hundred times a HEAD's bytes."""
_GAIN_OF_COST: Final = 2.0
_GAIN_HOPED: Final = 8.0
_NEWEST: Final = 0.25
"""How much the newest of what is averaged counts."""
CREDIT_MAX: Final = 4.0
CREDIT_OF_HEAD: Final = 1 / 128
_LEFT_IN_VAIN: Final = 0.95
"""What is left of the hope for pages when a key waited and was asked about alone after all."""


class Asking(Protocol):
    """Those who wait to hear of one key."""

    @property
    def key(self) -> str:
        """Return the key."""
        ...


Group = TypeVar("Group", bound=Asking)


@dataclass(frozen=True, slots=True)
class PagePlan(Generic[Group]):
    """A page to ask for, and those who may hear of their key by it, in the order of keys."""

    start_after: str
    groups: tuple[Group, ...]
    is_in_the_dark: bool
    """Whether nothing is known of what the page shows."""


class Batch(Generic[Group]):
    """One bucket's questions: those under way are counted, those that wait are kept."""

    def __init__(self) -> None:
        """Nobody waits, and nothing is known."""
        self._waiting: dict[str, Group] = {}  # the one that waits longest first
        self._by_page: dict[str | None, dict[str, None]] = {}
        self._page_of: dict[str, str | None] = {}
        self._passed_over: set[str] = set()
        self._asked: dict[str | None, None] = {}  # pages under way, the one in the dark as None
        self._reach = Reach()
        self._under_way = 0
        self._room = ROOM_MIN
        self._gain = _GAIN_HOPED
        self._credit = CREDIT_MAX
        self._alone_seconds = 0.0
        self._head_seconds = 0.0
        self._page_seconds = 0.0
        self._silent_until = 0.0

    def __len__(self) -> int:
        """Return how many keys wait."""
        return len(self._waiting)

    @property
    def is_idle(self) -> bool:
        """Return whether nothing waits and nothing is under way."""
        return not self._waiting and not self._under_way

    @property
    def gain_min(self) -> float:
        """Return how many keys a page must be expected to confirm: twice its cost in HEADs."""
        if not self._head_seconds or not self._page_seconds:
            return GAIN_MIN
        return max(GAIN_MIN, _GAIN_OF_COST * self._page_seconds / self._head_seconds)

    def keep(self, group: Group, now: float) -> bool:
        """Keep those of a key waiting for a page; False: they are to be asked about now, alone."""
        if not self._is_hopeful(now):
            return False
        # Beside a page that is on its way nobody is alone: the next one may confirm them together.
        is_listed = bool(self._asked) and self._reach.find(group.key) in self._asked
        if self._under_way < int(self._room) and not is_listed:
            return False
        self._put(group)
        return True

    def give_back(self, group: Group) -> None:
        """Keep those whose key the page did not reach; the next page may begin at their key."""
        self._passed_over.add(group.key)
        self._put(group)

    def take(self, key: str) -> Group:
        """Return who waits to hear of `key`, and let them wait no longer."""
        page = self._page_of.pop(key)
        del self._by_page[page][key]
        if not self._by_page[page]:
            del self._by_page[page]
        self._passed_over.discard(key)
        return self._waiting.pop(key)

    def next(self, now: float) -> PagePlan[Group] | Group | None:
        """Return what to ask now: by a page, or about one key alone; None: nothing yet."""
        if not self._waiting:
            return None
        is_hopeful = self._is_hopeful(now)
        if is_hopeful and self._under_way >= int(self._room):
            return None
        oldest = self._find_oldest(is_hopeful=is_hopeful)
        if oldest is None:
            return None
        page = self._page_of[oldest]
        is_payable = page is not None or self._credit >= 1
        if not is_hopeful or not is_payable or len(self._by_page[page]) < self.gain_min:
            self._gain *= _LEFT_IN_VAIN
            self._credit *= _LEFT_IN_VAIN
            return self.take(oldest)
        keys, start = sorted(self._by_page[page]), page
        if start is None:
            self._credit -= 1
            start = before(oldest if oldest in self._passed_over else keys[0])
            keys = [key for key in keys if key > start]
        self._asked[page] = None
        return PagePlan(start, tuple(self.take(key) for key in keys), page is None)

    def _find_oldest(self, *, is_hopeful: bool) -> str | None:
        """Return who waits longest, of those whose page is not being asked for already.

        Who came after that page was sent waits for its answer: the next one has more to confirm.
        """
        if not is_hopeful or not self._asked:
            return next(iter(self._waiting))
        return next((key for key in self._waiting if self._page_of[key] not in self._asked), None)

    def began(self) -> bool:
        """Note that a question is under way; return whether it is as good as alone."""
        self._under_way += 1
        return self._under_way <= _ALONE_MAX

    def head_ended(self, seconds: float, *, was_alone: bool) -> None:
        """Note that a HEAD was answered, or that it failed."""
        self._under_way -= 1
        self._head_seconds = _averaged(self._head_seconds, seconds)
        if was_alone:
            self._alone_seconds = _averaged(self._alone_seconds, seconds)
        self._credit = min(CREDIT_MAX, self._credit + CREDIT_OF_HEAD)
        if seconds > _SLOWER * self._alone_seconds + _SLOWER_SECONDS:
            self._room = max(ROOM_MIN, self._room * _LESS_ROOM)
        else:
            self._room = min(ROOM_MAX, self._room + 1)

    def page_ended(self, plan: PagePlan[Group], stop: str, gain: int, seconds: float) -> None:
        """Note that a page ended with the key `stop` and confirmed `gain` keys."""
        self._page_answered(plan)
        self._page_seconds = _averaged(self._page_seconds, seconds)
        self._gain += (gain - self._gain) * _NEWEST
        if plan.is_in_the_dark and gain >= self.gain_min:
            self._credit = min(CREDIT_MAX, self._credit + 1)
        if not self._reach.is_known(plan.start_after, stop):
            self._reach.learn(plan.start_after, stop)
            self._sort_anew()

    def page_failed(self, plan: PagePlan[Group], silent_until: float) -> None:
        """Note that a page could not be had; none is asked for until then."""
        self._page_answered(plan)
        self.be_silent(silent_until)

    def _page_answered(self, plan: PagePlan[Group]) -> None:
        self._under_way -= 1
        self._asked.pop(None if plan.is_in_the_dark else plan.start_after, None)

    def be_silent(self, until: float) -> None:
        """Ask for no page until then; who waits is asked about alone."""
        self._silent_until = max(self._silent_until, until)

    def _is_hopeful(self, now: float) -> bool:
        """Return whether a page may be expected to be worth it."""
        if now < self._silent_until:
            return False
        return self._gain >= self.gain_min or self._credit >= 1

    def _put(self, group: Group) -> None:
        key = group.key
        self._waiting[key] = group
        page = self._page_of[key] = self._reach.find(key)
        self._by_page.setdefault(page, {})[key] = None

    def _sort_anew(self) -> None:
        """Put every key that waits on the page that is now known to show it."""
        self._by_page.clear()
        for group in self._waiting.values():
            self._put(group)


def _averaged(known_seconds: float, seconds: float) -> float:
    return known_seconds + (seconds - known_seconds) * _NEWEST if known_seconds else seconds
