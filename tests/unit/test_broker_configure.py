"""What 'broker config' writes, keeps, renews and refuses, without a broker."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from devices.topics import matches
from gateway.broker import authority, folder, passwords, rights, soundness
from gateway.broker.conf import Options, conf
from gateway.broker.configure import current
from gateway.errors import ConfigurationError, HygeiaError, StartError, UsageError
from tests.plugins.broker_site import BrokerSite

NOW = dt.datetime(2026, 11, 22, 8, tzinfo=dt.UTC)
WHO = rights.Gateway("gateway", "hygeia", "hygeia/v1")


@pytest.fixture
def site(tmp_path: Path) -> BrokerSite:
    """Files that nobody runs a broker on."""
    return BrokerSite(tmp_path)


def contents(site: BrokerSite) -> dict[str, bytes]:
    """All files, by name."""
    return {file.name: file.read_bytes() for file in site.out.iterdir()}


def test_a_second_run_changes_no_byte(site: BrokerSite) -> None:
    """The same registry and accounts give the same files, certificates and hashes included, for months."""
    site.give("wq-1", "pw")
    site.certify("wq-2")
    first = site.write(NOW)
    assert first.first
    assert set(first.changed) == set(contents(site))
    before = contents(site)
    for days in (0, 30, 300):
        again = site.write(NOW + dt.timedelta(days=days))
        assert (again.changed, again.restart, again.first) == ([], False, False)
    assert contents(site) == before


def test_the_broker_reads_by_its_group_and_keys_are_the_owners_alone(site: BrokerSite) -> None:
    """Files of the broker have 0640 whatever the umask; keys of the installation 0600; no password is in the files."""
    site.give("wq-1", "very-secret")
    old = os.umask(0o077)
    try:
        site.write(NOW)
    finally:
        os.umask(old)
    assert {file.stat().st_mode & 0o777 for file in site.out.iterdir()} == {0o640}
    assert {file.stat().st_mode & 0o777 for file in site.installation.keys.iterdir()} == {0o600}
    for name, content in contents(site).items():
        assert b"very-secret" not in content, name
        assert b"of-the-gateway" not in content, name


def test_the_server_certificate_is_renewed_a_month_before_its_end(site: BrokerSite) -> None:
    """With 30 days left it stays, with fewer another one takes its place; new names make another one at once."""
    site.write(NOW)
    end = x509.load_pem_x509_certificate((site.out / "server.pem").read_bytes()).not_valid_after_utc
    assert site.write(end - dt.timedelta(days=30)).changed == []
    assert site.write(end - dt.timedelta(days=29, hours=23)).changed == ["server.pem"]
    site.options = Options(**{**_values(site.options), "hosts": ("broker.example", "10.0.0.7")})
    assert site.write(NOW).changed == ["server.pem"]
    assert set(authority.hosts_of((site.out / "server.pem").read_bytes())) == {"broker.example", "10.0.0.7"}
    site.options = Options(**{**_values(site.options), "hosts": ()})
    assert site.write(NOW).changed == []


def test_a_change_of_settings_asks_for_a_restart_and_accounts_for_a_reload(site: BrokerSite) -> None:
    """Listeners are read at the start only; passwords and rights at a reload too."""
    site.write(NOW)
    site.give("wq-1", "pw")
    assert site.write(NOW) == site.write(NOW)._replace(changed=["acl", "passwords"], restart=False)
    site.options = Options(**{**_values(site.options), "tls_port": 9883})
    changed = site.write(NOW)
    assert (changed.changed, changed.restart) == (["mosquitto.conf"], True)


def test_a_password_of_the_gateway_that_changes_changes_its_hash_alone(site: BrokerSite) -> None:
    """The hash of the gateway's password follows the settings; the others stay as they are."""
    site.give("wq-1", "pw")
    site.write(NOW)
    before = dict(line.split(":", 1) for line in (site.out / "passwords").read_text().splitlines())
    mqtt = site.settings.mqtt.model_copy(update={"url": type(site.settings.mqtt.url)("mqtt://gateway:new@127.0.0.1")})
    site.settings = site.settings.model_copy(update={"mqtt": mqtt})
    site.write(NOW)
    after = dict(line.split(":", 1) for line in (site.out / "passwords").read_text().splitlines())
    assert passwords.verify("new", after["gateway"])
    assert {name for name in before if before[name] != after[name]} == {"gateway"}


def test_who_is_not_registered_or_not_in_force_is_in_no_file(site: BrokerSite) -> None:
    """A device that left the registry, or whose credential was revoked, has neither a password nor a right."""
    for name in ("wq-1", "wq-2", "gone"):
        site.give(name, "pw")
    site.take("wq-2")
    site.write(NOW)
    for name in ("passwords", "acl"):
        text = (site.out / name).read_text()
        assert "wq-1" in text
        assert "wq-2" not in text
        assert "gone" not in text


def test_the_list_of_revoked_certificates_grows_and_is_newer_each_time(site: BrokerSite) -> None:
    """Each certificate that is no longer in force is on it until its end; each list is later than the one before."""
    lists = []
    for _ in range(3):
        site.certify("wq-1")
        site.write(NOW)
        lists.append(x509.load_pem_x509_crl((site.out / "crl.pem").read_bytes()))
    assert [len(list(one)) for one in lists] == [0, 1, 2]
    assert [one.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number for one in lists] == [1, 2, 3]
    times = [one.last_update_utc for one in lists]
    assert sorted(set(times)) == times
    assert times[-1] < NOW
    site.write(dt.datetime.now(dt.UTC) + dt.timedelta(days=40))
    assert list(x509.load_pem_x509_crl((site.out / "crl.pem").read_bytes())) == []


def test_devices_that_ended_by_date_are_told(site: BrokerSite) -> None:
    """They keep their rights for late data, and whoever runs the command reads that it is time to revoke them."""
    end = int(NOW.timestamp() * 1000)
    site.register(("devices", {"id": "wq-1", "kind": "water", "to": end}))
    site.give("wq-1", "pw")
    site.give("wq-2", "pw")
    assert not any("wq-1" in remark for remark in site.write(NOW - dt.timedelta(days=1)).remarks)
    (remark,) = (remark for remark in site.write(NOW).remarks if "wq-1" in remark)
    assert remark.startswith("devices wq-1: ended in the registry")
    assert "user wq-1" in (site.out / "acl").read_text()


def test_what_was_revoked_stays_so_where_the_credentials_were_lost(site: BrokerSite) -> None:
    """A state made again from the journal knows no serial; the list of before does, if our authority signed it."""
    for _ in range(2):
        site.certify("wq-1")
        site.write(NOW)
    before = (site.out / "crl.pem").read_bytes()
    assert len(list(x509.load_pem_x509_crl(before))) == 1
    site.rows.clear()
    site.write(NOW)
    assert (site.out / "crl.pem").read_bytes() == before
    site.certify("wq-1")
    site.certify("wq-1")
    site.write(NOW)
    assert len(list(x509.load_pem_x509_crl((site.out / "crl.pem").read_bytes()))) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"data": "/var/lib\nlistener 1"}, "--data '/var/lib\\nlistener 1': allowed"),
        ({"at": "etc/mosquitto"}, "--at 'etc/mosquitto': allowed: an absolute path"),
        ({"server_cert": "/a.pem"}, "--server-cert and --server-key: both"),
        ({"client_crl": "/a.pem"}, "--client-crl: it is the list of --client-ca"),
        ({"tls_port": 1883, "plain_port": 1883}, "each listener needs one of its own"),
    ],
)
def test_options_that_no_broker_could_use_are_refused(site: BrokerSite, options: dict[str, str], words: str) -> None:
    """One line names the option, and nothing is written."""
    site.options = Options(**{**_values(site.options), **options})
    with pytest.raises(ConfigurationError) as caught:
        site.write(NOW)
    assert words in str(caught.value)
    assert not site.out.exists()


def test_a_device_that_is_called_like_the_gateway_is_refused(site: BrokerSite) -> None:
    """A device with the name of the gateway's user or session would be the gateway: no file is written."""
    site.register(("devices", {"id": "hygeia", "kind": "water"}))
    site.give("hygeia", "pw")
    with pytest.raises(ConfigurationError, match="account of the gateway itself"):
        site.write(NOW)


def test_an_unsound_file_never_takes_the_place_of_a_good_one(site: BrokerSite) -> None:
    """A hash that Mosquitto would refuse stops the run; all files stay as they were."""
    site.give("wq-1", "pw")
    site.write(NOW)
    before = contents(site)
    site.rows[0]["digest"] = "$7$101$bad$bad"
    with pytest.raises(ConfigurationError, match="passwords: line"):
        site.write(NOW)
    assert contents(site) == before


def test_own_certificates_of_a_customer_are_named_and_ours_left_out(site: BrokerSite) -> None:
    """With the customer's certificate and authority the settings point to them, and no authority of ours is made."""
    own = {"server_cert": "/pki/s.pem", "server_key": "/pki/s.key", "client_ca": "/pki/ca.pem", "gateway_port": 0}
    site.options = Options(**{**_values(site.options), **own})
    site.write(NOW)
    assert set(contents(site)) == {"mosquitto.conf", "acl", "passwords", "health.password"}
    text = (site.out / "mosquitto.conf").read_text()
    assert "certfile /pki/s.pem\nkeyfile /pki/s.key\ncafile /pki/ca.pem\ntls_version" in text
    site.options = Options(**{**_values(site.options), "client_crl": "/pki/crl.pem"})
    site.write(NOW)
    assert "crlfile /pki/crl.pem\n" in (site.out / "mosquitto.conf").read_text()


def test_paths_are_those_that_the_broker_sees() -> None:
    """In a container the files lie elsewhere: every path of the settings follows --at and --data."""
    text = conf(Options(out="/srv/broker", at="/mosquitto/config/", data="/mosquitto/data"))
    assert "/srv" not in text
    assert "password_file /mosquitto/config/passwords\n" in text
    assert "persistence_location /mosquitto/data/\n" in text


def test_a_key_that_others_may_read_is_refused(site: BrokerSite) -> None:
    """The authority's key with 0644 is told in one line that says what to do."""
    site.write(NOW)
    (site.installation.keys / "ca.key").chmod(0o644)
    with pytest.raises(StartError, match="others may read it; run: chmod 600"):
        site.write(NOW)


def test_the_options_of_the_last_run_are_kept(site: BrokerSite) -> None:
    """What one run was asked for is there for the next, with the names that it chose; damage is told."""
    assert folder.load_options(site.installation) is None
    site.write(NOW)
    assert folder.load_options(site.installation) == site.options
    (site.installation.folder / "broker.json").write_text("{")
    with pytest.raises(StartError, match="cannot be read; remove it"):
        folder.load_options(site.installation)


def test_a_broker_that_cannot_be_told_is_an_error_in_one_line() -> None:
    """A process that is not there, a command that fails or does not exist: what it was, and that files are written."""
    with pytest.raises(HygeiaError, match="--reload 4194303: No such process; the files are written"):
        folder.reload(4194303, "")
    with pytest.raises(HygeiaError, match="--reload-command ended with 3: nobody; the files are written"):
        folder.reload(None, "sh -c 'echo nobody; exit 3'")
    with pytest.raises(HygeiaError, match=r"--reload-command: .*No such file"):
        folder.reload(None, "/no/such/program")
    folder.reload(None, "true")


@pytest.mark.parametrize(
    ("source", "device", "narrowed"),
    [
        (("dtu/+/data", "topic[1]"), "d", "dtu/d/data"),
        (("dtu/d/data", "topic[1]"), "d", "dtu/d/data"),
        (("dtu/x/data", "topic[1]"), "d", None),
        (("dtu/#", "topic[1]"), "d", "dtu/d/#"),
        (("dtu/#", "topic[3]"), "d", "dtu/+/+/d/#"),
        (("dtu/x", "=d"), "d", "dtu/x"),
        (("dtu/x", "=e"), "d", None),
        (("dtu/+/data", "$.sn"), "d", None),
    ],
)
def test_a_sources_filter_is_narrowed_to_one_device(source: tuple[str, str], device: str, narrowed: str | None) -> None:
    """The part of a filter that is one device's, by a level of the topic or by name; none where only payloads tell."""
    assert rights.narrowed({"filter": source[0], "device": source[1]}, device) == narrowed


LEVEL = st.sampled_from(["a", "b", "$x", ""])
TOPIC = st.lists(LEVEL, min_size=1, max_size=4)
FILTER = st.lists(LEVEL | st.just("+"), min_size=1, max_size=4).flatmap(
    lambda levels: st.sampled_from([levels, [*levels, "#"], [*levels[:-1], "#"]])
)


@given(FILTER, FILTER, TOPIC)
def test_filters_that_share_a_topic_overlap(one: list[str], other: list[str], topic: list[str]) -> None:
    """Whatever topic two filters both match, they are said to overlap."""
    if matches(one, topic) and matches(other, topic):
        assert rights.overlap("/".join(one), "/".join(other))


@pytest.mark.parametrize(("one", "other"), [("a/b", "a/c"), ("a", "a/b"), ("$SYS/#", "#"), ("a/+/c", "a/b/d/#")])
def test_filters_without_a_common_topic_do_not_overlap(one: str, other: str) -> None:
    """Different levels or lengths, and what begins with a dollar sign, are apart."""
    assert not rights.overlap(one, other)
    assert not rights.overlap(other, one)


def test_a_source_over_the_root_gives_devices_no_right(site: BrokerSite) -> None:
    """A filter that covers topics of the root is told, its devices get nothing by it, a shared account is kept out."""
    site.register(("sources", {"id": "all", "filter": "+/+/#", "device": "topic[1]"}))
    site.register(("devices", {"id": "v1", "kind": "water"}))
    site.give("v1", "pw")
    site.give("source-all", "pw")
    found = rights.rights_of(site.registry, _current(site), WHO)
    assert [right.filter for right in found.accounts["v1"]][:2] == ["hygeia/v1/+/v1/up/#", "hygeia/v1/+/v1/down/#"]
    assert not any(right.filter.startswith("+/") for right in found.accounts["v1"])
    assert found.accounts["source-all"][0] == rights.Right("deny", "hygeia/v1/#")
    assert any(line.startswith("source all: its filter covers topics of hygeia/v1") for line in found.remarks)
    assert any(line.startswith("sources all and box: a topic may belong to both") for line in found.remarks)


def test_a_filter_cannot_smuggle_a_line_into_the_rights(site: BrokerSite) -> None:
    """A filter with a line break, or blanks at its end, gets no line at all and is told."""
    for name, pattern in (("evil", "x/+\nuser wq-1\ntopic readwrite #"), ("blank", "x/+ ")):
        site.register(("sources", {"id": name, "filter": pattern, "device": "topic[1]"}))
    site.give("wq-1", "pw")
    remarks = site.write(NOW).remarks
    text = (site.out / "acl").read_text()
    assert "readwrite #" not in text
    assert "topic read x/" not in text
    assert sum("blanks at an end or characters that are not printable" in line for line in remarks) == 2


def test_rights_files_are_read_as_a_broker_would() -> None:
    """Lines that no broker knows, hashes of another form and what is no certificate are each named with their line."""
    found = soundness.faults(
        {
            "passwords": b"a:$7$101$x$y\n",
            "acl": b"topic read x\nuser u\ntopic read a/#/b\nnonsense\n",
            "server.pem": b"-",
            "crl.pem": b"-",
        }
    )
    assert [line.split(": ")[:2] for line in found] == [
        ["passwords", "line 1"],
        ["acl", "line 1"],
        ["acl", "line 3"],
        ["acl", "line 4"],
        ["server.pem", "no certificate with its key"],
        ["crl.pem", "no list of revoked certificates"],
    ]


@given(st.text(max_size=40))
def test_a_password_fits_its_own_hash_only(text: str) -> None:
    """Each hash has Mosquitto's form, a salt of its own, and is verified with its password and no other."""
    one, other = passwords.digest_of(text), passwords.digest_of(text)
    assert one != other
    assert passwords.is_digest(one)
    assert passwords.verify(text, one)
    assert not passwords.verify(text + "x", one)
    assert not passwords.verify(text, one.replace("$7$", "$6$"))


def test_passwords_are_long_and_different() -> None:
    """A hundred new ones are different and have 24 characters that nobody mistakes."""
    made = {passwords.new_password() for _ in range(100)}
    assert len(made) == 100
    assert all(len(one) == 24 and not set(one) & set("il1o0") for one in made)


def _request(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, name: str = "gateway") -> bytes:
    builder = x509.CertificateSigningRequestBuilder()
    builder = builder.subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_a_request_gives_its_key_and_nothing_else() -> None:
    """Who asks for another name gets a certificate of the device; the key stays where it was made."""
    key = authority.new_key()
    ours = authority.Authority(authority.new_authority(key, NOW), key)
    own = authority.new_key()
    made = authority.device_certificate(ours, "wq-1", NOW, 30, _request(own))
    assert made.key == b""
    assert authority.common_name(made.certificate) == "wq-1"
    found = x509.load_pem_x509_certificate(made.certificate)
    assert found.public_key() == own.public_key()
    assert f"{found.serial_number:x}" == made.serial
    found.verify_directly_issued_by(ours.certificate)


@pytest.mark.parametrize("bits", [1024, 0])
def test_a_request_that_cannot_be_used_is_refused(bits: int) -> None:
    """Weak keys, and bytes that are no request, are refused in one line that says what is allowed."""
    key = authority.new_key()
    ours = authority.Authority(authority.new_authority(key, NOW), key)
    csr = _request(rsa.generate_private_key(65537, bits)) if bits else b"nothing"
    with pytest.raises(UsageError, match=r"--csr: .*allowed: a certificate request in PEM"):
        authority.device_certificate(ours, "wq-1", NOW, 30, csr)


def _values(options: Options) -> dict[str, object]:
    return {name: getattr(options, name) for name in Options.__struct_fields__}


def _current(site: BrokerSite) -> list[rights.Credential]:
    return current(site.rows)
