"""The Grafana in memory answers as Grafana's documentation says."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.plugins.fake_grafana import TOKEN, VIEWER, FakeGrafana

Fake = tuple[FakeGrafana, str]


def ask(url: str, method: str = "GET", body: Any = None, token: str = TOKEN) -> tuple[int, Any]:
    """Status and document of one call."""
    request = urllib.request.Request(
        url, json.dumps(body).encode() if body is not None else None, method=method,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )  # fmt: skip
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_who_may_not_is_refused(fake_grafana: Fake) -> None:
    """401 without a known credential, 403 where the role does not allow it."""
    _, url = fake_grafana
    assert ask(f"{url}/api/folders", token="other")[0] == 401
    assert ask(f"{url}/api/folders", token=VIEWER) == (200, [])
    assert ask(f"{url}/api/folders", "POST", {"title": "A", "uid": "a"}, token=VIEWER)[0] == 403


def test_a_new_folder_lets_editors_edit_and_its_name_is_taken(fake_grafana: Fake) -> None:
    """Grafana's default rights; the same title or uid again is a conflict."""
    fake, url = fake_grafana
    assert ask(f"{url}/api/folders/a")[0] == 404
    assert ask(f"{url}/api/folders", "POST", {"title": "A", "uid": "a"})[0] == 200
    assert {one["role"]: one["permission"] for one in fake.permissions["a"]} == {"Viewer": 1, "Editor": 2}
    assert ask(f"{url}/api/folders", "POST", {"title": "A", "uid": "b"})[0] == 409


def test_a_dashboard_is_saved_over_the_version_that_is_there_only(fake_grafana: Fake) -> None:
    """412 version-mismatch, unless overwrite is said; each version keeps its message."""
    fake, url = fake_grafana
    fake.folders["a"] = "A"
    made = {"uid": "d", "title": "D", "tags": [], "version": 0}
    body = {"dashboard": made, "folderUid": "a", "message": "first", "overwrite": False}
    assert ask(f"{url}/api/dashboards/db", "POST", body)[1]["version"] == 1
    status, answer = ask(f"{url}/api/dashboards/db", "POST", body)
    assert (status, answer["status"]) == (412, "version-mismatch")
    assert ask(f"{url}/api/dashboards/db", "POST", body | {"overwrite": True})[1]["version"] == 2
    versions = ask(f"{url}/api/dashboards/uid/d/versions")[1]["versions"]
    assert [(one["version"], one["message"]) for one in versions] == [(2, "first"), (1, "first")]
    assert ask(f"{url}/api/dashboards/db", "POST", body | {"folderUid": "nowhere"})[0] == 400


def test_a_password_goes_in_and_never_comes_out(fake_grafana: Fake) -> None:
    """A data source only says that it has one."""
    _, url = fake_grafana
    body = {"name": "I", "uid": "i", "type": "influxdb", "secureJsonData": {"password": "secret"}}
    assert ask(f"{url}/api/datasources", "POST", body)[0] == 200
    document = ask(f"{url}/api/datasources/uid/i")[1]
    assert document["secureJsonFields"] == {"password": True}
    assert "secret" not in json.dumps(document)


@pytest.mark.parametrize("path", ["datasources/uid/x", "dashboards/uid/x", "folders/x/permissions"])
def test_what_is_not_there_is_404_in_grafanas_words(path: str, fake_grafana: Fake) -> None:
    """A message, unlike a proxy's page."""
    status, answer = ask(f"{fake_grafana[1]}/api/{path}")
    assert status == 404
    assert "not found" in answer["message"]
