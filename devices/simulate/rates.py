"""How much waste a department makes: rates of our own in the order of magnitude of published ones (pure).

Published per bed and day, infectious only: 0.44 kg in 36,817 beds of regional hospitals and 0.60 in medical centres
(Taiwan, PMC7133359 table 2), 0.17 in twelve hospitals (Gujranwala, Waste Management & Research 34:87, 2016). Intensive
care: 2 kg of other than general waste a bed and day (McGain et al., Anaesthesia 64:1299, 2009). Operations: 11.5 kg
of regulated waste each, a third of a hospital's (Shinn et al., Korean J Anesthesiol 70:100, 2017). Dialysis: half of
2.1 to 3.9 kg a session is clinical (ANZSN). Laboratory: 0.2 to 0.3 kg an examinee (Kalogiannidou & Komilis, RTESE'18).
Small amounts at weekends: Hamoda et al., J Environ Sci Health A 40:467, 2005.
"""

from __future__ import annotations

from typing import NamedTuple

from devices.simulate.numbers import Numbers

#: Net grams of a usual full bag; a single clinical bag of an intensive care unit weighed 5.2 kg.
BAG_G = 3_600
LEAST_G = 600
#: More containers of one department and day do not occur.
MOST_BAGS = 40


class DepartmentKind(NamedTuple):
    """What a department of a kind makes: ``g_per_bed`` grams a day for each bed of the hospital.

    ``weekend`` and ``festival`` are shares of that; ``others`` the categories besides infectious, with the chance of a
    container of them on a day and its share of the weight.
    """

    id: str
    zh: str
    en: str
    g_per_bed: float
    weekend: float
    festival: float
    others: tuple[tuple[str, float, float], ...]


_SHARPS = ("sharps", 0.5, 0.12)

#: Wards share the beds; a hospital has one of each of the others, the later ones only where it is large.
WARD = DepartmentKind("ward", "病区", "Ward", 190.0, 0.8, 0.6, (_SHARPS,))
OTHERS = (
    DepartmentKind("er", "急诊科", "Emergency", 45.0, 1.0, 0.9, (_SHARPS,)),
    DepartmentKind("lab", "检验科", "Laboratory", 32.0, 0.6, 0.5, (_SHARPS, ("chemical", 0.3, 0.2))),
    DepartmentKind("or", "手术室", "Operating theatre", 110.0, 0.5, 0.45, (_SHARPS, ("pathological", 0.8, 0.15))),
    DepartmentKind("icu", "重症医学科", "Intensive care", 60.0, 1.0, 0.95, (_SHARPS,)),
    DepartmentKind("hd", "血液净化中心", "Dialysis", 40.0, 0.6, 0.75, (_SHARPS,)),
    DepartmentKind("pivas", "静配中心", "Pharmacy", 14.0, 0.7, 0.6, (("pharmaceutical", 0.9, 0.5),)),
)
#: Beds of one ward.
WARD_BEDS = 60


class Portion(NamedTuple):
    """One container's content."""

    category: str
    net_g: int


def day_of(kind: DepartmentKind, beds: int, share: float, numbers: Numbers) -> list[Portion]:
    """The containers of one department and day; at least one. ``share``: of a usual day, as a weekend has."""
    total = max(LEAST_G, kind.g_per_bed * beds * share * numbers.uniform(0.87, 1.13))
    found = []
    rest = total
    for category, chance, part in kind.others:
        if numbers.chance(chance):
            found.append(Portion(category, max(150, round(total * part))))
            rest -= total * part
    bags = min(MOST_BAGS, max(1, round(rest / BAG_G)))
    whole = [numbers.uniform(0.8, 1.2) for _ in range(bags)]
    scale = rest / sum(whole)
    return [*(Portion("infectious", max(200, round(one * scale))) for one in whole), *found]


def visit_of(numbers: Numbers) -> list[Portion]:
    """What a clinic has after a week: a bag or two, and a sharps box now and then."""
    found = [Portion("infectious", numbers.whole(900, 4_200)) for _ in range(numbers.whole(1, 2))]
    if numbers.chance(0.4):
        found.append(Portion("sharps", numbers.whole(250, 900)))
    return found
