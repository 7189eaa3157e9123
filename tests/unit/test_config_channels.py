"""Channels in the settings: every kind, all faults at once by their key, secrets from files and the environment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alerts.notify import aliyun_sms, tencent_sms
from alerts.notify.robots import ROBOTS
from gateway.channels import channel_infos, traits_of
from gateway.config import Settings, load
from gateway.config.channels import KINDS, EmailChannel
from gateway.errors import ConfigurationError

Write = Callable[[str], Path]

#: The least that each kind needs.
LEAST: dict[str, dict[str, Any]] = {
    "webhook": {"url": "http://h/x"},
    "dingtalk": {"url": "https://h/robot/send?access_token=s3cret"},
    "wecom": {"url": "https://h/cgi-bin/webhook/send?key=s3cret"},
    "feishu": {"url": "https://h/open-apis/bot/v2/hook/s3cret"},
    "http-form": {"url": "http://h/sms", "body": "to={phone}"},
    "aliyun-sms": {"access_key": "a", "access_secret": "s3cret", "sign_name": "疾控", "templates": {}},
    "tencent-sms": {"secret_id": "a", "secret_key": "s3cret", "app_id": "1400", "sign_name": "疾控", "templates": {}},
    "email": {"host": "mail.example", "sender": "hygeia@example.org"},
    "modem": {"device": "/dev/ttyUSB0"},
    "apprise": {"url": "json://h/s3cret"},
}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write hygeia.toml into an empty folder that is also the working directory; returns the folder."""
    monkeypatch.chdir(tmp_path)
    # Whether the package of apprise is there must not decide what these tests say.
    monkeypatch.setattr("gateway.config.checks.find_spec", lambda _: object())

    def write(text: str) -> Path:
        (tmp_path / "hygeia.toml").write_text(text, encoding="utf-8")
        return tmp_path

    return write


def faults(folder: Path, **environ: str) -> list[str]:
    """The faults of a configuration that must have some."""
    with pytest.raises(ConfigurationError) as caught:
        load(None, folder, environ=environ)
    return caught.value.faults


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_made_of_its_least_keys(write: Write, kind: str) -> None:
    """Each kind has a configuration that is accepted, and routing hears its name and never an address."""
    document = Settings.model_validate({"alerts": {"channels": {"one": {"kind": kind, **LEAST[kind]}}}})
    (info,) = channel_infos(document)
    assert (info.name, info.kind, info.language) == ("one", kind, "zh")
    assert info.personal == (kind in {"http-form", "aliyun-sms", "tencent-sms", "email", "modem"})
    assert "s3cret" not in repr(document)
    assert "s3cret" not in document.model_dump_json()


def test_the_usual_limits_are_those_of_the_providers() -> None:
    """What routing counts is what the descriptions of the providers say."""
    for kind, robot in ROBOTS.items():
        assert KINDS[kind].usual_limits == robot.limits
    assert KINDS["aliyun-sms"].usual_limits == aliyun_sms.LIMITS
    assert KINDS["tencent-sms"].usual_limits == tencent_sms.LIMITS


def test_channels_of_the_file_have_their_names_and_limits(write: Write) -> None:
    """Two channels of one kind stand side by side; the file's limits replace the usual ones."""
    folder = write(
        '[alerts]\nwebhook = "http://h/x"\n[alerts.channels.north]\nkind = "dingtalk"\nurl = "https://h/r"\n'
        '[alerts.channels.south]\nkind = "dingtalk"\nurl = "https://h/r"\nlimits = [[5, 60], [40, 3600]]\n'
        'batch = false\nlanguage = "en"\n'
    )
    infos = {one.name: one for one in channel_infos(load(None, folder, environ={}))}
    assert list(infos) == ["webhook", "north", "south"]
    assert infos["webhook"].limits == []
    assert not infos["webhook"].batch
    assert (infos["north"].limits, infos["north"].batch) == ([(20, 60)], True)
    assert (infos["south"].limits, infos["south"].batch) == ([(5, 60), (40, 3600)], False)
    assert infos["south"].language == "en"


def test_the_limits_of_people_are_no_pace_of_a_lane() -> None:
    """Fifty SMS a day to one number do not hold back the next person's; twenty a minute by a robot do."""
    channels = {"sms": {"kind": "modem", **LEAST["modem"]}, "robot": {"kind": "wecom", **LEAST["wecom"]}}
    found = traits_of(Settings.model_validate({"alerts": {"channels": channels}}))
    assert (found["sms"].needs, found["sms"].limits, found["sms"].link) == ("phone", (), False)
    assert (found["robot"].needs, found["robot"].limits, found["robot"].link) == ("", ((20, 60),), True)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('kind = "pigeon"', "alerts.channels.x.kind = 'pigeon'|allowed: webhook, dingtalk, wecom"),
        ('url = "http://h"', "alerts.channels.x.kind (from |it is missing; allowed: webhook"),
        ('kind = "dingtalk"', "alerts.channels.x.url (from |it is missing; allowed: http://host/path"),
        ('kind = "dingtalk"\nurl = "h/r"', "alerts.channels.x.url = (not shown)|not http://host"),
        ('kind = "wecom"\nurl = "http://h"\nkey = "s3cret"', "alerts.channels.x.key (from |no such key; the nearest"),
        ('kind = "wecom"\nurl = "http://h"\nlimits = [[0, 60]]', "alerts.channels.x.limits = [[0, 60]]|[messages, sec"),
        ('kind = "wecom"\nurl_file = "none"', "alerts.channels.x.url_file (from |the name of a file with the secret"),
        ('kind = "email"\nhost = "h"\nsender = "me"', "alerts.channels.x.sender = 'me'|not an e-mail address"),
        ('kind = "email"\nhost = "h"\nsender = "a@b"\nusername = "u"', "alerts.channels.x.password = |there is a user"),
        ('kind = "email"\nhost = "h"\nsender = "a@b"\nca = "no.pem"', "alerts.channels.x.ca = |No such file"),
        ('kind = "modem"\ndevice = "/dev/x"\nbaud = 300', "alerts.channels.x.baud = 300|9600, 19200"),
        ('kind = "http-form"\nurl = "http://h"\nsuccess = "well"', "alerts.channels.x.success = 'well'|'well' is no c"),
        ('kind = "http-form"\nurl = "http://h"\nmethod = "PATCH"', "alerts.channels.x.method = 'PATCH'|GET, POST or"),
    ],
)  # fmt: skip
def test_one_fault_is_one_line_with_channel_key_and_what_is_allowed(write: Write, lines: str, words: str) -> None:
    """Each fault names alerts.channels.NAME.key, the file it stands in and what is allowed, and shows no secret."""
    (found,) = faults(write(f"[alerts.channels.x]\n{lines}\n"))
    for word in words.split("|"):
        assert word in found
    assert "hygeia.toml" in found
    assert "s3cret" not in found


def test_all_faults_of_all_channels_come_at_once(write: Write) -> None:
    """A fault in one channel hides none in another, nor elsewhere."""
    folder = write(
        'journal.keep_days = 0\n[alerts.channels.a]\nkind = "wecom"\n[alerts.channels.b]\nkind = "modem"\nbaud = 1\n'
        '[alerts.channels.c]\nkind = "email"\nhost = "h"\nsender = "a@b"\nusername = "u"\n'
        '[alerts.channels."d e"]\nkind = "wecom"\nurl = "http://h"\n'
    )
    keys = [line.split()[0] for line in faults(folder)]
    wanted = ["journal.keep_days", "alerts.channels.a.url", "alerts.channels.b.device", "alerts.channels.b.baud"]
    assert sorted(keys) == sorted([*wanted, "alerts.channels.c.password", "alerts.channels.d"])


@pytest.mark.parametrize("text", ["alerts.channels = 3", 'alerts.channels = "a"', "alerts.channels.x = 3"])
def test_what_is_no_table_is_a_fault(write: Write, text: str) -> None:
    """A channel is a table."""
    (found,) = faults(write(text + "\n"))
    assert found.startswith("alerts.channels")


def test_two_names_that_are_one_in_the_environment_are_a_fault(write: Write) -> None:
    """A variable must say which channel it means."""
    folder = write("".join(f'[alerts.channels.{n}]\nkind = "wecom"\nurl = "http://h"\n' for n in ("a-b", "A_b")))
    (found,) = faults(folder)
    assert "alerts.channels.A_b" in found
    assert "another name" in found


def test_the_environment_overrides_one_key_of_a_channel(write: Write) -> None:
    """Its name there is upper case with _ for -; a list is JSON; a secret may stand in a file."""
    folder = write('[alerts.channels.Duty-Mail]\nkind = "email"\nhost = "h"\nsender = "a@b"\nusername = "u"\n')
    (folder / "secret").write_text("s3cret\n")
    settings = load(
        None,
        folder,
        environ={
            "HYGEIA_ALERTS__CHANNELS__DUTY_MAIL__PASSWORD_FILE": str(folder / "secret"),
            "HYGEIA_ALERTS__CHANNELS__DUTY_MAIL__PORT": "2525",
            "HYGEIA_ALERTS__CHANNELS__DUTY_MAIL__LIMITS": "[[1, 2]]",
            "HYGEIA_ALERTS__CHANNELS__DUTY_MAIL__TO": "c@d, e@f",
        },
    )
    one = settings.alerts.channels["Duty-Mail"]
    assert isinstance(one, EmailChannel)
    assert (one.port, one.limits, one.to) == (2525, ((1, 2),), ("c@d", "e@f"))
    assert one.password.get_secret_value() == "s3cret"


def test_a_channel_may_stand_in_the_environment_alone(write: Write) -> None:
    """Containers need no file; a fault names the variable."""
    folder = write("")
    environ = {"HYGEIA_ALERTS__CHANNELS__ROBOT__KIND": "feishu", "HYGEIA_ALERTS__CHANNELS__ROBOT__URL": "https://h/x"}
    assert list(load(None, folder, environ=environ).alerts.channels) == ["robot"]
    (found,) = faults(folder, **environ | {"HYGEIA_ALERTS__CHANNELS__ROBOT__URL": "s3cret"})
    assert "environment variable HYGEIA_ALERTS__CHANNELS__ROBOT__URL" in found
    assert "s3cret" not in found


def test_a_secret_of_a_channel_given_twice_is_a_fault(write: Write) -> None:
    """Value and file of one secret in one place leave open which counts."""
    folder = write('[alerts.channels.x]\nkind = "wecom"\nurl = "http://h"\nurl_file = "b"\n')
    (found,) = faults(folder)
    assert "alerts.channels.x.url is given as well" in found


def test_a_channel_called_webhook_beside_the_short_form_is_a_fault(write: Write) -> None:
    """One name is one channel."""
    folder = write('alerts.webhook = "http://h"\n[alerts.channels.webhook]\nkind = "wecom"\nurl = "http://h"\n')
    assert "another name" in faults(folder)[0]
