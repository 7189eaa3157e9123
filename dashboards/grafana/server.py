"""The part of Grafana's HTTP API that publishing needs, over grafana-client, with answers that are checked.

grafana-client follows redirects and gives a login page back as text: here a redirect is an error, and so is whatever
is no JSON. No message holds a credential.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaException

TIMEOUT_S = 20.0


class GrafanaError(Exception):
    """Grafana cannot be reached, or refuses; the message is one line that says what to do."""


class ConflictError(GrafanaError):
    """What is there has changed meanwhile, or is called the same."""


#: What a status means for whoever publishes.
_ADVICE = {
    401: "the credential is not accepted; give a valid service account token (--token-file)",
    403: "the credential may not do that; the service account needs the role Admin",
    404: "not found; is --url the address of Grafana, with its path?",
}


class Grafana:
    """One Grafana; ``credential`` is a token, or (user, password). Every method may raise GrafanaError."""

    def __init__(self, url: str, credential: str | tuple[str, str], ca: Path | None = None) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query or port == -1:
            raise GrafanaError(f"--url {parts._replace(netloc=parts.hostname or '', query='').geturl()}: allowed:"
                               " http(s)://HOST[:PORT][/PATH] without user and query")  # fmt: skip
        path = parts.path.strip("/")
        # grafana-client has no annotations.
        make: Any = GrafanaApi
        self._api: Any = make(
            credential,
            protocol=parts.scheme,
            host=f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname,
            port=port,
            url_path_prefix=f"{path}/" if path else "",
            verify=str(ca) if ca else True,
            timeout=TIMEOUT_S,
        )
        self._api.client.s.max_redirects = 0
        self._where = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"

    def close(self) -> None:
        """Close the connection."""
        self._api.client.s.close()

    def source(self, uid: str) -> dict[str, Any] | None:
        """A data source, or None."""
        return self._found(lambda: self._api.datasource.get_datasource_by_uid(uid))

    def sources(self) -> list[dict[str, Any]]:
        """All data sources."""
        return self._list(self._api.datasource.list_datasources)

    def create_source(self, document: dict[str, Any]) -> None:
        """Add a data source."""
        self._ask(lambda: self._api.datasource.create_datasource(document))

    def update_source(self, uid: str, document: dict[str, Any]) -> None:
        """Change a data source."""
        self._ask(lambda: self._api.datasource.update_datasource_by_uid(uid, document))

    def folder(self, uid: str) -> dict[str, Any] | None:
        """A folder, or None."""
        return self._found(lambda: self._api.folder.get_folder(uid))

    def folders(self) -> list[dict[str, Any]]:
        """The folders at the top."""
        return self._list(self._api.folder.get_all_folders)

    def create_folder(self, title: str, uid: str) -> None:
        """Add a folder at the top."""
        self._ask(lambda: self._api.folder.create_folder(title, uid))

    def permissions(self, folder: str) -> list[dict[str, Any]]:
        """Who may do what in a folder; none where it is not made yet (dry run)."""
        try:
            return self._list(lambda: self._api.folder.get_folder_permissions(folder))
        except _AbsentError:
            return []

    def set_permissions(self, folder: str, items: list[dict[str, Any]]) -> None:
        """Say anew who may do what in a folder."""
        self._ask(lambda: self._api.folder.update_folder_permissions(folder, {"items": items}))

    def team(self, name: str) -> int | None:
        """The id of the team of this name."""
        found = self._ask(lambda: self._api.client.GET(f"/teams/search?name={quote(name)}"))
        return next((int(one["id"]) for one in found.get("teams") or () if one.get("name") == name), None)

    def dashboard(self, uid: str) -> dict[str, Any] | None:
        """A dashboard with its ``meta``, or None."""
        return self._found(lambda: self._api.dashboard.get_dashboard(uid))

    def message(self, uid: str) -> str:
        """What was said of the newest version of a dashboard."""
        found = self._ask(lambda: self._api.dashboard_versions.get_dashboard_versions_by_uid(uid), (dict, list))
        versions = found if isinstance(found, list) else found.get("versions") or []
        newest: dict[str, Any] = max(versions, key=lambda one: int(one.get("version") or 0), default={})
        return str(newest.get("message") or "")

    def save(self, dashboard: dict[str, Any], folder: str, message: str, *, version: int, overwrite: bool) -> None:
        """Write a dashboard over ``version`` (0 = new). Raises ConflictError where another version is there."""
        document = {**dashboard, "id": None, "version": version}
        body = {"dashboard": document, "folderUid": folder, "message": message, "overwrite": overwrite}
        self._ask(lambda: self._api.dashboard.update_dashboard(body))

    def delete(self, uid: str) -> None:
        """Delete a dashboard."""
        self._ask(lambda: self._api.dashboard.delete_dashboard(uid))

    def tagged(self, tag: str, folder: str) -> list[dict[str, Any]]:
        """Dashboards with this tag in this folder."""
        path = f"/search?type=dash-db&tag={quote(tag)}&folderUIDs={quote(folder)}&limit=1000"
        return self._list(lambda: self._api.client.GET(path))

    def _found(self, ask: Callable[[], Any]) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._ask(ask)
        except _AbsentError:
            return None
        return found

    def _list(self, ask: Callable[[], Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask(ask, list)
        return found

    def _ask(self, ask: Callable[[], Any], kind: type | tuple[type, ...] = dict) -> Any:  # noqa: ANN401 - what JSON holds
        try:
            answer = ask()
        except GrafanaException as error:
            raise self._refused(error) from None
        except requests.exceptions.TooManyRedirects:
            words = "answers with a redirect: a login page or a proxy stands before it; give its own address"
            raise GrafanaError(f"{self._where} {words}") from None
        except requests.exceptions.JSONDecodeError:
            raise GrafanaError(f"{self._where} answers with something that is no JSON: is that Grafana?") from None
        except requests.exceptions.RequestException as error:
            raise GrafanaError(f"{self._where} cannot be reached: {_cause(error)}") from None
        if not isinstance(answer, kind):
            raise GrafanaError(f"{self._where} answers with a page instead of JSON: is that Grafana, or a login page?")
        return answer

    def _refused(self, error: GrafanaException) -> GrafanaError:
        """An answer of 400 and above, or none in time, as an error that says what to do."""
        status = int(error.status_code or 0)
        response = error.response if isinstance(error.response, dict) else {}
        said = _short(str(response.get("message") or ("" if status else error.message)))
        if status in {409, 412}:
            return ConflictError(f"{response.get('status') or status}: {said}")
        if status == 404 and said:
            # Grafana's own words; the 404 of a proxy or of another program has none.
            return _AbsentError(f"{self._where}: {said}")
        advice = _ADVICE.get(status) or ("try again later" if status >= 500 or not status else "")
        return GrafanaError(
            f"{self._where}: {status or 'no answer'}" + "".join(f"; {one}" for one in (said, advice) if one)
        )


class _AbsentError(GrafanaError):
    """Grafana says that there is no such thing."""


def _cause(error: Exception) -> str:
    """What the system said, under the layers of libraries that wrapped it; else their words."""
    under: BaseException | None = error
    while under is not None:
        if isinstance(under, OSError) and under.strerror:
            return _short(under.strerror)
        under = under.__cause__ or under.__context__
    return _short(str(error))


def _short(text: str) -> str:
    return " ".join(text.split())[:200]
