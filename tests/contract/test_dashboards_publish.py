"""Publishing to a Grafana: what is right is left alone, what is others' is not taken, a failure is one line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from dashboards.grafana.publish import Action, Publisher, Source, Wishes
from dashboards.grafana.server import Grafana, GrafanaError
from gateway.cli import call
from tests.plugins.fake_grafana import ADMIN, TOKEN, VIEWER, FakeGrafana, as_text, says

SOURCE = Source("http://influxdb:8086", "grafana", "the-reader's-password")
BOARDS = {uid: as_text(uid) for uid in ("city-overview-en", "alert-kpi-en")}
Fake = tuple[FakeGrafana, str]


@pytest.fixture
def grafana(fake_grafana: Fake) -> Iterator[Grafana]:
    """The client under test."""
    client = Grafana(fake_grafana[1], TOKEN)
    yield client
    client.close()


def published(grafana: Grafana, **wishes: Any) -> dict[str, str]:
    """What became of each thing, by name."""
    wanted = msgspec.structs.replace(Wishes(dashboards=BOARDS, source=SOURCE), **wishes)
    return {f"{one.what} {one.name}": one.action for one in Publisher(grafana, wanted).run()}


ALL = ("data source Hygeia", "folder Hygeia", "permissions Hygeia", *(f"dashboard {uid}" for uid in BOARDS))


def test_the_first_publication_makes_everything(fake_grafana: Fake, grafana: Grafana) -> None:
    """Data source with its password, folder, rights to look only, dashboards in the folder."""
    fake, _ = fake_grafana
    actions = dict.fromkeys(ALL, "created") | {"permissions Hygeia": "updated"}
    assert published(grafana) == actions
    assert fake.folders == {"hygeia": "Hygeia"}
    assert [(one["role"], one["permission"]) for one in fake.permissions["hygeia"]] == [("Viewer", 1), ("Editor", 1)]
    assert fake.sources["hygeia"]["jsonData"] == {"dbName": "hygeia", "httpMode": "POST", "version": "InfluxQL"}
    assert fake.passwords == {"hygeia": SOURCE.password}
    assert {meta["folderUid"] for meta in fake.meta.values()} == {"hygeia"}


def test_the_second_publication_writes_nothing(fake_grafana: Fake, grafana: Grafana) -> None:
    """Neither to a Grafana that keeps the JSON as it is, nor to one that stores it in a form of its own."""
    fake, _ = fake_grafana
    for fake.rewrites in (False, True):
        fake.dashboards.clear()
        published(grafana)
        fake.calls.clear()
        assert published(grafana) == dict.fromkeys(ALL, "unchanged")
        assert fake.writes == []


def test_a_dry_run_says_the_same_and_writes_nothing(fake_grafana: Fake, grafana: Grafana) -> None:
    """Before anything is there, and after."""
    fake, _ = fake_grafana
    tried = published(grafana, dry_run=True)
    assert fake.writes == []
    assert tried == published(grafana)


def test_a_new_version_of_ours_is_written_over_the_old(fake_grafana: Fake, grafana: Grafana) -> None:
    """Only the dashboard that changed, over the version that is there."""
    fake, _ = fake_grafana
    for fake.rewrites in (False, True):
        fake.dashboards.clear()
        published(grafana)
        new = BOARDS | {"alert-kpi-en": as_text("alert-kpi-en", refresh="5m")}
        actions = published(grafana, dashboards=new)
        assert actions == dict.fromkeys(ALL, "unchanged") | {"dashboard alert-kpi-en": "updated"}
        assert fake.dashboards["alert-kpi-en"]["refresh"] == "5m"


def test_what_somebody_changed_is_shown_and_taken_only_on_request(fake_grafana: Fake, grafana: Grafana) -> None:
    """An edit in the browser, and a move to another folder."""
    fake, _ = fake_grafana
    published(grafana)
    fake.edit("alert-kpi-en", title="My KPI")
    fake.meta["city-overview-en"]["folderUid"] = "elsewhere"
    fake.calls.clear()
    actions = published(grafana)
    assert [actions[f"dashboard {uid}"] for uid in BOARDS] == ["differs", "differs"]
    assert fake.writes == []
    published(grafana, overwrite=True)
    assert fake.dashboards["alert-kpi-en"]["title"] == "Title of alert-kpi-en"
    assert fake.meta["city-overview-en"]["folderUid"] == "hygeia"
    assert set(published(grafana).values()) == {"unchanged"}


def test_a_change_between_looking_and_writing_is_not_lost(fake_grafana: Fake, grafana: Grafana) -> None:
    """Grafana refuses the version (412), and ours is told as not saved."""
    fake, _ = fake_grafana
    published(grafana)
    fake.moods["POST", "/api/dashboards/db"] = lambda: says(412, "changed by someone else", status="version-mismatch")
    wishes = Wishes(dashboards={"alert-kpi-en": as_text("alert-kpi-en", refresh="5m")}, source=SOURCE)
    (change,) = [one for one in Publisher(grafana, wishes).run() if one.name == "alert-kpi-en"]
    assert (change.action, change.detail) == (Action.DIFFERS, "not saved: version-mismatch: changed by someone else")


def test_a_name_that_is_taken_is_told(fake_grafana: Fake, grafana: Grafana) -> None:
    """Older ones allow a title once in a folder (412 name-exists)."""
    fake, _ = fake_grafana
    fake.moods["POST", "/api/dashboards/db"] = lambda: says(412, "same name in folder", status="name-exists")
    with pytest.raises(GrafanaError, match="name-exists: same name in folder"):
        published(grafana)


def test_dashboards_of_ours_that_are_gone_are_deleted_only_on_request(fake_grafana: Fake, grafana: Grafana) -> None:
    """In our folder with our tag of the language; nobody else's, nor those of a language that is not published."""
    fake, _ = fake_grafana
    gone = {uid: as_text(uid) for uid in ("old-en", "foreign", "old-zh")}
    gone["foreign"] = as_text("foreign", tags=["water"])
    gone["old-zh"] = as_text("old-zh", tags=["hygeia", "hygeia-zh"])
    published(grafana, dashboards=BOARDS | gone)
    assert published(grafana)["dashboard old-en"] == "left over"
    assert published(grafana, prune=True, dry_run=True)["dashboard old-en"] == "deleted"
    assert published(grafana, prune=True)["dashboard old-en"] == "deleted"
    assert set(fake.dashboards) == {*BOARDS, "foreign", "old-zh"}


def test_what_is_provisioned_from_files_is_left_to_them(fake_grafana: Fake, grafana: Grafana) -> None:
    """A data source and a dashboard that Grafana would refuse to change."""
    fake, _ = fake_grafana
    published(grafana)
    fake.sources["hygeia"] |= {"readOnly": True, "url": "http://another:8086"}
    fake.meta["alert-kpi-en"]["provisioned"] = True
    fake.dashboards["alert-kpi-en"]["title"] = "From a file"
    actions = published(grafana)
    assert actions["data source Hygeia"] == actions["dashboard alert-kpi-en"] == "provisioned"


def test_a_folder_of_the_same_title_is_taken(fake_grafana: Fake, grafana: Grafana) -> None:
    """Provisioning from files made it, with a uid of its own."""
    fake, _ = fake_grafana
    fake.folders["afolderofthefiles"] = "Hygeia"
    fake.permissions["afolderofthefiles"] = []
    assert published(grafana)["folder Hygeia"] == "unchanged"
    assert {meta["folderUid"] for meta in fake.meta.values()} == {"afolderofthefiles"}


def test_a_data_source_is_changed_where_it_differs_and_keeps_the_rest(fake_grafana: Fake, grafana: Grafana) -> None:
    """The address moved; what an administrator set besides stays."""
    fake, _ = fake_grafana
    published(grafana)
    fake.sources["hygeia"]["jsonData"]["maxSeries"] = 5000
    moved = Source("http://influx-2:8086", "grafana", "another password")
    assert published(grafana, source=moved)["data source Hygeia"] == "updated"
    assert fake.sources["hygeia"]["url"] == "http://influx-2:8086"
    assert fake.sources["hygeia"]["jsonData"]["maxSeries"] == 5000
    assert fake.passwords == {"hygeia": "another password"}


def test_a_rotated_password_reaches_grafana_on_request(fake_grafana: Fake, grafana: Grafana) -> None:
    """Grafana shows none, so that it is not seen to differ: without the request it is not written each time."""
    fake, _ = fake_grafana
    published(grafana)
    rotated = msgspec.structs.replace(SOURCE, password="rotated")
    assert published(grafana, source=rotated)["data source Hygeia"] == "unchanged"
    assert published(grafana, source=rotated, overwrite=True)["data source Hygeia"] == "updated"
    assert fake.passwords == {"hygeia": "rotated"}


def test_without_a_data_source_something_is_missing(fake_grafana: Fake, grafana: Grafana) -> None:
    """Unless there is any InfluxDB: the dashboards let one choose."""
    fake, _ = fake_grafana
    assert published(grafana, source=Source())["data source Hygeia"] == "missing"
    fake.sources["x"] = {"uid": "x", "name": "Plant", "type": "influxdb"}
    assert published(grafana, source=Source())["data source Hygeia"] == "unchanged"


def test_teams_may_look_instead_of_everybody(fake_grafana: Fake, grafana: Grafana) -> None:
    """By name; one that is not there is an error."""
    fake, _ = fake_grafana
    fake.teams = {"Health inspection": 4}
    published(grafana, teams=("Health inspection",))
    assert fake.permissions["hygeia"] == [{"teamId": 4, "permission": 1}]
    with pytest.raises(GrafanaError, match="--team Nobody: there is no such team"):
        published(grafana, teams=("Nobody",))


def page() -> web.Response:
    """What a proxy with a login says."""
    return web.Response(text="<html>Log in</html>", content_type="text/html")


FIRST = ("GET", "/api/datasources/uid/hygeia")
WRONG: dict[str, tuple[tuple[str, str], Callable[[], web.Response], str]] = {
    "401": (FIRST, lambda: says(401, "Invalid API key"), "401; Invalid API key; the credential is not accepted"),
    "403": (("POST", "/api/folders"), lambda: says(403, "no"), "403; no; the credential may not do that"),
    "a 404 of a proxy": (FIRST, lambda: web.Response(status=404, text="no"), "404; not found; is --url the address"),
    "a 404 of another program": (
        FIRST,
        lambda: web.json_response({"reason": "no"}, status=404),
        "is --url the address",
    ),
    "400": (("POST", "/api/dashboards/db"), lambda: says(400, "bad"), "400; bad"),
    "500": (FIRST, lambda: says(500, "database is locked"), "500; database is locked; try again later"),
    "502 with a page": (FIRST, lambda: web.Response(status=502, text="<html>"), "502; try again later"),
    "a login page": (FIRST, page, "answers with a page instead of JSON"),
    "a redirect to it": (FIRST, lambda: web.Response(status=302, headers={"Location": "/login"}), "with a redirect"),
    "no JSON": (FIRST, lambda: web.Response(body=b"{", content_type="application/json"), "something that is no JSON"),
    "a list": (FIRST, lambda: web.json_response([]), "answers with a page instead of JSON"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_fails_is_one_line_without_secrets(name: str, fake_grafana: Fake, grafana: Grafana) -> None:
    """Refusals, faults and whatever is not Grafana."""
    fake, url = fake_grafana
    where, mood, said = WRONG[name]
    fake.moods[where] = mood
    with pytest.raises(GrafanaError) as caught:
        published(grafana)
    text = str(caught.value)
    assert text.startswith(url)
    assert said in text
    assert "\n" not in text
    assert TOKEN not in text
    assert SOURCE.password not in text


def test_a_redirect_is_not_followed_with_the_token(fake_grafana: Fake, grafana: Grafana) -> None:
    """Nobody else gets to see it."""
    fake, url = fake_grafana
    fake.moods[FIRST] = lambda: web.Response(status=307, headers={"Location": f"{url}/elsewhere"})
    with pytest.raises(GrafanaError, match="redirect"):
        published(grafana)
    assert [path for _, path in fake.calls] == [FIRST[1]]


def test_a_server_that_is_not_there_is_told() -> None:
    """With its address and what the system said, without the layers of libraries between."""
    with pytest.raises(GrafanaError) as caught:
        published(Grafana("http://127.0.0.1:1/grafana/", TOKEN))
    assert str(caught.value) == "http://127.0.0.1:1/grafana cannot be reached: Connection refused"


@pytest.mark.parametrize(
    "url", ["grafana:3000", "ftp://grafana", "http://admin:secret@grafana", "http://", "http://a:b"]
)
def test_an_address_that_is_none_is_refused_without_its_password(url: str) -> None:
    """What is allowed stands in the message."""
    with pytest.raises(GrafanaError, match=r"--url .*allowed: http\(s\)://HOST") as caught:
        Grafana(url, TOKEN)
    assert "secret" not in str(caught.value)


def secret(folder: Path, text: str) -> str:
    """A file with a secret."""
    file = folder / "secret"
    file.write_text(f"{text}\n", encoding="utf-8")
    return str(file)


def test_the_command_publishes_checks_and_says_so(
    fake_grafana: Fake, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All dashboards of a language, as JSON; afterwards 'check --url' finds nothing, and after an edit one thing."""
    monkeypatch.setenv("HYGEIA_LANG", "en")
    fake, url = fake_grafana
    reach = ["--url", url, "--token-file", secret(tmp_path, TOKEN), "--language", "en"]
    password = tmp_path / "password"
    password.write_text(SOURCE.password, encoding="utf-8")
    source = ["--datasource-url", SOURCE.url, "--datasource-password-file", str(password)]
    assert call(["dashboards", "publish", *reach, *source, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert not document["dry_run"]
    assert {one["action"] for one in document["items"]} == {"created", "updated"}
    assert len(fake.dashboards) == len(document["items"]) - 3
    assert call(["dashboards", "check", *reach]) == 0
    fake.edit("city-overview-en", title="Mine")
    capsys.readouterr()
    assert call(["dashboards", "check", *reach]) == 1
    assert "city-overview-en: dashboard: in Grafana it would be differs" in capsys.readouterr().out
    assert call(["dashboards", "publish", *reach, "--dry-run"]) == 1
    assert "Nothing is changed (dry run):" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ([], 2, "give --token-file FILE, or --user NAME with --password-file FILE"),
        (["--user", "admin"], 2, "give --token-file FILE, or --user NAME"),
        (["--token-file", "/nowhere/token"], 2, "--token-file /nowhere/token: No such file"),
        (["--token-file", "EMPTY"], 2, "allowed: one line with the secret"),
        (["--token-file", "VIEWER"], 1, "403; You'll need additional permissions to perform this action."),
        (["--token-file", "WRONG"], 1, "401; Invalid API key; the credential is not accepted"),
        (["--token-file", "GOOD", "--ca", "/nowhere/ca"], 2, "--ca /nowhere/ca: no such file"),
        (["--token-file", "GOOD", "--gateway-url", "gateway"], 2, "--gateway-url 'gateway': allowed: http://HOST"),
    ],
)
def test_wrong_options_of_the_command_are_one_line(
    options: list[str],
    code: int,
    said: str,
    *,
    fake_grafana: Fake,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And exit 2 where the use is wrong, 1 where Grafana refuses."""
    for name, text in (("EMPTY", ""), ("VIEWER", VIEWER), ("WRONG", "glsa_wrong"), ("GOOD", TOKEN)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    named = [str(tmp_path / one) if one.isupper() else one for one in options]
    assert call(["dashboards", "publish", "--url", fake_grafana[1], "--language", "en", *named]) == code
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_an_administrator_may_publish_with_a_password(fake_grafana: Fake, tmp_path: Path) -> None:
    """Where no service account is wanted."""
    user = ["--user", ADMIN[0], "--password-file", secret(tmp_path, ADMIN[1])]
    fake, url = fake_grafana
    fake.sources["x"] = {"uid": "x", "name": "Plant", "type": "influxdb"}
    assert call(["dashboards", "publish", "--url", url, *user, "--language", "zh"]) == 0
