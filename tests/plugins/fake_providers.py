"""Robots of group chats on 127.0.0.1 that check what the real ones check, by their documentation.

They share no code with the senders. Each refuses a wrong signature, an old timestamp, what is too long or too fast,
with the documented status and body; ``next`` scripts anything else (see ``tests.plugins.webhook``).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections import deque
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.plugins.webhook import Received, Receiver, Reply

Document = dict[str, Any]


def answer(document: Document, status: int = 200) -> Reply:
    """A JSON answer."""
    body = json.dumps(document, ensure_ascii=False).encode()
    return Reply(status, {"Content-Type": "application/json; charset=utf-8"}, body)


class Provider(Receiver):
    """Answers by ``check`` unless a reply was scripted. ``taken`` are the messages that people would see."""

    path = "/"

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Any] = []
        self._times: deque[float] = deque()

    @property
    def host(self) -> str:
        """``http://host:port``."""
        return self.url.removesuffix("/hook")

    def take(self, received: Received) -> Reply:
        """See ``Receiver.take``."""
        scripted = super().take(received)
        return self.check(received) if scripted is self.usual else scripted

    def check(self, received: Received) -> Reply:
        """What the provider answers."""
        raise NotImplementedError

    def too_fast(self, messages: int, seconds: float) -> bool:
        """Whether this one is over the limit; those over it do not count."""
        now = time.monotonic()
        while self._times and self._times[0] <= now - seconds:
            self._times.popleft()
        if len(self._times) >= messages:
            return True
        self._times.append(now)
        return False


class DingTalk(Provider):
    """open.dingtalk.com, "Custom robot access"."""

    token = "dingtalk-access-token"

    def __init__(self, secret: str = "SEC-of-dingtalk", keyword: str = "") -> None:
        super().__init__()
        self.secret = secret
        self.keyword = keyword

    @property
    def address(self) -> str:
        """What the operator copies from the group."""
        return f"{self.host}/robot/send?access_token={self.token}"

    def check(self, received: Received) -> Reply:  # noqa: PLR0911 - one refusal a line of the documentation
        """See ``Provider``."""
        query = dict(parse_qsl(urlsplit(received.path).query))
        if query.get("access_token") != self.token:
            return answer({"errcode": 300001, "errmsg": "token is not exist"})
        stamp = query.get("timestamp", "")
        wanted = hmac.new(self.secret.encode(), f"{stamp}\n{self.secret}".encode(), hashlib.sha256).digest()
        if not stamp.isdigit() or abs(time.time() * 1000 - int(stamp)) > 3_600_000:
            return answer({"errcode": 310000, "errmsg": "invalid timestamp"})
        if base64.b64encode(wanted).decode() != query.get("sign"):
            return answer({"errcode": 310000, "errmsg": f"sign not match, timestamp {stamp}"})
        if len(received.body) > 20_000:
            return answer({"errcode": 460101, "errmsg": "message too long, exceed 20000 bytes"})
        document = received.document
        if document.get("msgtype") != "markdown" or not {"title", "text"} <= set(document.get("markdown", {})):
            return answer({"errcode": 400105, "errmsg": "unsupported message type"})
        if self.keyword not in document["markdown"]["text"]:
            return answer({"errcode": 310000, "errmsg": "keywords not in content"})
        if self.too_fast(20, 60):
            fast = {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}
            return answer({"status": 1111, "wait": 5, "source": "x5", "punish": "deny", **fast})
        self.taken.append(document["markdown"]["text"])
        return answer({"errcode": 0, "errmsg": "ok"})


class WeCom(Provider):
    """developer.work.weixin.qq.com, document 91770."""

    key = "693axxx6-7aoc-4bc4-97a0-0ec2sifa5aaa"

    @property
    def address(self) -> str:
        """What the operator copies from the group."""
        return f"{self.host}/cgi-bin/webhook/send?key={self.key}"

    def check(self, received: Received) -> Reply:
        """See ``Provider``."""
        query = dict(parse_qsl(urlsplit(received.path).query))
        if query.get("key") != self.key:
            return answer({"errcode": 93000, "errmsg": "invalid webhook url, hint: [1755605200056773468916791]"})
        content = received.document.get("markdown", {}).get("content", "")
        if received.document.get("msgtype") != "markdown" or not content:
            return answer({"errcode": 40008, "errmsg": "invalid message type"})
        if len(content.encode()) > 4096:
            return answer({"errcode": 40058, "errmsg": "markdown.content exceed max length 4096."})
        if self.too_fast(20, 60):
            return answer({"errcode": 45009, "errmsg": "api freq out of limit, hint: [1773643642077182456917975]"})
        self.taken.append(content)
        return answer({"errcode": 0, "errmsg": "ok"})


class Feishu(Provider):
    """open.feishu.cn, "Custom bot usage guide"."""

    token = "0f1e2d3c-feishu-hook"

    def __init__(self, secret: str = "secret-of-feishu") -> None:
        super().__init__()
        self.secret = secret

    @property
    def address(self) -> str:
        """What the operator copies from the group."""
        return f"{self.host}/open-apis/bot/v2/hook/{self.token}"

    def check(self, received: Received) -> Reply:
        """See ``Provider``."""
        if received.path != f"/open-apis/bot/v2/hook/{self.token}":
            words = "param invalid: incoming webhook access token invalid"
            return answer({"code": 19001, "data": {}, "msg": words})
        if len(received.body) > 20 * 1024:
            return answer({"code": 9499, "msg": "Bad Request", "data": {}}, 400)
        document = received.document
        stamp = str(document.get("timestamp", ""))
        wanted = hmac.new(f"{stamp}\n{self.secret}".encode(), b"", hashlib.sha256).digest()
        fresh = stamp.isdigit() and abs(time.time() - int(stamp)) <= 3600
        if not fresh or base64.b64encode(wanted).decode() != document.get("sign"):
            words = "sign match fail or timestamp is not within one hour from current time"
            return answer({"code": 19021, "data": {}, "msg": words})
        posts = document.get("content", {}).get("post", {})
        if document.get("msg_type") != "post" or not set(posts) <= {"zh_cn", "en_us"} or not posts:
            return answer({"code": 9499, "msg": "Bad Request", "data": {}}, 400)
        if self.too_fast(5, 1):
            return answer({"code": 11232, "data": {}, "msg": "frequency limited psm[lark.oapi]"}, 400)
        for post in posts.values():
            lines = ["".join(part.get("text", "") for part in line) for line in post["content"]]
            self.taken.append("\n".join([post["title"], *lines]))
        return answer({"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"})
