"""Settings: where they come from, who wins, and all faults at once without a secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.config import Settings, load
from gateway.config.document import example
from gateway.config.layers import KEYS, SECRETS, variable
from gateway.errors import ConfigurationError

Write = Callable[[str], Path]
#: Secrets that are addresses.
WEB = {"alerts.webhook", "alerts.heartbeat_url"}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write hygeia.toml into an empty folder that is also the working directory; returns the folder."""
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> Path:
        (tmp_path / "hygeia.toml").write_text(text, encoding="utf-8")
        return tmp_path

    return write


def faults(config: Path | None = None, data_dir: Path | None = None, **environ: str) -> list[str]:
    """Return the faults of a configuration that must have some."""
    with pytest.raises(ConfigurationError) as caught:
        load(config, data_dir, environ=environ)
    assert caught.value.exit_code == 2
    return caught.value.faults


def test_an_empty_folder_has_the_defaults(tmp_path: Path) -> None:
    """Without a file and variables every key has its default and the data live where the option says."""
    settings = load(None, tmp_path, environ={})
    assert settings.data.dir == tmp_path
    assert settings == Settings(data={"dir": tmp_path})
    assert settings.journal.min_free == 512 * 1024 * 1024
    assert settings.http.address == ("127.0.0.1", 8080)
    assert settings.zone.key == "Asia/Shanghai"


def test_option_wins_over_environment_over_file(write: Write, tmp_path: Path) -> None:
    """The file is overridden by the environment and both by the option."""
    folder = write('data.dir = "/from-file"\nmqtt.root = "a/b"\njournal.keep_days = 3\n')
    environ = {"HYGEIA_DATA__DIR": "/from-environment", "HYGEIA_JOURNAL__KEEP_DAYS": "5"}
    settings = load(folder / "hygeia.toml", None, environ=environ)
    assert (settings.data.dir, settings.mqtt.root, settings.journal.keep_days) == (Path("/from-environment"), "a/b", 5)
    assert load(None, folder, environ=environ).data.dir == tmp_path


def test_without_options_the_file_of_the_working_folder_counts(write: Write) -> None:
    """``./hygeia.toml`` is read where neither file nor folder is named, else the one in the named data folder."""
    folder = write("mqtt.receive_maximum = 7")
    assert load(environ={}).mqtt.receive_maximum == 7
    (folder / "hygeia.toml").rename(folder / "sub.toml")
    (folder / "data").mkdir()
    (folder / "sub.toml").rename(folder / "data" / "hygeia.toml")
    assert load(environ={"HYGEIA_DATA__DIR": "data"}).mqtt.receive_maximum == 7
    assert load(environ={"HYGEIA_DATA__DIR": "none"}).mqtt.receive_maximum == Settings().mqtt.receive_maximum


def test_paths_of_the_file_are_relative_to_it(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """``data.dir = "."`` means the folder of the file wherever the command is called."""
    folder = write('data.dir = "."\nmqtt.url = "mqtts://broker"\nmqtt.ca = "ca.pem"\n')
    (folder / "ca.pem").touch()
    monkeypatch.chdir("/")
    settings = load(folder / "hygeia.toml", environ={})
    assert settings.data.dir == folder
    assert settings.mqtt.ca == folder / "ca.pem"


def test_every_key_can_be_set_in_the_environment() -> None:
    """Each key has a variable, and a fault in it names that variable."""
    for key in KEYS:
        if key not in {"data.dir", "influx.org", "influx.bucket", "influx.token", "alerts.webhook_secret"}:
            found = faults(None, Path("/nonexistent"), **{variable(key): "\n no // value"})
            assert any(line.startswith(f"{key} = ") and variable(key) in line for line in found), (key, found)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('time_zone = "Asia/Shangai"', "time_zone = 'Asia/Shangai'|no such zone; allowed: an IANA name"),
        ("journal.keep_days = 0", "journal.keep_days = 0|allowed: 1 to 36500"),
        ('journal.min_free = "512Mi"', "journal.min_free = '512Mi'|at least 1MiB"),
        ('journal.segment = "1KiB"', "journal.segment = '1KiB'|from \"64KiB\""),
        ('mqtt.url = "http://h"', "mqtt.url = (not shown)|allowed: mqtt://user:password@host:port"),
        ('mqtt.url = "mqtt://h:0x"', "mqtt.url = (not shown)|the port is no number"),
        ('mqtt.url = "mqtt://u:p/w@h"', "mqtt.url = (not shown)|% form"),
        ('mqtt.root = "hygeia/#"', "mqtt.root = 'hygeia/#'|without +, #"),
        ('mqtt.client_id = "a b"', "mqtt.client_id = 'a b'|1 to 64"),
        ("mqtt.receive_maximum = 70000", "mqtt.receive_maximum = 70000|1 to 65535"),
        ('mqtt.url = "mqtts://h"\nmqtt.ca = "no.pem"', "mqtt.ca = |No such file or directory"),
        ('timeseries.store = "csv"', "timeseries.store = 'csv'|embedded or influx"),
        ('influx.url = "influx:8086"', "influx.url = 'influx:8086'|http://host:port"),
        ('influx.url = "http://u:SECRET@h:1"', "influx.url = (not shown)|without user, password"),
        ('influx.url = "http://h:1/x?p=SECRET"', "influx.url = (not shown)|credentials have settings of their own"),
        ('influx.token = "schlüssel"', "influx.token = (not shown)|printable ASCII"),
        ('http.listen = "8080"', "http.listen = '8080'|host:port"),
        ('http.listen = "::1:80"', "http.listen = '::1:80'|brackets"),
        ('alerts.packs = ["gb5479"]', "alerts.packs = ['gb5479']|there is no pack 'gb5479'; allowed: "),
        ('alerts.webhook = "hook"', "alerts.webhook = (not shown)|http://host/path"),
        ('ledger.origin = "a b"', "ledger.origin = 'a b'|without space"),
        ('log.level = "loud"', "log.level = 'loud'|debug, info, warning or error"),
        ('mqtt = "mqtt://h"', "mqtt (from |[mqtt] with keys under it"),
        ('mqtt.ulr = "mqtt://h"', "mqtt.ulr (from |no such key; the nearest is mqtt.url"),
        ("[jurnal]\nkeep_days = 3", "jurnal (from |no such key; the nearest is journal"),
        ("mqtt.url = mqtt://h", "hygeia.toml: not TOML: |at line 1"),
        ('influx.token_file = "none"', "influx.token_file (from |the name of a file with the secret"),
    ],
)  # fmt: skip
def test_one_fault_is_one_line_with_key_value_source_and_what_is_allowed(write: Write, line: str, words: str) -> None:
    """Each fault names key, value (not of a secret), the file it stands in and what is allowed."""
    folder = write(line + "\n")
    (found,) = faults(None, folder)
    start, rest = words.split("|")
    assert start in found
    assert rest in found
    assert "\n" not in found
    assert str(folder / "hygeia.toml") in found


def test_all_faults_come_at_once(write: Write) -> None:
    """Faults of file, environment, secret files and between keys are listed together."""
    folder = write(
        'journal.keep_days = "x"\nmqtt.ulr = "mqtt://h"\nmqtt.cert = "/no.pem"\ntimeseries.store = "influx"\n'
        'influx.token_file = "no"\nalerts.packs = ["no"]\n'
    )
    found = faults(None, folder, HYGEIA_HTTP__LISTEN="x", HYGEIA_FOO__BAR="1", HYGEIA_INFLUX__ORG="o")
    keys = [line.split(" ")[0] for line in found]
    assert sorted(keys) == sorted(
        ["journal.keep_days", "mqtt.ulr", "mqtt.cert", "mqtt.cert", "mqtt.cert", "influx.bucket", "influx.token_file",
         "alerts.packs", "http.listen", "foo.bar"]
    )  # fmt: skip


def test_a_fault_in_one_key_brings_no_fault_of_its_dependants(write: Write) -> None:
    """A wrong broker address does not also accuse the certificate of standing beside an unencrypted address."""
    folder = write('mqtt.url = "mqts://h"\nmqtt.ca = "ca.pem"\n')
    (folder / "ca.pem").touch()
    (found,) = faults(None, folder)
    assert found.startswith("mqtt.url")


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    """``--config`` with a file that is absent is a fault, not silently the defaults."""
    (found,) = faults(tmp_path / "no.toml")
    assert "no.toml: No such file or directory" in found


def test_names_of_others_in_the_environment_are_left_alone(tmp_path: Path) -> None:
    """Variables that Kubernetes sets for a service called hygeia, and the language, are no faults."""
    environ = {"HYGEIA_PORT": "tcp://10.0.0.1:80", "HYGEIA_SERVICE_HOST": "10.0.0.1", "HYGEIA_LANG": "zh"}
    assert load(None, tmp_path, environ=environ) == load(None, tmp_path, environ={})


@pytest.mark.parametrize("key", sorted(SECRETS))
def test_secrets_are_read_from_files(write: Write, key: str) -> None:
    """Each secret may stand in a file, named in hygeia.toml or in the environment, without its line break."""
    value = "mqtt://gate:pw@h:1" if key == "mqtt.url" else "http://hook/x" if key in WEB else "s3cret"
    folder = write(f'{key}_file = "secret"\n')
    (folder / "secret").write_text(f"{value}\n")
    by_file = load(None, folder, environ={})
    folder = write("")
    by_environment = load(None, folder, environ={f"{variable(key)}_FILE": str(folder / "secret")})
    section, name = key.split(".")
    for settings in (by_file, by_environment):
        assert getattr(getattr(settings, section), name).get_secret_value() == value


def test_a_secret_given_twice_is_a_fault(write: Write) -> None:
    """Value and file of one secret in one place leave open which counts."""
    folder = write('influx.token = "a"\ninflux.token_file = "b"\n')
    (found,) = faults(None, folder)
    assert found.startswith("influx.token_file (from ")
    assert "influx.token is given as well" in found


@pytest.mark.parametrize("show", [str, repr, lambda settings: settings.model_dump_json()])
def test_no_secret_is_printed(show: Callable[[Settings], str], tmp_path: Path) -> None:
    """Neither text nor JSON of the settings shows a secret, and the shown broker address has no password."""
    environ = {
        "HYGEIA_MQTT__URL": "mqtt://gate:s3cret@h:1",
        "HYGEIA_INFLUX__TOKEN": "s3cret",
        "HYGEIA_ALERTS__WEBHOOK": "http://hook/s3cret",
        "HYGEIA_ALERTS__WEBHOOK_SECRET": "s3cret",
    }
    settings = load(None, tmp_path, environ=environ)
    assert "s3cret" not in show(settings)
    assert settings.mqtt.shown_url == "mqtt://gate@h:1"


@pytest.mark.parametrize("key", sorted(SECRETS))
def test_no_secret_stands_in_a_fault(tmp_path: Path, key: str) -> None:
    """A faulty secret, and a secret that was written where its file's name belongs, are not quoted."""
    for name in (variable(key), f"{variable(key)}_FILE"):
        found = faults(None, tmp_path, **{name: "s3cret\n", "HYGEIA_LOG__LEVEL": "x", "HYGEIA_INFLUX__URL": "x"})
        assert not any("s3cret" in line for line in found)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("mqtt://h", ("h", 1883, False, None, None)),
        ("mqtts://h", ("h", 8883, True, None, None)),
        ("mqtt://u@h:1", ("h", 1, False, "u", None)),
        ("mqtt://a%2Fb:p%40%3A@[::1]:1", ("::1", 1, False, "a/b", "p@:")),
    ],
)
def test_a_broker_address_is_taken_apart(url: str, parts: tuple[Any, ...]) -> None:
    """Default ports follow the scheme, user and password are decoded, IPv6 stands in brackets."""
    assert tuple(Settings(mqtt={"url": url}).mqtt.broker) == parts


def test_lists_in_the_environment_have_commas(tmp_path: Path) -> None:
    """Names with commas are a list, and no name is an empty one."""
    environ: Mapping[str, str] = {"HYGEIA_ALERTS__PACKS": ""}
    assert load(None, tmp_path, environ=environ).alerts.packs == ()
    found = faults(None, tmp_path, HYGEIA_ALERTS__PACKS="no-a, no-b")
    assert ["'no-a'" in found[0], "'no-b'" in found[1]] == [True, True]


def test_the_file_that_init_writes_is_valid_as_it_is_and_with_every_key_in_force(tmp_path: Path) -> None:
    """The commented file names every key; uncommented, each line is TOML and has the default."""
    file = tmp_path / "hygeia.toml"
    text = example(Settings())
    file.write_text(text, encoding="utf-8")
    expected = Settings(data={"dir": tmp_path})
    assert load(file, environ={}) == expected
    lines = re.findall(r"(?m)^(?:# )?([a-z_.]+) = (.+)$", text)
    assert [key for key, _ in lines] == list(KEYS)
    file.write_text("".join(f"{key} = {value}\n" for key, value in lines), encoding="utf-8")
    assert load(file, environ={}) == expected
