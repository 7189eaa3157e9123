"""Words for the names that waste and alerts are written with: categories, steps, manifests, rules."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import yaml
from grafana_foundation_sdk.models.dashboard import VariableOption

from custody.words import CATEGORIES as CATEGORY_WORDS
from custody.words import STEPS as STEP_WORDS
from dashboards.grafana.look import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, YELLOW, Codes
from dashboards.grafana.variables import ALL, Variable, choice
from dashboards.grafana.words import Scene, Words

_COLORS = {
    "infectious": YELLOW,
    "sharps": RED,
    "pathological": PURPLE,
    "pharmaceutical": GREEN,
    "chemical": BLUE,
}
CATEGORIES: Codes = {
    name: (Words(said["zh"], said["en"]), _COLORS.get(name, GREY)) for name, said in CATEGORY_WORDS.items()
} | {"-": (Words("未分类", "No category"), GREY)}
STEPS: Codes = {name: (Words(said["zh"], said["en"]), "") for name, said in STEP_WORDS.items()}
MANIFESTS: Codes = {
    "loading": (Words("装车中", "Loading"), SKY),
    "departed": (Words("运输中", "On the road"), BLUE),
    "received": (Words("已接收，待确认", "Received, to be confirmed"), ORANGE),
    "confirmed": (Words("已确认", "Confirmed"), GREEN),
    "refused_in_part": (Words("部分拒收", "Refused in part"), RED),
}


def several(scene: Scene, name: str, label: Words, codes: Codes) -> Variable:
    """A choice among codes by their words, at first All: that also holds values which have no words."""
    made = choice(scene, name, label, {code: words for code, (words, _) in codes.items()}, chosen=(), multi=True)
    made.include_all = True
    made.all_value = ALL
    made.current = VariableOption(selected=True, text=["All"], value=["$__all"])
    return made


@cache
def rules(pack: str = "") -> Codes:
    """The titles of the rules of a shipped pack, or of all; a rule of one's own shows its id."""
    found: Codes = {}
    for file in sorted((files("alerts") / "packs").iterdir(), key=lambda one: one.name):
        if file.name.endswith(".yaml") and pack in {"", file.name.removesuffix(".yaml")}:
            written = yaml.safe_load(file.read_text(encoding="utf-8"))
            titles = {rule["id"]: rule["title"] for rule in written["rules"]}
            found = {name: (Words(title["zh"], title["en"]), "") for name, title in titles.items()} | dict(found)
    return found


def waste_rules() -> tuple[str, ...]:
    """The ids of the rules about medical waste."""
    return tuple(rules("medical-waste-cn"))
