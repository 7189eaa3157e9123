"""Prepares an InfluxDB for the gateway: bucket, retention, credentials with the least rights (``hygeia influx setup``).

Each step looks first and changes only what differs, so that a second run changes nothing. Secrets are made here, go
to the server in bodies and headers, and are kept in files of mode 0600 and nowhere else. What 2.x needs is in this
module, what 1.x needs in ``influx_setup_v1``; for 3 Core there is nothing to make.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from gateway.errors import UsageError
from gateway.influx_http import InfluxError, InfluxHttp, Reply, Version, basic
from gateway.journal.disk import Disk

#: Databases and policies of 1.x are virtual mappings of buckets from 2.4 on, and are heeded from 2.5 on.
LEAST = (2, 5)
UNKNOWN = "its password is not known here; --rotate sets a new one"
_PASSWORD_BYTES = 24


class Wanted(NamedTuple):
    """What shall be there.

    ``bucket`` is a name or ``database/retention policy``; ``retention_s`` seconds, 0 = for ever, None = as it is (for
    ever where the bucket is new). ``client`` names the gateway, ``grafana`` is a user's name.
    """

    org: str
    bucket: str
    retention_s: int | None
    client: str
    grafana: str
    token_file: Path
    password_file: Path
    rotate: bool = False
    dry_run: bool = False


class Step(msgspec.Struct):
    """``what``: version, bucket, dbrp, admin, gateway, grafana; ``done``: created, changed, kept, rotated, found."""

    what: str
    name: str
    done: str
    words: str = ""


class Secret:
    """A file of mode 0600 that holds one secret."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> str:
        """The secret; empty where the file is absent. Raises InfluxError where it cannot be read."""
        try:
            return self.path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise InfluxError(f"{self.path}: {error}; allowed: a file that this user may read") from error

    def check(self) -> None:
        """Raise InfluxError where the file could not be written, before anything is made that belongs into it."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            probe = self.path.parent / f".{self.path.name}.probe"
            probe.touch(mode=0o600)
            probe.unlink()
        except OSError as error:
            raise InfluxError(f"{self.path}: {error.strerror}; allowed: a file that this user may write") from error

    def write(self, text: str) -> None:
        """Keep the secret: whole or not at all, for the owner alone."""
        Disk().replace(self.path, f"{text}\n".encode())


def new_password() -> str:
    """192 random bits in letters that need no quoting anywhere."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def set_up(http: InfluxHttp, admin: str, wanted: Wanted) -> list[Step]:
    """Make what is missing and tell what was done, or would be with ``dry_run``.

    ``admin`` is an operator's token; for 1.x ``user:password`` of an administrator. Raises InfluxError and UsageError.
    """
    from gateway import influx_setup_v1 as v1  # noqa: PLC0415 - it takes Step and Secret from here

    version = http.version(f"Token {admin}" if admin and ":" not in admin else "")
    if version.major > 2:
        raise UsageError(_nothing_to_make(version, wanted))
    if not wanted.dry_run:
        for path in (wanted.token_file, wanted.password_file):
            Secret(path).check()
    steps = [Step("version", version.text, "found")]
    if version.major == 1:
        return steps + v1.set_up(http, admin, wanted)
    if (version.major, version.minor) < LEAST:
        raise UsageError(
            f"{http.url} is InfluxDB {version.text}; allowed: 2.5 or newer, because InfluxQL finds a bucket by its "
            "name only from there on"
        )
    if not admin:
        raise UsageError("an operator's token is needed: --token-file FILE or influx.admin_token_file")
    return steps + _V2(http, admin, wanted).run()


def _nothing_to_make(version: Version, wanted: Wanted) -> str:
    database = wanted.bucket.partition("/")[0]
    return (
        f"this is InfluxDB {version.text}: nothing can be set up here. The first write makes the database "
        f"{database!r}; 3 Core knows administrators' tokens only: make one with 'influxdb3 create token --admin', name "
        "its file as influx.token_file, and give the same token to Grafana as the password of any user name. Core "
        "answers queries over some 72 hours at most; for long series take 2.x"
    )


class _V2:
    """The steps for a server of version 2 (API of OSS 2.x; ``/private/legacy`` is what ``influx v1 auth`` calls)."""

    def __init__(self, http: InfluxHttp, admin: str, wanted: Wanted) -> None:
        self._http = http
        self._admin = f"Token {admin}"
        self._wanted = wanted
        self._description = f"hygeia: gateway {wanted.client} reads and writes {wanted.bucket}"
        self._org = ""
        self._bucket = ""

    def run(self) -> list[Step]:
        """All steps in order."""
        self._org = self._organisation()
        return [self._make_bucket(), self._mapping(), self._gateway(), self._grafana()]

    def _ask(self, method: str, path: str, query: dict[str, str] | None = None, json: Any = None) -> dict[str, Any]:  # noqa: ANN401 - any document
        reply = self._http.send(method, path, authorization=self._admin, query=query, json=json)
        if reply.status not in {200, 201, 204}:
            raise InfluxError(f"{self._http.url}{path}: {_refusal(reply)}")
        return reply.document()

    def _organisation(self) -> str:
        reply = self._http.send("GET", "/api/v2/orgs", authorization=self._admin, query={"org": self._wanted.org})
        if reply.status == 401:
            raise InfluxError(f"{self._http.url} refuses the operator's token: {reply.words}; check its file")
        found = [one for one in reply.document().get("orgs", []) if one.get("name") == self._wanted.org]
        if not found:
            raise InfluxError(
                f"{self._http.url}: no organisation {self._wanted.org!r} that this token sees ({reply.words}); "
                "check influx.org, or that the token is an operator's"
            )
        return str(found[0]["id"])

    def _make_bucket(self) -> Step:
        wanted = self._wanted
        found = self._ask("GET", "/api/v2/buckets", {"orgID": self._org, "name": wanted.bucket}).get("buckets", [])
        found = [one for one in found if one.get("name") == wanted.bucket]
        if not found:
            if not wanted.dry_run:
                body = {"orgID": self._org, "name": wanted.bucket, "retentionRules": _rules(wanted.retention_s or 0)}
                self._bucket = str(self._ask("POST", "/api/v2/buckets", json=body)["id"])
            return Step("bucket", wanted.bucket, "created", _kept_for(wanted.retention_s or 0))
        self._bucket = str(found[0]["id"])
        now = sum(int(rule.get("everySeconds", 0)) for rule in found[0].get("retentionRules", []))
        if wanted.retention_s is None or wanted.retention_s == now:
            return Step("bucket", wanted.bucket, "kept", _kept_for(now))
        if not wanted.dry_run:
            body = {"retentionRules": _rules(wanted.retention_s)}
            self._ask("PATCH", f"/api/v2/buckets/{self._bucket}", json=body)
        return Step("bucket", wanted.bucket, "changed", f"{_kept_for(now)} -> {_kept_for(wanted.retention_s)}")

    def _mapping(self) -> Step:
        """InfluxQL finds a bucket by a mapping; the virtual one is there unless an explicit one is in its way."""
        database, _, policy = self._wanted.bucket.partition("/")
        policy = policy or "autogen"
        found = self._ask("GET", "/api/v2/dbrps", {"orgID": self._org, "db": database}).get("content", [])
        named = [one for one in found if one.get("database") == database and one.get("retention_policy") == policy]
        if any(one.get("bucketID") == self._bucket for one in named):
            return Step("dbrp", f"{database}.{policy}", "kept")
        if any(not one.get("virtual") for one in named):
            raise InfluxError(
                f"{self._http.url}: the database {database!r} is mapped to another bucket "
                f"({named[0].get('bucketID')}); delete that mapping with 'influx v1 dbrp delete', or take another "
                "influx.bucket"
            )
        if self._bucket and not named:
            body = {"orgID": self._org, "bucketID": self._bucket, "database": database, "retention_policy": policy}
            if not self._wanted.dry_run:
                self._ask("POST", "/api/v2/dbrps", json=body | {"default": True})
            return Step("dbrp", f"{database}.{policy}", "created")
        return Step("dbrp", f"{database}.{policy}", "kept", "virtual, comes with the bucket")

    def _permissions(self, *actions: str) -> list[dict[str, Any]]:
        resource = {"type": "buckets", "id": self._bucket, "orgID": self._org}
        return [{"action": action, "resource": resource} for action in actions]

    def _gateway(self) -> Step:
        """An API token: it cannot be read again later, so a lost file means a new token."""
        wanted, file = self._wanted, Secret(self._wanted.token_file)
        listed = self._ask("GET", "/api/v2/authorizations", {"orgID": self._org}).get("authorizations", [])
        old = [one for one in listed if one.get("description") == self._description]
        known = file.read()
        if known and old and not wanted.rotate and self._accepted(known):
            return Step("gateway", wanted.client, "kept", str(file.path))
        done = "rotated" if old else "created"
        if not wanted.dry_run:
            body = {"orgID": self._org, "description": self._description, "status": "active"}
            made = self._ask(
                "POST", "/api/v2/authorizations", json=body | {"permissions": self._permissions("read", "write")}
            )
            file.write(str(made["token"]))
            for one in old:
                self._ask("DELETE", f"/api/v2/authorizations/{one['id']}")
        return Step("gateway", wanted.client, done, str(file.path))

    def _accepted(self, token: str) -> bool:
        query = {"orgID": self._org, "name": self._wanted.bucket}
        reply = self._http.send("GET", "/api/v2/buckets", authorization=f"Token {token}", query=query)
        return any(one.get("id") == self._bucket for one in reply.document().get("buckets", []))

    def _grafana(self) -> Step:
        """A v1 authorization: Grafana's InfluxQL speaks user and password."""
        wanted, file, path = self._wanted, Secret(self._wanted.password_file), "/private/legacy/authorizations"
        listed = self._ask("GET", path, {"orgID": self._org, "token": wanted.grafana}).get("authorizations", [])
        old = [one for one in listed if one.get("token") == wanted.grafana]
        known = file.read()
        if old and not wanted.rotate:
            self._only_reads(old[0])
            if not known:
                return Step("grafana", wanted.grafana, "kept", UNKNOWN)
            if self._answers(known):
                return Step("grafana", wanted.grafana, "kept", str(file.path))
        done = ("rotated" if wanted.rotate else "changed") if old else "created"
        if not wanted.dry_run:
            password = new_password() if wanted.rotate or not known else known
            if not old:
                body = {"orgID": self._org, "token": wanted.grafana, "status": "active"}
                body["description"] = f"hygeia: Grafana reads {wanted.bucket}"
                old = [self._ask("POST", path, json=body | {"permissions": self._permissions("read")})]
            self._ask("POST", f"{path}/{old[0]['id']}/password", json={"password": password})
            if password != known:
                file.write(password)
        return Step("grafana", wanted.grafana, done, str(file.path))

    def _only_reads(self, authorization: dict[str, Any]) -> None:
        """Raise InfluxError where the user of this name is somebody else's or may do more."""
        had = [(one.get("action"), one.get("resource", {}).get("id")) for one in authorization.get("permissions", [])]
        if had != [("read", self._bucket)]:
            raise InfluxError(
                f"{self._http.url}: the v1 authorization {self._wanted.grafana!r} has other rights than to read "
                f"{self._wanted.bucket!r}; delete it with 'influx v1 auth delete', or take another --grafana-user"
            )

    def _answers(self, password: str) -> bool:
        database = self._wanted.bucket.partition("/")[0]
        form = {"db": database, "q": "SHOW MEASUREMENTS LIMIT 1"}
        reply = self._http.send("POST", "/query", authorization=basic(self._wanted.grafana, password), form=form)
        return reply.status == 200


def _rules(seconds: int) -> list[dict[str, Any]]:
    return [{"type": "expire", "everySeconds": seconds}] if seconds else []


def _kept_for(seconds: int) -> str:
    return f"{seconds // 86400}d" if seconds and seconds % 86400 == 0 else f"{seconds}s" if seconds else "0"


def _refusal(reply: Reply) -> str:
    more = "; the token must be an operator's" if reply.status in {401, 403} else ""
    return reply.words + more
