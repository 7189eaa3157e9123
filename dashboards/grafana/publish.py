"""Brings our dashboards into a running Grafana over its HTTP API: compares first, and leaves alone what is right.

Folder, its permissions, the data source and the dashboards are each ``created``, ``updated``, or ``unchanged``. What
somebody changed in Grafana ``differs`` and is overwritten only on request; what is provisioned from files belongs to
them; dashboards of ours that no longer exist are ``left over`` and deleted only on request. Nothing else is touched.

A dashboard is published with ``hygeia:DIGEST`` in the message of its version, so that it is known later whether the
newest version is ours, even where Grafana rewrites its JSON when it stores it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

import msgspec

from dashboards.grafana.board import TAG
from dashboards.grafana.server import ConflictError, Grafana, GrafanaError
from dashboards.grafana.words import FOLDER

_SIGN = "hygeia:"
FOLDER_UID = "hygeia"
VIEW = 1


class Action(StrEnum):
    """What was done, or would be."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DIFFERS = "differs"
    PROVISIONED = "provisioned"
    LEFT_OVER = "left over"
    DELETED = "deleted"
    MISSING = "missing"


#: Outcomes that somebody has to look at.
UNSETTLED = frozenset({Action.DIFFERS, Action.MISSING})


class Change(NamedTuple):
    """One thing of Grafana and what became of it; ``detail`` is a sentence or empty."""

    what: str
    name: str
    action: Action
    detail: str = ""


class Source(msgspec.Struct, frozen=True):
    """The data source as it should be; without ``url`` one has to be there already."""

    url: str = ""
    user: str = ""
    password: str = ""
    database: str = "hygeia"
    name: str = "Hygeia"
    uid: str = "hygeia"

    def wanted(self) -> dict[str, Any]:
        """What Grafana is asked to keep, but for the password."""
        return {
            "name": self.name,
            "uid": self.uid,
            "type": "influxdb",
            "access": "proxy",
            "url": self.url,
            "user": self.user,
            "basicAuth": False,
            "jsonData": {"dbName": self.database, "httpMode": "POST", "version": "InfluxQL"},
        }


class Wishes(msgspec.Struct, frozen=True):
    """What is to be published and how; ``teams`` (names) instead of everybody who may look."""

    dashboards: Mapping[str, str]
    folder: str = FOLDER
    teams: Sequence[str] = ()
    source: Source = Source()
    overwrite: bool = False
    prune: bool = False
    dry_run: bool = False


class Publisher:
    """Carries out ``wishes`` on one Grafana; a dry run only reads. Each step may raise GrafanaError."""

    def __init__(self, grafana: Grafana, wishes: Wishes) -> None:
        self._grafana, self._wishes = grafana, wishes

    def run(self) -> Iterator[Change]:
        """All steps in order: what the dashboards need first."""
        yield self._source()
        folder, change = self._folder()
        yield change
        yield self._permissions(folder)
        for uid, text in self._wishes.dashboards.items():
            yield self._dashboard(uid, text, folder)
        yield from self._rest(folder)

    def _source(self) -> Change:
        wanted = self._wishes.source
        there = self._grafana.source(wanted.uid)
        if not wanted.url:
            if there is None and not any(one.get("type") == "influxdb" for one in self._grafana.sources()):
                words = "no InfluxDB data source; give --datasource-url or provision one"
                return Change("data source", wanted.name, Action.MISSING, words)
            return Change("data source", wanted.name, Action.UNCHANGED)
        if there is None:
            self._do(lambda: self._grafana.create_source(self._secret(wanted.wanted())))
            return Change("data source", wanted.name, Action.CREATED)
        if there.get("readOnly"):
            return Change("data source", wanted.name, Action.PROVISIONED, "kept as its file says")
        differing = _differing(wanted.wanted(), there)
        has_password = bool((there.get("secureJsonFields") or {}).get("password"))
        # Grafana shows no password, so that another one can only be sent, not compared.
        if not differing and (not wanted.password or (has_password and not self._wishes.overwrite)):
            return Change("data source", wanted.name, Action.UNCHANGED)
        self._do(
            lambda: self._grafana.update_source(wanted.uid, self._secret({**there, **_over(wanted.wanted(), there)}))
        )
        return Change("data source", wanted.name, Action.UPDATED, ", ".join(differing) or "password")

    def _secret(self, document: dict[str, Any]) -> dict[str, Any]:
        password = self._wishes.source.password
        return document | ({"secureJsonData": {"password": password}} if password else {})

    def _folder(self) -> tuple[str, Change]:
        """The folder's uid: ours, whatever it is called by now, or that of a folder with the same title."""
        title = self._wishes.folder
        uid = FOLDER_UID if title == FOLDER else f"{FOLDER_UID}-{hashlib.sha256(title.encode()).hexdigest()[:8]}"
        there = self._grafana.folder(uid)
        if there is None:
            there = next((one for one in self._grafana.folders() if one.get("title") == title), None)
        if there is None:
            self._do(lambda: self._grafana.create_folder(title, uid))
            return uid, Change("folder", title, Action.CREATED)
        return str(there["uid"]), Change("folder", title, Action.UNCHANGED)

    def _permissions(self, folder: str) -> Change:
        name = self._wishes.folder
        wanted: list[dict[str, Any]] = [{"role": role, "permission": VIEW} for role in ("Viewer", "Editor")]
        if self._wishes.teams:
            wanted = [{"teamId": self._team(team), "permission": VIEW} for team in self._wishes.teams]
        there = self._grafana.permissions(folder)
        if _held(there) == _held(wanted):
            return Change("permissions", name, Action.UNCHANGED)
        self._do(lambda: self._grafana.set_permissions(folder, wanted))
        return Change(
            "permissions", name, Action.UPDATED, "may look: " + (", ".join(self._wishes.teams) or "everybody")
        )

    def _team(self, name: str) -> int:
        found = self._grafana.team(name)
        if found is None:
            raise GrafanaError(f"--team {name}: there is no such team")
        return found

    def _dashboard(self, uid: str, text: str, folder: str) -> Change:
        wanted = json.loads(text)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        there = self._grafana.dashboard(uid)
        if there is None:
            self._do(lambda: self._grafana.save(wanted, folder, _SIGN + digest, version=0, overwrite=False))
            return Change("dashboard", uid, Action.CREATED)
        meta, document = there.get("meta") or {}, there.get("dashboard") or {}
        if meta.get("provisioned"):
            return Change("dashboard", uid, Action.PROVISIONED, "kept as its file says")
        moved = meta.get("folderUid") != folder
        said = _SIGN + digest if _bare(document) == _bare(wanted) else self._grafana.message(uid)
        if said == _SIGN + digest and not moved:
            return Change("dashboard", uid, Action.UNCHANGED)
        if (moved or not said.startswith(_SIGN)) and not self._wishes.overwrite:
            words = "moved out of the folder" if moved else "changed in Grafana"
            return Change("dashboard", uid, Action.DIFFERS, f"{words}; --overwrite takes ours")
        version = int(document.get("version") or 0)
        try:
            self._do(
                lambda: self._grafana.save(
                    wanted, folder, _SIGN + digest, version=version, overwrite=self._wishes.overwrite
                )
            )
        except ConflictError as error:
            return Change("dashboard", uid, Action.DIFFERS, f"not saved: {error}")
        return Change("dashboard", uid, Action.UPDATED)

    def _rest(self, folder: str) -> Iterator[Change]:
        """Dashboards with our tags in our folder that are none of ours any more."""
        tags = {tag for text in self._wishes.dashboards.values() for tag in json.loads(text)["tags"]} - {TAG}
        for tag in sorted(tags):
            for one in self._grafana.tagged(tag, folder):
                uid = str(one["uid"])
                if uid in self._wishes.dashboards:
                    continue
                if not self._wishes.prune:
                    yield Change("dashboard", uid, Action.LEFT_OVER, "ours once; --prune deletes it")
                    continue
                self._do(partial(self._grafana.delete, uid))
                yield Change("dashboard", uid, Action.DELETED)

    def _do(self, act: Callable[[], None]) -> None:
        if not self._wishes.dry_run:
            act()


def _bare(document: Mapping[str, Any]) -> dict[str, Any]:
    """A dashboard without what Grafana gives it."""
    return {key: value for key, value in document.items() if key not in {"id", "version"}}


def _held(items: Sequence[Mapping[str, Any]]) -> set[tuple[str, int, int, int]]:
    """Permissions as they compare; those of a parent folder are not ours, and administrators have theirs always."""
    return {
        (one.get("role") or "", int(one.get("teamId") or 0), int(one.get("userId") or 0), int(one["permission"]))
        for one in items
        if not one.get("inherited") and one.get("role") != "Admin"
    }


def _over(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    """``wanted`` over what is there, key by key of its options too."""
    return {**wanted, "jsonData": {**(there.get("jsonData") or {}), **wanted["jsonData"]}}


def _differing(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    """Names of what is not as it should be; options that are only there are no difference."""
    options = there.get("jsonData") or {}
    own = [key for key, value in wanted.items() if key != "jsonData" and there.get(key) != value]
    default = {"version": "InfluxQL"}
    return own + [key for key, value in wanted["jsonData"].items() if options.get(key, default.get(key)) != value]
