"""A city's medical waste: its hospitals, clinics, collection points, carrier and plant, with all that they own (pure).

The city only says who there is and what stands where; ``devices.simulate.chains`` lets them work. Names of people do
not occur: a person is an id and a badge.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from devices.simulate.rates import OTHERS, WARD, WARD_BEDS, DepartmentKind

#: Division of the scales, in grams: at wards, stores and points, and at the plant.
WARD_DIVISION_G = 10
STORE_DIVISION_G = 20
PLANT_DIVISION_G = 50
#: Clinics on one vehicle's round.
ROUND = 38
#: Every so many-th clinic is visited when it calls, not weekly.
CALLS_EVERY = 9
BIN_TARE_G = 12_000
#: A hospital that has bins has one for so many beds.
BIN_BEDS = 150

CARRIER = "carrier-1"
PLANT = "plant-1"


@dataclass(frozen=True, slots=True)
class Post:
    """A terminal at a place, with its scale (empty: it has none)."""

    terminal: str
    place: str
    unit: str
    kind: str
    scale: str = ""
    division_g: int = 0


@dataclass(frozen=True, slots=True)
class Department:
    """A department of a hospital, who hands over there, and the terminal that is used there."""

    place: str
    kind: DepartmentKind
    number: int
    beds: int
    nurse: str
    post: Post


@dataclass(frozen=True, slots=True)
class Truck:
    """A vehicle with its terminal and driver."""

    id: str
    post: Post
    driver: str


@dataclass(frozen=True, slots=True)
class Hospital:
    """A hospital. ``tagged``: its bags have an RFID tag beside the label; ``morning``: fetched on the next morning.

    ``bins`` are its re-usable ones, empty where bags are loaded as they are. ``truck`` is who fetches.
    """

    id: str
    number: int
    beds: int
    departments: tuple[Department, ...]
    collector: str
    keeper: str
    store: Post
    truck: Truck | None
    tagged: bool = False
    morning: bool = False
    bins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """A collection point of a street, and the truck that brings and fetches."""

    id: str
    number: int
    keeper: str
    post: Post
    truck: Truck


@dataclass(frozen=True, slots=True)
class Clinic:
    """A clinic, visited on ``weekday`` (1 to 6) or when it ``calls``; ``point`` takes its boxes, else the plant."""

    id: str
    place: str
    number: int
    person: str
    weekday: int
    calls: bool
    truck: Truck
    point: Point | None


@dataclass(slots=True)
class City:
    """Everybody. ``plant`` is its gate with the scale; ``own`` has each unit's people beside those named elsewhere."""

    terminals: list[str] = field(default_factory=list)
    people: list[tuple[str, str, str]] = field(default_factory=list)
    hospitals: list[Hospital] = field(default_factory=list)
    clinics: list[Clinic] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    trucks: list[Truck] = field(default_factory=list)
    plant: Post | None = None
    gatekeeper: str = ""
    stoker: str = ""

    @classmethod
    def of(cls, *, hospitals: int, clinics: int, points: int = 0, beds: int | None = None) -> City:
        """A city with a terminal in every department; hospitals of 80 to 900 beds, or of ``beds`` each."""
        city = cls()
        city._plant()
        trucks = max(1, (hospitals + 7) // 8 + (clinics + ROUND - 1) // ROUND)
        for _ in range(trucks):
            city._truck()
        for number in range(hospitals):
            city._hospital(number, beds=beds or 80 + 97 * number % 830, own_terminals=True)
        for _ in range(points):
            city._point()
        for _ in range(clinics):
            city._clinic()
        return city

    @classmethod
    def with_terminals(cls, count: int) -> City:
        """A small city with exactly so many terminals; one or two terminals are a hospital without carrier or plant."""
        city = cls()
        if count >= 3:
            city._plant()
            for _ in range(max(1, (count - 1) // 9)):
                city._truck()
        rest = count - len(city.terminals)
        for number in range(max(1, rest // 2) if rest else 0):
            city._hospital(number, beds=60 + 30 * (number % 3), own_terminals=False, terminals=2 if rest > 1 else 1)
        while len(city.terminals) < count:
            city._point()
        for _ in range(3 * len(city.trucks) + 3 * len(city.points)):
            city._clinic()
        return city

    def _post(self, place: str, unit: str, kind: str, division_g: int) -> Post:
        terminal = f"scale-{len(self.terminals) + 1}"
        self.terminals.append(terminal)
        return Post(terminal, place, unit, kind, f"bs-{terminal}" if division_g else "", division_g)

    def _person(self, unit: str, role: str) -> str:
        """The badge of one more person."""
        badge = f"{100_001 + len(self.people)}"
        self.people.append((badge, unit, role))
        return badge

    def _plant(self) -> None:
        self.plant = self._post(f"{PLANT}-gate", PLANT, "disposal_plant", PLANT_DIVISION_G)
        self.gatekeeper, self.stoker = (self._person(PLANT, "operator") for _ in range(2))

    def _truck(self) -> None:
        name = f"v-{len(self.trucks) + 1}"
        post = self._post(f"{name}-box", CARRIER, "vehicle", STORE_DIVISION_G)
        self.trucks.append(Truck(name, post, self._person(CARRIER, "driver")))

    def _hospital(self, number: int, *, beds: int, own_terminals: bool, terminals: int = 2) -> None:
        unit = f"hosp-{number + 1}"
        room = f"{unit}-store"
        store = self._post(room, unit, "waste_store", STORE_DIVISION_G)
        shared = None
        if not own_terminals:
            # One that goes round on the trolley; a hospital with a single terminal has it at the store.
            shared = self._post(room, unit, "waste_store", WARD_DIVISION_G) if terminals > 1 else store
        departments = []
        wards = max(1, beds // WARD_BEDS)
        kinds = [(WARD, n + 1) for n in range(wards)] + [(kind, 1) for kind in OTHERS[: 2 + beds // 120]]
        for kind, n in kinds:
            place = f"{unit}-{kind.id}{n}" if kind is WARD else f"{unit}-{kind.id}"
            post = shared or self._post(place, unit, "department", WARD_DIVISION_G)
            share = beds // wards if kind is WARD else beds
            departments.append(Department(place, kind, n, share, self._person(unit, "operator"), post))
        tagged = own_terminals and number % 3 == 1
        bins = tuple(f"BIN-{unit}-{n + 1}" for n in range(1 + beds // BIN_BEDS)) if tagged else ()
        self.hospitals.append(
            Hospital(
                unit,
                number,
                beds,
                tuple(departments),
                self._person(unit, "collector"),
                self._person(unit, "operator"),
                store,
                self.trucks[number // 8 % len(self.trucks)] if self.trucks else None,
                tagged,
                number % 3 == 2,
                bins,
            )
        )

    def _point(self) -> None:
        unit = f"point-{len(self.points) + 1}"
        post = self._post(f"{unit}-room", unit, "collection_point", STORE_DIVISION_G)
        truck = self.trucks[-1 - len(self.points) % len(self.trucks)]
        self.points.append(Point(unit, len(self.points), self._person(unit, "operator"), post, truck))

    def _clinic(self) -> None:
        number = len(self.clinics)
        unit = f"clinic-{number + 1}"
        point, weekday = None, number // 3 % 6 + 1
        if self.points and number % 10 < 3:
            point = self.points[number // 10 % len(self.points)]
            # Some of them on each day, so that the point is never empty when it is fetched.
            weekday = sum(one.point is point for one in self.clinics) % 6 + 1
        truck = point.truck if point else self.trucks[number // ROUND % len(self.trucks)]
        self.clinics.append(
            Clinic(
                unit,
                f"{unit}-room",
                number,
                self._person(unit, "operator"),
                weekday,
                point is None and number % CALLS_EVERY == CALLS_EVERY - 1,
                truck,
                point,
            )
        )
