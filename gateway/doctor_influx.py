"""What the doctor says of InfluxDB: version, database, what the gateway's token may do, and whether it may too much.

Nothing is written: a body that holds only a comment is what proves the right to write.
"""

from __future__ import annotations

from gateway.config import Settings
from gateway.finding import FaultError
from gateway.influx_http import InfluxHttp, Reply, Version, basic
from gateway.influx_setup import LEAST

_COMMENT = b"# hygeia doctor looks whether it may write"
_TIMEOUT_S = 5.0
_SETUP = "hygeia influx setup"


class _Examination:
    def __init__(self, settings: Settings) -> None:
        self._influx = settings.influx
        self._token = settings.influx.token.get_secret_value()
        self._http = InfluxHttp(settings.influx.url, settings.influx.ca, _TIMEOUT_S)
        self._database, _, self._policy = settings.influx.bucket.partition("/")

    def run(self) -> tuple[str, str]:
        version = self._http.version(f"Token {self._token}")
        hints = {1: self._one, 2: self._two}.get(version.major, self._three)(version)
        found = f"{self._influx.url}, InfluxDB {version.text}", f"{self._influx.url}，InfluxDB {version.text}"
        en = f"{found[0]}, bucket {self._influx.bucket}" + "".join(f"; {one}" for one, _ in hints)
        zh = f"{found[1]}，桶 {self._influx.bucket}" + "".join(f"；{one}" for _, one in hints)
        return en, zh

    def _two(self, version: Version) -> list[tuple[str, str]]:
        influx, url = self._influx, self._influx.url
        if (version.major, version.minor) < LEAST:
            raise FaultError(f"{url} is InfluxDB {version.text}; allowed: 2.5 or newer, or 1.x",
                             f"{url} 是 InfluxDB {version.text}；允许：2.5 及以上，或 1.x")  # fmt: skip
        mine = f"Token {self._token}"
        where = {"org": influx.org, "name": influx.bucket}
        reply = self._http.send("GET", "/api/v2/buckets", authorization=mine, query=where)
        self._refused(reply)
        if not any(one.get("name") == influx.bucket for one in reply.document().get("buckets", [])):
            raise FaultError(
                f"{url}: no bucket {influx.bucket!r} in {influx.org!r} that the token sees ({reply.status}); {_SETUP}",
                f"{url}: 令牌看不到组织 {influx.org!r} 中的桶 {influx.bucket!r}（{reply.status}）；{_SETUP}",
            )
        query = {"org": influx.org, "bucket": influx.bucket, "precision": "ns"}
        self._written(self._http.send("POST", "/api/v2/write", authorization=mine, query=query, body=_COMMENT))
        self._answered(self._ask(mine))
        hints = []
        others = self._http.send("GET", "/api/v2/buckets", authorization=mine).document().get("buckets", [])
        tokens = self._http.send("GET", "/api/v2/authorizations", authorization=mine).document()
        if tokens.get("authorizations") or any(one.get("name") != influx.bucket for one in others):
            hints.append((f"its token may do more than it needs: {_SETUP} makes a lesser one",
                          f"令牌权限过大：{_SETUP} 可创建最小权限令牌"))  # fmt: skip
        return hints

    def _one(self, _: Version) -> list[tuple[str, str]]:
        user, colon, password = self._token.partition(":")
        mine = basic(user, password) if colon else f"Token {self._token}"
        where = {"db": self._database, "precision": "ns"} | ({"rp": self._policy} if self._policy else {})
        reply = self._http.send("POST", "/write", authorization=mine, query=where, body=_COMMENT)
        if reply.status == 401:
            self._refused(reply)
        self._written(reply)
        self._answered(self._ask(mine))
        if self._http.send("POST", "/query", form={"q": "SHOW DATABASES"}).status == 200:
            return [("authentication is off: set auth-enabled = true in its [http]",
                     "未启用身份验证：请在其 [http] 中设置 auth-enabled = true")]  # fmt: skip
        users = self._http.send("POST", "/query", authorization=mine, form={"q": "SHOW USERS"})
        if users.status == 200 and "error" not in str(users.document()):
            return [(f"{user!r} is an administrator: {_SETUP} makes a lesser user",
                     f"{user!r} 是管理员：{_SETUP} 可创建最小权限用户")]  # fmt: skip
        return []

    def _three(self, _: Version) -> list[tuple[str, str]]:
        mine = f"Token {self._token}"
        query = {"org": self._influx.org, "bucket": self._influx.bucket, "precision": "ns"}
        reply = self._http.send("POST", "/api/v2/write", authorization=mine, query=query, body=_COMMENT)
        self._refused(reply)
        if b"incoming write was empty" not in reply.body:
            self._written(reply)
        reply = self._ask(mine)
        if reply.status != 404:
            self._answered(reply)
        return [("queries over more than some 72 hours are refused by 3 Core", "3 Core 拒绝约 72 小时以上的查询")]

    def _ask(self, authorization: str) -> Reply:
        where = {"db": self._database} | ({"rp": self._policy} if self._policy else {})
        form = where | {"q": "SHOW MEASUREMENTS LIMIT 1"}
        return self._http.send("POST", "/query", authorization=authorization, query=where, form=form)

    def _refused(self, reply: Reply) -> None:
        if reply.status in {401, 403}:
            url = self._influx.url
            raise FaultError(f"{url} refuses influx.token ({reply.status}); {_SETUP} makes one that is accepted",
                             f"{url} 拒绝 influx.token（{reply.status}）；{_SETUP} 可创建可用的令牌")  # fmt: skip

    def _written(self, reply: Reply) -> None:
        if reply.status != 204:
            bucket = self._influx.bucket
            raise FaultError(f"influx.token may not write bucket {bucket!r}: {reply.words}; {_SETUP}",
                             f"influx.token 无权写入桶 {bucket!r}：{reply.words}；{_SETUP}")  # fmt: skip

    def _answered(self, reply: Reply) -> None:
        """InfluxQL needs the right to read, and on 2.x the mapping of the bucket."""
        document = reply.document()
        results = document.get("results") or [{}]
        words = document.get("error") or results[0].get("error")
        if reply.status != 200 or words:
            words = f"{words or reply.words}"
            raise FaultError(f"InfluxQL does not read database {self._database!r}: {words}; {_SETUP}",
                             f"InfluxQL 无法读取数据库 {self._database!r}：{words}；{_SETUP}")  # fmt: skip


def check_influx(settings: Settings) -> tuple[str, str]:
    """What was found, in English and Chinese. Raises FaultError and InfluxError."""
    return _Examination(settings).run()
