"""Figures of one device for a run of windows, from the series that the store gave back (pure)."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from gateway.periods.book import Book, Channel, Guard, Span
from gateway.periods.figures import Figures, Sample, Work, figures
from gateway.periods.windows import WINDOW_MS
from gateway.store.influx_query import Found
from gateway.store.lines import NS_PER_MS, plain


class Where(NamedTuple):
    """The labels under which figures stand, as tags keep them."""

    place: str = "-"
    unit: str = "-"
    district: str = "-"


class Line(NamedTuple):
    """Figures of one channel at one place in the window that starts at ``start``."""

    device: str
    where: Where
    point: str
    parameter: str
    start: int
    figures: Figures


#: A state says something for so long; see ``devices.model.Channel.valid_when``.
STATE_MS = 24 * 3_600_000
#: Samples of a window by place and channel.
_Samples = dict[Where, dict[Channel, list[Sample]]]


#: (where, point, parameter, start): which figures of a device.
Stood = tuple[Where, str, str, int]


def work_out(  # noqa: PLR0917 - what figures are worked out from
    book: Book,
    device: str,
    windows: range,
    found: Sequence[Found],
    works: Sequence[Work],
    stood: Mapping[Stood, int] | None = None,
) -> Iterator[Line]:
    """All figures of a device that are not empty, window by window.

    ``found`` are the device's series with the readings of the run, and older states of channels that say whether others
    count (columns: time in ns, then fields); labels are those of the series. What was due
    stands where the registry says; where the readings all came under other labels (the
    device was moved later and nobody dated it), it stands where most of them are.

    ``stood``: readings alone changed, and this was due before. It stays so whatever the registry says by now without a
    date, but for channels that promise nothing; a channel of which nothing stood and nothing came was not there.
    """
    start, end = windows[0], windows[-1] + WINDOW_MS
    spans = book.spans(device, start, end)
    samples = _samples(found)
    guards = book.guards(device, start)
    if guards:
        _apply(guards, samples)
    homes = [None if span.labels is None else _where(span) for span in spans]
    for window in windows:
        own = samples.get(window, {})
        inside = [
            (span, home)
            for span, home in zip(spans, homes, strict=True)
            if span.start < window + WINDOW_MS and span.end > window
        ]
        yield from _window(book, device, window, own, inside, works, stood)


def _stood(stood: Mapping[Stood, int], key: Stood) -> int | None:
    """What was due before; 0 where it was due under other labels, None where nobody knew of the channel."""
    due = stood.get(key)
    if due is None and any(one[1:] == key[1:] for one in stood):
        return 0
    return due


def _where(span: Span) -> Where:
    assert span.labels is not None
    return Where(plain(span.labels.place), plain(span.labels.unit), plain(span.labels.district))


def _samples(found: Sequence[Found]) -> dict[int, _Samples]:
    """Every reading by window, place and channel."""
    samples: dict[int, _Samples] = {}
    for one in found:
        tags = one.tags
        where = Where(tags.get("place") or "-", tags.get("unit") or "-", tags.get("district") or "-")
        point = tags.get("point") or "-"
        at = {column: n for n, column in enumerate(one.columns)}
        columns = [
            ((point, name), n, at.get(f"{name}_flag"), at.get(f"{name}_q"))
            for name, n in at.items()
            if n and not name.endswith(("_flag", "_q"))
        ]
        for row in one.values:
            ts = row[0] // NS_PER_MS
            own = samples.setdefault(ts - ts % WINDOW_MS, {}).setdefault(where, {})
            for channel, n, flag, qualifier in columns:
                if row[n] is not None:
                    own.setdefault(channel, []).append(
                        Sample(
                            ts,
                            row[n],
                            (flag and row[flag]) or "N",
                            (qualifier and row[qualifier]) or "",
                        )
                    )
    return samples


def _apply(guards: dict[Channel, Guard], samples: dict[int, _Samples]) -> None:
    """Mark the samples of which the guard, as heard last up to their time in the run, says that they do not count."""
    states: dict[Channel, list[tuple[int, float]]] = {}
    wanted = {(guard.point, guard.parameter) for guard in guards.values()}
    for window in samples.values():
        for place in window.values():
            for channel in wanted & place.keys():
                states.setdefault(channel, []).extend((one.ts, one.value) for one in place[channel])
    for seen in states.values():
        seen.sort()
    for window in samples.values():
        for place in window.values():
            for channel in guards.keys() & place.keys():
                guard = guards[channel]
                seen = states.get((guard.point, guard.parameter), [])
                place[channel] = [one._replace(valid=_on(seen, one.ts, guard.state)) for one in place[channel]]


def _on(seen: list[tuple[int, float]], ts: int, state: float) -> bool:
    """Whether the newest state up to ``ts`` is the wanted one, or none of the last day is known."""
    at = bisect_right(seen, (ts, float("inf")))
    return at == 0 or seen[at - 1][0] < ts - STATE_MS or seen[at - 1][1] == state


def _window(  # noqa: PLR0917 - what one window is worked out from
    book: Book,
    device: str,
    window: int,
    samples: _Samples,
    spans: Sequence[tuple[Span, Where | None]],
    works: Sequence[Work],
    stood: Mapping[Stood, int] | None,
) -> Iterator[Line]:
    homes = {home for _, home in spans if home is not None}
    adopted = None
    if samples and homes and not homes & samples.keys():
        most = Counter({where: sum(map(len, own.values())) for where, own in samples.items()})
        adopted = min(where for where, n in most.items() if n == max(most.values()))
    for where in sorted({adopted} if adopted else homes) + sorted(samples.keys() - homes - {adopted}):
        own = samples.get(where, {})
        due = where == adopted or where in homes
        channels = list(own)
        if due:
            listed = [
                channel
                for span, home in spans
                if home is not None and (where in {home, adopted})
                for channel in book.channels(device, span.start)
            ]
            channels = list(dict.fromkeys([*listed, *own]))
        for channel in channels:
            if stood is not None and channel not in own and (where, *channel, window) not in stood:
                continue
            terms = []
            for span, home in spans:
                here = home is not None and where in {home, adopted}
                held = book.terms(device, channel, "" if where == home else where.place, span, due=here)
                terms.append(held._replace(start=max(span.start, window), end=min(span.end, window + WINDOW_MS)))
            made = figures(own.get(channel, ()), terms, works)
            if stood and all(one.interval != 0 for one in terms):
                due_before = _stood(stood, (where, *channel, window))
                made.due = made.due if due_before is None else due_before
            if not made.empty:
                yield Line(device, where, *channel, window, made)
