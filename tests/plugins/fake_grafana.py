"""A Grafana in memory: the calls of its HTTP API that publishing makes, as its documentation describes them.

Modelled on the pages Folder, Folder Permissions, Data Source, Dashboard, Dashboard Versions, Search and Team of
Grafana's HTTP API (11 to 13). ``moods`` replaces the next answer to a method and path; ``rewrites`` makes it store
dashboards in a form of its own.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from aiohttp import web

from tests.influx_servers import Served

TOKEN = "glsa_a-token-of-the-tests"
VIEWER = "glsa_a-viewer-of-the-tests"
ADMIN = ("admin", "a-password-of-the-tests")
_BASIC = "Basic " + base64.b64encode(":".join(ADMIN).encode()).decode()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def says(status: int, message: str, /, **more: Any) -> web.Response:
    """An answer of Grafana that is only a message."""
    return web.json_response({"message": message, **more}, status=status)


class FakeGrafana:
    """What is stored stands in the attributes; ``calls`` lists (method, path) of everything that was asked."""

    def __init__(self) -> None:
        self.folders: dict[str, str] = {}
        self.permissions: dict[str, list[dict[str, Any]]] = {}
        self.sources: dict[str, dict[str, Any]] = {}
        self.passwords: dict[str, str] = {}
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.meta: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, list[str]] = {}
        self.teams: dict[str, int] = {}
        self.calls: list[tuple[str, str]] = []
        self.moods: dict[tuple[str, str], Callable[[], web.Response]] = {}
        self.rewrites = False
        self.app = web.Application(middlewares=[self._guard])
        self.app.add_routes(
            [
                web.get("/login", self._login),
                web.get("/api/folders", self._list_folders),
                web.post("/api/folders", self._create_folder),
                web.get("/api/folders/{uid}", self._folder),
                web.get("/api/folders/{uid}/permissions", self._permissions),
                web.post("/api/folders/{uid}/permissions", self._permit),
                web.get("/api/datasources", self._list_sources),
                web.post("/api/datasources", self._create_source),
                web.get("/api/datasources/uid/{uid}", self._source),
                web.put("/api/datasources/uid/{uid}", self._update_source),
                web.post("/api/dashboards/db", self._save),
                web.get("/api/dashboards/uid/{uid}", self._dashboard),
                web.delete("/api/dashboards/uid/{uid}", self._delete),
                web.get("/api/dashboards/uid/{uid}/versions", self._versions),
                web.get("/api/search", self._search),
                web.get("/api/teams/search", self._team),
            ]
        )

    @property
    def writes(self) -> list[tuple[str, str]]:
        """Calls that change something."""
        return [call for call in self.calls if call[0] != "GET"]

    def edit(self, uid: str, **changes: Any) -> None:
        """Somebody changes a dashboard in the browser."""
        made = self.dashboards[uid] | changes
        self.dashboards[uid] = made | {"version": made["version"] + 1}
        self.messages[uid].append("")

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.calls.append((request.method, request.path))
        mood = self.moods.pop((request.method, request.path), None)
        if mood is not None:
            return mood()
        said = request.headers.get("Authorization", "")
        if request.path != "/login" and said not in {f"Bearer {TOKEN}", f"Bearer {VIEWER}", _BASIC}:
            return says(401, "Invalid API key")
        if said == f"Bearer {VIEWER}" and (request.method != "GET" or "datasources" in request.path):
            return says(403, "You'll need additional permissions to perform this action.")
        return await handler(request)

    async def _login(self, _: web.Request) -> web.Response:
        return web.Response(text="<html>Log in</html>", content_type="text/html")

    async def _list_folders(self, _: web.Request) -> web.Response:
        return web.json_response([{"id": 1, "uid": uid, "title": title} for uid, title in self.folders.items()])

    async def _create_folder(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if asked["uid"] in self.folders or asked["title"] in self.folders.values():
            return says(409, "a folder with the same name already exists in the current location", status="name-exists")
        self.folders[asked["uid"]] = asked["title"]
        self.permissions[asked["uid"]] = [
            {"role": "Viewer", "permission": 1, "permissionName": "View", "teamId": 0, "userId": 0},
            {"role": "Editor", "permission": 2, "permissionName": "Edit", "teamId": 0, "userId": 0},
        ]
        return web.json_response({"id": 1, "version": 1, **asked})

    async def _folder(self, request: web.Request) -> web.Response:
        uid = request.match_info["uid"]
        if uid not in self.folders:
            return says(404, "folder not found", status="not-found")
        return web.json_response({"id": 1, "uid": uid, "title": self.folders[uid], "version": 1})

    async def _permissions(self, request: web.Request) -> web.Response:
        uid = request.match_info["uid"]
        if uid not in self.folders:
            return says(404, "folder not found", status="not-found")
        return web.json_response(self.permissions[uid])

    async def _permit(self, request: web.Request) -> web.Response:
        self.permissions[request.match_info["uid"]] = (await request.json())["items"]
        return says(200, "Folder permissions updated")

    async def _list_sources(self, _: web.Request) -> web.Response:
        return web.json_response(list(self.sources.values()))

    async def _create_source(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if any(one["name"] == asked["name"] for one in self.sources.values()):
            return says(409, "data source with the same name already exists")
        self._keep_source(asked)
        return says(200, "Datasource added", name=asked["name"], id=1)

    async def _source(self, request: web.Request) -> web.Response:
        found = self.sources.get(request.match_info["uid"])
        return says(404, "Data source not found") if found is None else web.json_response(found)

    async def _update_source(self, request: web.Request) -> web.Response:
        uid = request.match_info["uid"]
        if self.sources[uid].get("readOnly"):
            return says(403, "Cannot update read-only data source")
        self._keep_source(await request.json())
        return says(200, "Datasource updated")

    def _keep_source(self, asked: dict[str, Any]) -> None:
        password = asked.pop("secureJsonData", {}).get("password")
        if password:
            self.passwords[asked["uid"]] = password
        secure = {"password": True} if asked["uid"] in self.passwords else {}
        self.sources[asked["uid"]] = {"readOnly": False, "version": 1, **asked, "secureJsonFields": secure}

    async def _save(self, request: web.Request) -> web.Response:
        asked = await request.json()
        made, folder = asked["dashboard"], asked.get("folderUid", "")
        uid = made["uid"]
        there = self.dashboards.get(uid)
        if folder not in self.folders:
            return says(400, "folder not found", status="not-found")
        if self.meta.get(uid, {}).get("provisioned"):
            return says(400, "Cannot save provisioned dashboard")
        if there is not None and made.get("version") != there["version"] and not asked.get("overwrite"):
            return says(412, "The dashboard has been changed by someone else", status="version-mismatch")
        version = there["version"] + 1 if there else 1
        self.dashboards[uid] = made | {"id": 7, "version": version} | ({"preload": False} if self.rewrites else {})
        self.meta[uid] = {"folderUid": folder, "provisioned": False, "version": version}
        self.messages.setdefault(uid, []).append(asked.get("message", ""))
        return web.json_response({"id": 7, "uid": uid, "status": "success", "version": version, "url": f"/d/{uid}"})

    async def _dashboard(self, request: web.Request) -> web.Response:
        uid = request.match_info["uid"]
        if uid not in self.dashboards:
            return says(404, "Dashboard not found", status="not-found")
        return web.json_response({"dashboard": self.dashboards[uid], "meta": self.meta[uid]})

    async def _delete(self, request: web.Request) -> web.Response:
        found = self.dashboards.pop(request.match_info["uid"])
        return says(200, f"Dashboard {found['title']} deleted", title=found["title"])

    async def _versions(self, request: web.Request) -> web.Response:
        said = self.messages[request.match_info["uid"]]
        versions = [{"version": number, "message": text} for number, text in enumerate(said, 1)]
        return web.json_response({"continueToken": "", "versions": versions[::-1]})

    async def _search(self, request: web.Request) -> web.Response:
        tag, folder = request.query["tag"], request.query["folderUIDs"]
        found = [
            {"uid": uid, "title": made["title"], "tags": made["tags"], "type": "dash-db"}
            for uid, made in self.dashboards.items()
            if tag in made.get("tags", ()) and self.meta[uid]["folderUid"] == folder
        ]
        return web.json_response(found)

    async def _team(self, request: web.Request) -> web.Response:
        found = [{"id": number, "name": name} for name, number in self.teams.items() if name == request.query["name"]]
        return web.json_response({"totalCount": len(found), "teams": found, "page": 1, "perPage": 1000})


@pytest.fixture
def fake_grafana() -> Iterator[tuple[FakeGrafana, str]]:
    """A Grafana in memory and its address."""
    grafana = FakeGrafana()
    served = Served(grafana.app)
    yield grafana, served.url
    served.stop()


def as_text(uid: str, **more: Any) -> str:
    """A dashboard as ``build`` gives it."""
    return json.dumps({"uid": uid, "title": f"Title of {uid}", "tags": ["hygeia", "hygeia-en"], "version": 1, **more})
