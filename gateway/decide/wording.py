"""The names that people read of an alert: place, unit, rule, parameter, whom to call (pure). Never addresses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alerts.alert import Alert, side_of
from alerts.notify import Told, Words
from alerts.pack import Pack
from devices.parameters import CATALOGUE
from devices.registry import Registry


class Wording:
    """Looks names up in registry and packs."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._packs: dict[str, Pack] = {}
        #: Titles of rules by pack and rule; also of those that are gone, while alerts may still be open under them.
        self.titles: dict[str, dict[str, Words]] = {}

    def use(self, packs: Sequence[Pack]) -> None:
        """Take the titles of these packs; those of rules that are gone stay, for alerts that are still open."""
        self._packs = {pack.id: pack for pack in packs}
        for pack in packs:
            titles = self.titles.setdefault(pack.id, {})
            for rule in pack.rules:
                titles[rule.id] = Words(rule.title.zh, rule.title.en)

    def told(self, alert: Alert, person: str, at: int) -> Told:
        """What ``person`` (empty = a group) reads; ``call`` is an id, whose name and number delivery knows."""
        call = self._call(alert, person, at)
        return Told(
            place=self._name("places", alert.place, at) if alert.place else self._name("devices", alert.device, at),
            unit=self._name("units", alert.unit, at),
            rule=self.rule(alert),
            parameter=parameter(alert.parameter),
            call=Words(call, call),
            kind=alert.kind,
            device=self._name("devices", alert.device, at),
            side=_side(alert),
            verified=self._verified(alert, at),
            mine=person != "" and alert.assigned_to == person,
        )

    def rule(self, alert: Alert) -> Words:
        """The title of an alert's rule; its id where no pack has it."""
        titles = self.titles.get(alert.pack, {})
        found = titles.get(alert.rule) or titles.get(alert.early_of)
        if found is None:
            return GATEWAY.get(alert.rule, Words(alert.rule, alert.rule))
        return Words(f"{found.zh}（预警）", f"{found.en} (early warning)") if alert.early_of else found

    def _verified(self, alert: Alert, at: int) -> bool:
        """Whether somebody compared the limit of an alert with its source; True where it has none, or it is not known.

        The value finds the limit: one that the place sets itself, with a reason, is nobody's to confirm.
        """
        pack = self._packs.get(alert.pack)
        rules = () if pack is None else pack.rules
        rule = next((one for one in rules if one.id == (alert.early_of or alert.rule)), None)
        if pack is None or rule is None or alert.kind != "limit" or alert.early_of:
            return True
        where = self._registry.subject_parts(alert.device, at)
        for limit in pack.profiles.get(where.profile, ()):
            fits = limit.holds_for(alert.parameter, where.place_kind, where.disinfectant)
            if fits and alert.limit_value in {limit.min, limit.max}:
                return limit.verified
        return rule.verified or not rule.source

    def _call(self, alert: Alert, person: str, at: int) -> str:
        """Whom to call: the unit's first contact but for the receiver, who need not call himself."""
        unit = (self._registry.get("units", alert.unit, at) or {}) if alert.unit else {}
        return next((one for one in unit.get("contacts", ()) if one != person), "")

    def _name(self, kind: str, name: str, at: int) -> Words:
        if not name:
            return Words()
        entry = self._registry.get(kind, name, at) or self._registry.get(kind, name)
        return words((entry or {}).get("name"), name)


def words(name: Any, otherwise: str) -> Words:  # noqa: ANN401 - a name of the registry: text, or text by language
    """A registry name in both languages; a missing one is the other, else ``otherwise``."""
    if isinstance(name, dict):
        zh, en = name.get("zh") or "", name.get("en") or ""
        return Words(zh or en or otherwise, en or zh or otherwise)
    return Words(name or otherwise, name or otherwise)


def parameter(name: str) -> Words:
    """The titles of a parameter of the catalogue; the name itself for anything else."""
    known = CATALOGUE.get(name)
    return Words(name, name) if known is None else Words(known.title_zh, known.title_en)


def _side(alert: Alert) -> str:
    """Where the alert was of its limit; one without it, as of a late reading, may have its bad value still."""
    standing = alert.cleared_at is None or alert.reason == "late_finding"
    return alert.side or (side_of(alert.value, alert.limit_value) if standing else "")


#: Alarms of the gateway itself.
GATEWAY = {
    "session_lost": Words("网关与消息代理的会话丢失", "The session with the broker was lost"),
    "session_taken_over": Words("另一客户端反复接管网关的会话", "Another client keeps taking the gateway's session"),
    "broker_dropped": Words("消息代理丢弃了消息", "The broker dropped messages"),
    "broker_unreachable": Words("消息代理无法连接", "The broker cannot be reached"),
    "clock_step": Words("网关时钟跳变", "The gateway's clock was stepped"),
    "disk_low": Words("网关磁盘空间不足", "The gateway's disk is nearly full"),
    "notification_lost": Words("通知未能送达", "A notification could not be delivered"),
    "decide_error": Words("网关内部错误", "An internal fault of the gateway"),
    "store_unreachable": Words("时序数据库无法连接", "The time-series store cannot be reached"),
    "ledger_fork": Words(
        "账本与已签名的表头不一致，停止签名", "The ledger does not go on from its last signed head: it is not signed"
    ),
    "rules_refused": Words("规则或通知路由文件有误，旧版本继续生效", "Rules or routing refused; the old stay"),
    "store_held": Words("时序数据库拒绝写入", "The time-series store refuses to write"),
}
