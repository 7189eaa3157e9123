"""What every channel that speaks HTTP promises, against a provider that checks as the real one does."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from alerts.notify import Answer, Delivered, Notice, Outcome, Recipient, Refused, Retry
from alerts.notify.aliyun_sms import AliyunSms
from alerts.notify.http_form import HttpForm
from alerts.notify.robots import Robot
from alerts.notify.tencent_sms import TencentSms
from gateway.channels import Sender
from gateway.cloud_sms import AliyunSender, TencentSender
from gateway.http_sender import HttpSender
from tests.plugins.fake_providers import DingTalk, Feishu, Provider, WeCom
from tests.plugins.fake_sms_providers import Aliyun, Platform, Tencent
from tests.plugins.webhook import Received, Reply
from tests.support.notices import PERSON, PHONE, digest, fired, trial

#: Both SDKs ask for the time in ways that Python 3.12 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:.*datetime.utc(now|fromtimestamp):DeprecationWarning")

SIGN = "市卫生监督所"
VARIABLES = {
    "fired": {"severity": 4, "place": 12, "parameter": 8, "value": 12, "limit": 8, "since": 12},
    "cleared": {"place": 12, "parameter": 8},
    "digest": {"count": 6, "severity": 12, "first": 12},
    "test": {"since": 12},
}
CODES = {name: f"SMS_{n}" for n, name in enumerate(VARIABLES, 1)}
TEMPLATES = {name: {"zh": {"code": CODES[name], "variables": declared}} for name, declared in VARIABLES.items()}


@dataclass(frozen=True)
class Kind:
    """How one kind of channel is tried.

    ``make(provider, secret, seconds)`` takes a secret in place of the right one, and a time-out.
    ``slow`` is one of the provider's answers that means "too fast" or "too many", ``id`` what it calls a message,
    ``burst`` how many it takes at once.
    """

    provider: Callable[[], Provider]
    make: Callable[[Any, str, float], Sender]
    slow: Callable[[], Reply]
    id: str
    burst: int
    personal: bool = False


def _robot(kind: str, *, secret: bool = True) -> Callable[[Any, str, float], Sender]:
    def make(provider: Any, wrong: str, timeout_s: float) -> Sender:
        url = provider.address if secret or not wrong else provider.address.replace(provider.key, wrong)
        key = (wrong or provider.secret) if secret else ""
        return HttpSender(Robot(kind=kind, url=url, secret=key), timeout_s=timeout_s)

    return make


def _with(provider: Any, most_a_day: int) -> Any:
    provider.most_a_day = most_a_day
    return provider


def _platform(provider: Platform, wrong: str, timeout_s: float) -> Sender:
    form = HttpForm(
        url=provider.url,
        body=f"account={provider.account}&password={wrong or provider.password}&mobile={{phone}}&content={{text}}",
        charset="gbk",
        success={"status": [200], "contains": "<result>0</result>"},
        retry="contains <result>-9</result>",
        id="<msgid>(.+?)</msgid>",
    )
    return HttpSender(form, timeout_s=timeout_s)


def _aliyun(provider: Aliyun, wrong: str, timeout_s: float) -> Sender:
    sms = AliyunSms(
        access_key=provider.key,
        access_secret=wrong or provider.secret,
        sign_name=SIGN,
        templates=TEMPLATES,
        endpoint=provider.host,
    )
    return AliyunSender(sms, timeout_s=timeout_s)


def _tencent(provider: Tencent, wrong: str, timeout_s: float) -> Sender:
    sms = TencentSms(
        secret_id=provider.secret_id,
        secret_key=wrong or provider.secret_key,
        app_id=provider.app,
        sign_name=SIGN,
        templates=TEMPLATES,
        endpoint=provider.host,
    )
    return TencentSender(sms, timeout_s=timeout_s)


def _too_many_by_tencent() -> Reply:
    status = b'{"SerialNo":"","PhoneNumber":"","Code":"LimitExceeded.PhoneNumberDailyLimit","Message":"x"}'
    return Reply(
        200, {"Content-Type": "application/json"}, b'{"Response":{"SendStatusSet":[%b],"RequestId":"1"}}' % status
    )


KINDS = {
    "dingtalk": Kind(
        DingTalk, _robot("dingtalk"), lambda: Reply(200, body=b'{"errcode":130101,"errmsg":"too fast"}'), "", 20
    ),
    "wecom": Kind(
        WeCom, _robot("wecom", secret=False), lambda: Reply(200, body=b'{"errcode":45009,"errmsg":"x"}'), "", 20
    ),
    "feishu": Kind(
        Feishu, _robot("feishu"), lambda: Reply(400, body=b'{"code":11232,"msg":"frequency limited"}'), "", 5
    ),
    "http-form": Kind(Platform, _platform, lambda: Platform.xml("-9", "发送过快"), r"880001", 10, personal=True),
    "aliyun-sms": Kind(
        lambda: _with(Aliyun(SIGN, {CODES[name]: declared for name, declared in VARIABLES.items()}), 3),
        _aliyun,
        lambda: Reply(200, body=b'{"Code":"isv.BUSINESS_LIMIT_CONTROL","Message":"x"}'),
        r"\d{17,}\^0",
        3,
        personal=True,
    ),
    "tencent-sms": Kind(
        lambda: _with(Tencent(SIGN, {CODES[name]: len(declared) for name, declared in VARIABLES.items()}), 3),
        _tencent,
        _too_many_by_tencent,
        r"2640:1",
        3,
        personal=True,
    ),
}


class Trial:
    """A kind with its provider."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.provider = kind.provider()
        self.to = PERSON if kind.personal else None
        self._senders: list[Sender] = []

    def sender(self, wrong: str = "", timeout_s: float = 10.0) -> Sender:
        """A channel to the provider; ``wrong`` is a secret that the provider does not know."""
        self._senders.append(self.kind.make(self.provider, wrong, timeout_s))
        return self._senders[-1]

    async def send(self, notice: Notice) -> Outcome:
        """Try once."""
        return await self.sender().send(notice)

    async def close(self) -> None:
        """End all."""
        for sender in self._senders:
            await sender.close()
        await asyncio.to_thread(self.provider.close)


@pytest.fixture(params=sorted(KINDS))
async def trial_of(request: pytest.FixtureRequest) -> AsyncIterator[Trial]:
    """Each kind in turn."""
    one = Trial(KINDS[request.param])
    yield one
    await one.close()


def text_of_message(taken: Any) -> str:
    """What a person reads of what a provider took."""
    if isinstance(taken, tuple):
        return " ".join(taken[2].values() if isinstance(taken[2], dict) else taken[2])
    return str(taken)


async def test_an_alert_is_delivered_with_the_providers_id(trial_of: Trial) -> None:
    """Signature, format, template and lengths are right, and people read place, parameter, value and limit."""
    outcome = await trial_of.send(fired(trial_of.to))
    assert isinstance(outcome, Delivered), outcome
    assert re.search(trial_of.kind.id, outcome.words)
    (taken,) = map(text_of_message, trial_of.provider.taken)
    for part in ("城北水厂出厂水", "游离氯", "0.11", "0.30"):
        assert part in taken


async def test_a_wrong_secret_is_refused(trial_of: Trial) -> None:
    """Nobody reads it, and nothing is tried again: it would be refused again."""
    outcome = await trial_of.sender("not the secret").send(fired(trial_of.to))
    assert isinstance(outcome, Refused), outcome
    assert trial_of.provider.taken == []


async def test_too_fast_or_too_many_comes_again(trial_of: Trial) -> None:
    """The provider's own limit is no refusal."""
    trial_of.provider.next(trial_of.kind.slow())
    outcome = await trial_of.send(fired(trial_of.to))
    assert isinstance(outcome, Retry), outcome
    assert isinstance(await trial_of.send(fired(trial_of.to)), Delivered)


async def test_the_providers_own_limit_is_met_and_nothing_is_lost(trial_of: Trial) -> None:
    """As many as it takes are delivered, the next one comes again: it is neither lost nor refused."""
    sender = trial_of.sender()
    outcomes = [await sender.send(fired(trial_of.to)) for _ in range(trial_of.kind.burst + 1)]
    assert [type(outcome) for outcome in outcomes] == [Delivered] * trial_of.kind.burst + [Retry]
    assert len(trial_of.provider.taken) == trial_of.kind.burst


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_fault_of_the_provider_comes_again(trial_of: Trial, status: int) -> None:
    """Whatever the page of a gateway in between looks like."""
    trial_of.provider.next(Reply(status, {"Content-Type": "text/html"}, b"<html>Bad Gateway</html>"))
    outcome = await trial_of.send(fired(trial_of.to))
    assert isinstance(outcome, Retry), outcome


async def test_a_provider_that_hangs_costs_its_time_out_and_no_more(trial_of: Trial) -> None:
    """No answer is no delivery: it comes again."""
    trial_of.provider.next(Reply(200, hold=True))
    async with asyncio.timeout(10):
        outcome = await trial_of.sender(timeout_s=0.3).send(fired(trial_of.to))
    assert isinstance(outcome, Retry), outcome


async def test_an_answer_that_breaks_off_comes_again(trial_of: Trial) -> None:
    """Half a status line says nothing."""
    trial_of.provider.next(Reply(cut="head"))
    outcome = await trial_of.send(fired(trial_of.to))
    assert isinstance(outcome, Retry), outcome
    assert isinstance(await trial_of.send(fired(trial_of.to)), Delivered)


async def test_a_provider_that_is_not_there_comes_again(trial_of: Trial) -> None:
    """The words name no address."""
    sender = trial_of.sender()
    await asyncio.to_thread(trial_of.provider.close)
    outcome = await sender.send(fired(trial_of.to))
    assert isinstance(outcome, Retry), outcome
    assert "127.0.0.1" not in outcome.words


async def test_a_digest_of_two_thousand_is_one_message_that_the_provider_takes(trial_of: Trial) -> None:
    """It says how many there are and names what came first."""
    outcome = await trial_of.send(digest(2000, trial_of.to))
    assert isinstance(outcome, Delivered), outcome
    (taken,) = map(text_of_message, trial_of.provider.taken)
    assert "2000" in taken


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("kind", ["dingtalk", "feishu", "wecom"])
async def test_a_group_reads_how_many_of_two_thousand_are_not_listed(kind: str, language: str) -> None:
    """Those listed and those counted at the end are all 2,000, in both languages."""
    trial_of = Trial(KINDS[kind])
    provider: Any = trial_of.provider
    robot = Robot(kind=kind, url=provider.address, secret=getattr(provider, "secret", ""), language=language)
    sender = HttpSender(robot)
    assert isinstance(await sender.send(digest(2000)), Delivered)
    (taken,) = map(text_of_message, provider.taken)
    more = re.search(r"……另有(\d+)条" if language == "zh" else r"\.\.\. and (\d+) more", taken)
    assert more is not None
    assert len(re.findall(r"(?m)^\d+\. ", taken)) + int(more[1]) == 2000
    await sender.close()
    await trial_of.close()


@pytest.mark.parametrize("kind", ["dingtalk", "feishu"])
async def test_a_signature_of_an_hour_ago_is_refused(kind: str) -> None:
    """The providers check the time: what was signed is signed again at each try."""
    trial_of = Trial(KINDS[kind])
    provider: Any = trial_of.provider
    robot = Robot(kind=kind, url=provider.address, secret=provider.secret)
    old = robot.request(fired(), int(time.time()) - 3700)
    headers = {name.lower(): value for name, value in old.headers.items()}
    reply = await asyncio.to_thread(
        provider.take, Received(0.0, old.url.removeprefix(provider.host), headers, old.body)
    )
    assert isinstance(robot.judge(Answer(reply.status, {}, reply.body, 0)), Refused)
    await trial_of.close()


async def test_a_person_who_reads_english_is_told_in_english() -> None:
    """By the same channel as everybody else."""
    trial_of = Trial(KINDS["http-form"])
    assert isinstance(await trial_of.send(fired(msgspec.structs.replace(PERSON, language="en"))), Delivered)
    assert "Free chlorine below the limit" in trial_of.provider.taken[0]
    await trial_of.close()


async def test_a_test_message_says_that_it_is_one(trial_of: Trial) -> None:
    """Nobody runs to a pump because of it."""
    outcome = await trial_of.send(trial(trial_of.to))
    assert isinstance(outcome, Delivered), outcome
    if not isinstance(trial_of.provider, Aliyun | Tencent):  # there the registered template says it
        assert "测试" in text_of_message(trial_of.provider.taken[0])


async def test_neither_secrets_nor_the_person_stand_in_any_words(trial_of: Trial) -> None:
    """A provider that quotes all that it was sent: what is journaled and logged holds none of it."""
    wrong = "wrong-but-still-secret"
    sender = trial_of.sender(wrong)
    secrets = (wrong, PHONE, PERSON.name, PERSON.email)
    refused = await sender.send(fired(trial_of.to))
    outcomes = [refused]
    for status in (200, 400, 500):
        quoted = " ".join((wrong, PHONE, "+86" + PHONE, PERSON.name)).encode()
        trial_of.provider.next(
            Reply(status, body=b'{"errcode":7,"code":7,"errmsg":"%b","msg":"%b"}' % (quoted, quoted))
        )
        outcomes.append(await sender.send(fired(trial_of.to)))
    texts = [outcome.words for outcome in outcomes] + [repr(sender), repr(vars(sender).get("_kind"))]
    for text in texts:
        shown = secrets if trial_of.kind.personal else (wrong,)
        assert not any(secret in text for secret in shown), text


SMS = sorted(name for name, kind in KINDS.items() if kind.personal)


@pytest.fixture(params=SMS)
async def sms(request: pytest.FixtureRequest) -> AsyncIterator[Trial]:
    """Each kind that tells a person by SMS."""
    one = Trial(KINDS[request.param])
    yield one
    await one.close()


async def test_an_sms_never_holds_a_link_or_a_new_line(sms: Trial) -> None:
    """Neither the acknowledge page nor what somebody wrote into the name of a place."""
    notice = fired(sms.to)
    told = msgspec.json.decode(notice.context)
    told["told"][0]["place"] = {"zh": "泵房 http://evil.example/x\n【假签名】", "en": ""}
    assert isinstance(await sms.send(msgspec.structs.replace(notice, context=msgspec.json.encode(told))), Delivered)
    text = text_of_message(sms.provider.taken[0])
    assert "泵房" in text
    assert not any(part in text for part in ("http", "hygeia.example", "evil", "\n"))


async def test_a_person_without_a_number_is_refused_before_anything_is_sent(sms: Trial) -> None:
    """Delivery then takes the next channel at once."""
    for to in (None, Recipient("p-8", "无号码")):
        assert await sms.send(fired(to)) == Refused("the person has no phone number")
    assert sms.provider.received == []


async def test_a_number_that_is_none_is_refused(sms: Trial) -> None:
    """It will never be one; the number itself does not stand in the words."""
    outcome = await sms.send(fired(Recipient("p-8", phone="23800138000")))
    assert isinstance(outcome, Refused), outcome
    assert "23800138000" not in outcome.words
