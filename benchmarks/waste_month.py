"""A month of a city's medical waste over Spring Festival through the real decide: silent while clean, exact when not.

Run: ``make month``, or a piece of it: ``python -m benchmarks.waste_month [--hospitals N] [--clinics N] [--points N]
[--first DATE] [--days N] [--mishaps SHARE | --clean] [--folder DIR]``. Without ``--mishaps`` and ``--clean`` both go by
side by side. There is one line a day. With ``--folder`` it can be stopped, and goes on when it is begun again; at the
end it says what is missing and what is too much, and leaves with 1 if anything is.
"""

from __future__ import annotations

import argparse
import datetime as dt
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import sqlalchemy as sa

from alerts.rules import pack_text, parse_pack
from benchmarks.waste_city import PACK, Offline, records
from devices.simulate.city import City
from devices.simulate.mishaps import Mishaps
from devices.simulate.waste import SPRING_2026, Days, Waste
from gateway import state
from gateway.journal.record import Record

#: The festival begins on the eleventh day and lasts nine.
FIRST = dt.date(2026, 2, 5)
DAY_MS = 86_400_000
#: Days after the last mishap: what it leads to within a week must show.
AFTER = 9
STAMP = 1_770_000_000
SHOWN = 20


def judged() -> set[str]:
    """Quantities that the shipped rules are about."""
    return {rule.quantity for rule in parse_pack(pack_text(PACK), PACK).rules if rule.quantity}


def differences(offline: Offline, mishaps: Mishaps | None) -> tuple[list[tuple[str, str, str]], list[tuple[str, str]]]:
    """What should have been found and was not - (kind of mishap, quantity, object) -, and what was found beside it."""
    quantities = judged()
    injected = mishaps.injected if mishaps is not None else []
    kinds = {one: mishap.kind for mishap in injected for one in mishap.truth() if one[0] in quantities}
    found = offline.alerts()
    return sorted((kinds[one], *one) for one in kinds.keys() - found), sorted(found - kinds.keys())


def states(offline: Offline) -> dict[str, int]:
    """How many containers are in which state."""
    table = state.containers
    query = sa.select(table.c.state, sa.func.count().label("number")).group_by(table.c.state)
    with offline.engine.connect() as connection:
        return {row.state: row.number for row in connection.execute(query)}


def run(options: argparse.Namespace, share: float, folder: Path) -> bool:
    """Let it go by, with a line a day; whether it was as it has to be."""
    name = f"{share:.0%} mishaps" if share else "clean"
    city = City.of(hospitals=options.hospitals, clinics=options.clinics, points=options.points)
    pace = Days(options.first)
    mishaps = Mishaps(5, share=share, first=1, last=max(1, options.days - AFTER)) if share else None
    waste = Waste(city, pace, seed=1, stamp=STAMP, closures=SPRING_2026, trouble=mishaps)
    offline = Offline(folder)
    _say(name, f"{len(city.hospitals)} hospitals, {len(city.clinics)} clinics, {options.days} days")
    midnight, events = pace.at(0, 0), None
    wall, cpu = time.perf_counter(), time.process_time()
    rest = offline.resume(records(waste, city, pace, options.days))

    def day_of(record: Record) -> int:
        return (record.time - midnight) // DAY_MS

    for day, chunk in groupby(rest, day_of):
        before = offline.fold.counters["custody_events"]
        events = before if events is None else events
        offline.decide(chunk)
        offline.save()
        took, done = time.perf_counter() - wall, offline.fold.counters["custody_events"] - events
        rate = f"{done / took:.0f} events/s, {(time.process_time() - cpu) / max(1, done) * 1e3:.1f} ms each"
        known = Counter(quantity.removeprefix("custody.") for quantity, _ in offline.alerts())
        alarms = ", ".join(f"{number} {quantity}" for quantity, number in known.most_common()) or "no alarm"
        _say(name, f"{options.first + dt.timedelta(days=day)}: {events + done} events, {took:.0f} s, {rate}; {alarms}")
    missed, extra = differences(offline, mishaps)
    _say(name, f"{len(mishaps.injected) if mishaps else 0} mishaps; containers {states(offline)}")
    _say(name, f"missed {len(missed)}: {missed[:SHOWN]}")
    _say(name, f"beside them {len(extra)}: {extra[:SHOWN]}")
    offline.close()
    return not missed and not extra


def main(arguments: Sequence[str]) -> int:
    """Run the clean month, that with mishaps, or both; 0 = all as it has to be."""
    parser = argparse.ArgumentParser(prog="benchmarks.waste_month")
    for option, usual in (("hospitals", 30), ("clinics", 570), ("points", 5), ("days", 30)):
        parser.add_argument(f"--{option}", type=int, default=usual)
    parser.add_argument("--first", type=dt.date.fromisoformat, default=FIRST, metavar="DATE")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--mishaps", type=float, metavar="SHARE")
    which.add_argument("--clean", action="store_true")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args(arguments)
    shares = [0.0] if options.clean else [options.mishaps] if options.mishaps else [0.0, 0.02]
    with tempfile.TemporaryDirectory(prefix="hygeia-month-") as temporary:
        folders = [(options.folder or Path(temporary)) / f"mishaps-{share}" for share in shares]
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        if len(shares) == 1:
            return 0 if run(options, shares[0], folders[0]) else 1
        with multiprocessing.get_context("spawn").Pool(len(shares)) as pool:
            well = pool.starmap(run, [(options, *one) for one in zip(shares, folders, strict=True)])
    return 0 if all(well) else 1


def _say(name: str, words: str) -> None:
    sys.stdout.write(f"{name}: {words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
