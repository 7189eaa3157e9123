"""``hygeia influx setup`` for InfluxDB 1.x: database, retention policy, users and grants, by InfluxQL."""

from __future__ import annotations

from typing import Any

from gateway.errors import UsageError
from gateway.influx_http import InfluxError, InfluxHttp, Reply, basic
from gateway.influx_setup import UNKNOWN, Secret, Step, Wanted, new_password
from gateway.store.influx_query import identifier, seconds_of

_READ, _ALL = "READ", "ALL PRIVILEGES"


def quoted(text: str) -> str:
    """Write a password in InfluxQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def set_up(http: InfluxHttp, admin: str, wanted: Wanted) -> list[Step]:
    """See ``influx_setup.set_up``; ``admin`` is ``user:password``, empty where the server asks nobody who he is."""
    return _V1(http, admin, wanted).run()


class _V1:
    def __init__(self, http: InfluxHttp, admin: str, wanted: Wanted) -> None:
        self._http = http
        self._user, _, self._password = admin.partition(":")
        self._wanted = wanted
        self._database, _, policy = wanted.bucket.partition("/")
        self._policy = policy or "autogen"

    def run(self) -> list[Step]:
        """All steps in order."""
        wanted = self._wanted
        if wanted.client == wanted.grafana:
            raise UsageError(
                f"--grafana-user {wanted.grafana!r} is the gateway's own user (mqtt.client_id); allowed: another name, "
                "because Grafana's may only read"
            )
        administrator = self._administrator()
        there = self._there()
        return [*administrator, self._make_database(), *self._users(there)]

    def _send(self, statement: str, authorization: str | None = None) -> Reply:
        if authorization is None:
            authorization = basic(self._user, self._password) if self._user else ""
        return self._http.send("POST", "/query", authorization=authorization, form={"q": statement})

    def _ask(self, statement: str) -> list[list[Any]]:
        """Rows of the first series of one statement."""
        reply = self._send(statement)
        document = reply.document()
        result = (document.get("results") or [{}])[0]
        words = document.get("error") or result.get("error")
        if reply.status != 200 or words:
            verb = " ".join(statement.split()[:2])
            raise InfluxError(f"{self._http.url}: {verb}: {words or reply.words}")
        series = result.get("series") or [{}]
        rows: list[list[Any]] = series[0].get("values", [])
        return rows

    def _do(self, statement: str) -> None:
        if not self._wanted.dry_run:
            self._ask(statement)

    def _administrator(self) -> list[Step]:
        """Prove the administrator, or make the first one: a server with authentication and no user allows only that."""
        if self._send("SHOW DATABASES", "").status == 200:
            return [Step("admin", self._user, "kept", "authentication is off: set auth-enabled = true in its [http]")]
        if not self._user:
            raise UsageError(
                "an administrator is needed: --token-file FILE or influx.admin_token_file with user:password"
            )
        reply = self._send("SHOW DATABASES")
        if reply.status == 200:
            return [Step("admin", self._user, "kept")]
        if "create admin user first" not in reply.words:
            raise InfluxError(f"{self._http.url} refuses the administrator: {reply.words}; allowed: user:password")
        if self._wanted.dry_run:
            raise UsageError(
                f"{self._http.url} has no user yet: without --dry-run {self._user!r} becomes administrator"
            )
        self._ask(f"CREATE USER {identifier(self._user)} WITH PASSWORD {quoted(self._password)} WITH ALL PRIVILEGES")
        return [Step("admin", self._user, "created")]

    def _make_database(self) -> Step:
        wanted, name, policy = self._wanted, identifier(self._database), identifier(self._policy)
        duration = f"{wanted.retention_s}s" if wanted.retention_s else "INF"
        if [self._database] not in self._ask("SHOW DATABASES"):
            self._do(f"CREATE DATABASE {name} WITH DURATION {duration} NAME {policy}")
            return Step("bucket", wanted.bucket, "created", duration)
        policies = {row[0]: seconds_of(row[1]) for row in self._ask(f"SHOW RETENTION POLICIES ON {name}")}
        now = policies.get(self._policy)
        if now is None:
            self._do(f"CREATE RETENTION POLICY {policy} ON {name} DURATION {duration} REPLICATION 1")
            return Step("bucket", wanted.bucket, "created", duration)
        if wanted.retention_s is None or wanted.retention_s == now:
            return Step("bucket", wanted.bucket, "kept", f"{now}s" if now else "INF")
        # A policy may not be shorter than its shards, and altering does not shorten those by itself.
        shard = _shard_hours(wanted.retention_s)
        self._do(f"ALTER RETENTION POLICY {policy} ON {name} DURATION {duration} SHARD DURATION {shard}h")
        return Step("bucket", wanted.bucket, "changed", f"{now}s -> {duration}" if now else f"INF -> {duration}")

    def _there(self) -> dict[str, bool]:
        """Who is there, and whether an administrator. Raises InfluxError where one that we want is not ours."""
        wanted = self._wanted
        there = {row[0]: row[1] for row in self._ask("SHOW USERS")}
        if there.get(wanted.client) or there.get(wanted.grafana):
            name = wanted.client if there.get(wanted.client) else wanted.grafana
            raise InfluxError(
                f"{self._http.url}: the user {name!r} is an administrator; allowed: one that may do no more than "
                f"needed: REVOKE ALL PRIVILEGES FROM {identifier(name)}"
            )
        for user, file, before, option in (
            (wanted.client, wanted.token_file, f"{wanted.client}:", "mqtt.client_id"),
            (wanted.grafana, wanted.password_file, "", "--grafana-user"),
        ):
            known = Secret(file).read().removeprefix(before)
            if user not in there or wanted.rotate or (known and self._logs_in(user, known)):
                continue
            elsewhere = self._elsewhere(self._grants(user))
            if elsewhere:
                raise InfluxError(
                    f"{self._http.url}: the user {user!r} has rights on {', '.join(elsewhere)}, and its password is "
                    f"not the one in {file}; allowed: another {option}, or --rotate to take it over"
                )
        return there

    def _grants(self, user: str) -> dict[str, str]:
        return dict(self._ask(f"SHOW GRANTS FOR {identifier(user)}"))

    def _elsewhere(self, grants: dict[str, str]) -> list[str]:
        """The other databases on which a user has rights."""
        return sorted(name for name in grants if name != self._database and grants[name] != "NO PRIVILEGES")

    def _users(self, there: dict[str, bool]) -> list[Step]:
        wanted = self._wanted
        return [
            self._login("gateway", wanted.client, _ALL, Secret(wanted.token_file), f"{wanted.client}:", there),
            self._login("grafana", wanted.grafana, _READ, Secret(wanted.password_file), "", there),
        ]

    def _login(self, what: str, user: str, right: str, file: Secret, before: str, there: dict[str, bool]) -> Step:  # noqa: PLR0917 - one user
        """One user with one right; the file holds ``before`` and the password."""
        known = file.read().removeprefix(before)
        exists, done, words = user in there, "kept", str(file.path)
        if exists and not known and what == "grafana" and not self._wanted.rotate:
            words = UNKNOWN
        elif not exists or self._wanted.rotate or not known or not self._logs_in(user, known):
            done = "rotated" if exists else "created"
            password = new_password() if self._wanted.rotate or not known else known
            verb = "SET PASSWORD FOR {} = {}" if exists else "CREATE USER {} WITH PASSWORD {}"
            self._do(verb.format(identifier(user), quoted(password)))
            if not self._wanted.dry_run:
                file.write(before + password)
        grants = self._grants(user) if exists else {}
        if self._grant(user, right, grants) and done == "kept":
            done = "changed"
        more = self._elsewhere(grants)
        return Step(what, user, done, words + (f"; it has rights on {', '.join(more)} too" if more else ""))

    def _grant(self, user: str, right: str, grants: dict[str, str]) -> bool:
        """Give a user one right on the database and take any other; whether something was to do."""
        had = grants.get(self._database, "NO PRIVILEGES")
        if had == right:
            return False
        where = f"ON {identifier(self._database)}"
        if had != "NO PRIVILEGES":
            self._do(f"REVOKE ALL {where} FROM {identifier(user)}")
        self._do(f"GRANT {right.split(maxsplit=1)[0]} {where} TO {identifier(user)}")
        return True

    def _logs_in(self, user: str, password: str) -> bool:
        if self._send("SHOW DATABASES", "").status == 200:
            return True  # authentication is off: nothing proves a password
        return self._send("SHOW DATABASES", basic(user, password)).status == 200


def _shard_hours(retention_s: int) -> int:
    """The length of shards that InfluxDB itself gives a new policy (0 = for ever)."""
    if not retention_s or retention_s > 180 * 86_400:
        return 168
    return 24 if retention_s >= 2 * 86_400 else 1
