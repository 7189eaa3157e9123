"""The verifier of bundles finds every change: bits, members, order, keys, entries, chains, figures of the report."""

from __future__ import annotations

import ast
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custody.evidence import verify
from custody.evidence.bundle import Claim, pack
from custody.evidence.verify import Check, Key, canonical
from custody.ledger.note import COSIGNS, key_of
from tests.support.evidence import LABEL, ORIGIN, T0, SmallLedger, bundle_of, clean_chain

WITNESS = Ed25519PrivateKey.from_private_bytes(b"\x09" * 32)


def kinds(data: bytes, key: str | None = None, *witnesses: str) -> list[str]:
    """The kinds of all faults."""
    found = Check(data, None if key is None else Key(key), [Key(one) for one in witnesses]).run()
    return [one["kind"] for one in found.faults]


@pytest.fixture(scope="module")
def ledger() -> SmallLedger:
    """A clean chain."""
    return clean_chain()


@pytest.fixture(scope="module")
def whole(ledger: SmallLedger) -> bytes:
    """Its bundle."""
    return bundle_of(ledger)


def least() -> bytes:
    """The smallest bundle: one event; report and verifier are a line each."""
    ledger = SmallLedger()
    ledger.event("collect", 0, [LABEL])
    return bundle_of(ledger, report=b'<data value="0/id">E-0</data>', verifier=b"pass\n")


def test_a_clean_bundle_is_whole_and_its_origin_needs_a_key(ledger: SmallLedger, whole: bytes) -> None:
    """Without a key it proves integrity alone, with the ledger's key the origin too."""
    alone, known = Check(whole, None, []).run(), Check(whole, Key(ledger.vkey), []).run()
    assert (alone.faults, alone.facts["origin_proved"]) == ([], False)
    assert (known.faults, known.facts["origin_proved"]) == ([], True)


def test_the_words_say_what_is_proved_and_what_is_not(ledger: SmallLedger, whole: bytes) -> None:
    """In both languages; a pinned head says how far completeness goes."""
    found = Check(whole, Key(ledger.vkey), []).run()
    english, chinese = "\n".join(found.words(0)), "\n".join(found.words(1))
    assert "Up to entry 3 nothing was left out" in english
    assert "NOT PROVED" in english
    assert "That scales and sensors were right" in english
    assert "未证明" in chinese
    assert "no witness" in english


def test_every_flipped_bit_of_a_small_bundle_is_found() -> None:
    """All bits of the file, one at a time."""
    data = least()
    flipped = bytearray(data)
    for place in range(len(data)):
        for bit in range(8):
            flipped[place] ^= 1 << bit
            assert kinds(bytes(flipped)), (place, bit)
            flipped[place] ^= 1 << bit
    assert kinds(bytes(flipped)) == []


@pytest.mark.parametrize(
    ("step", "bits"), [(5, 1), pytest.param(1, 8, marks=[pytest.mark.slow, pytest.mark.timeout(600)])]
)
def test_every_flipped_bit_inside_a_member_is_found_by_hash_and_signature(step: int, bits: int) -> None:
    """Checksums of the ZIP are made right again, so that only hashes and signatures can tell."""
    members = verify.unpack(least())
    for name, content in members.items():
        changed = bytearray(content)
        for place in range(0, len(content), step):
            for bit in range(place % 8, place % 8 + bits):
                changed[place] ^= 1 << bit % 8
                assert kinds(pack({**members, name: bytes(changed)})), (name, place, bit)
                changed[place] ^= 1 << bit % 8


@pytest.mark.parametrize("cut", [1, 22, 100, 5_000])
def test_a_truncated_bundle_is_found(whole: bytes, cut: int) -> None:
    """However much is missing at the end."""
    assert kinds(whole[:-cut]) in (["not_canonical"], ["not_a_bundle"], ["member_changed"])


def rezipped(whole: bytes, change: str) -> bytes:
    """The same members in another ZIP."""
    members = verify.unpack(whole)
    names = sorted(members)
    file = io.BytesIO()
    if change == "order":
        names.reverse()
    method = zipfile.ZIP_DEFLATED if change == "compression" else zipfile.ZIP_STORED
    with zipfile.ZipFile(file, "w", method) as archive:
        for name in names:
            moment = (2020, 1, 1, 0, 0, 0) if change == "time" else (1980, 1, 1, 0, 0, 0)
            info = zipfile.ZipInfo(name, moment)
            info.compress_type, info.create_system, info.external_attr = method, 3, 0o100644 << 16
            if change == "rights":
                info.external_attr = 0o100755 << 16
            if change == "extra":
                info.extra = b"\xff\xff\x01\x00x"
            archive.writestr(info, members[name])
        if change == "comment":
            archive.comment = b"hello"
    return file.getvalue() + (b"\0" if change == "trailing" else b"")


@pytest.mark.parametrize("change", ["order", "compression", "time", "rights", "extra", "comment", "trailing"])
def test_another_zip_of_the_same_members_is_found(whole: bytes, change: str) -> None:
    """Only the one ZIP that the members make is a bundle."""
    assert kinds(rezipped(whole, change)) == ["not_canonical"]
    assert rezipped(whole, "") == whole


def test_a_duplicate_member_is_found(whole: bytes) -> None:
    """Readers of ZIP files disagree about which one counts."""
    file = io.BytesIO(whole)
    info = zipfile.ZipInfo("verify.py", (1980, 1, 1, 0, 0, 0))
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(info, b"print('all is well')")
    assert kinds(file.getvalue()) == ["duplicate_member"]


def test_an_added_a_removed_and_a_changed_member_are_named(whole: bytes) -> None:
    """Each with its own kind."""
    members = verify.unpack(whole)
    assert kinds(pack({**members, f"raw/{'0' * 64}": b"x"})) == ["member_unlisted"]
    assert kinds(pack({name: raw for name, raw in members.items() if not name.startswith("raw/")})) == [
        "member_missing",
        "member_missing",
    ]
    assert kinds(pack({name: raw for name, raw in members.items() if name != "report.html"})) == ["member_missing"]
    assert kinds(pack({**members, "report.html": b"<p>"})) == ["member_changed"]
    assert kinds(pack({**members, "readme": b"<p>"})) == ["not_canonical"]


def test_another_key_is_found(ledger: SmallLedger, whole: bytes) -> None:
    """Somebody else's bundle of the same entries is whole, and not of the ledger whose key is known."""
    other = SmallLedger(b"\5" * 32)
    other.event("collect", 0, [LABEL])
    forged = bundle_of(other)
    assert kinds(forged) == []
    assert kinds(forged, ledger.vkey) == ["other_key"]
    assert kinds(bundle_of(ledger, vkey=other.vkey)) == ["manifest_signature"]
    assert kinds(bundle_of(ledger, checkpoint=checkpoint_of(other, ledger))) == ["checkpoint_signature"]
    assert kinds(whole, ledger.vkey) == []


def checkpoint_of(signer: SmallLedger, of: SmallLedger) -> bytes:
    """The head of one ledger signed by another's key."""
    kept, of.key = of.key, signer.key
    try:
        return of.checkpoint()
    finally:
        of.key = kept


def test_a_witness_whose_key_is_given_must_have_signed(ledger: SmallLedger, whole: bytes) -> None:
    """Its cosignature is checked with its time."""
    key = str(key_of("witness.example", WITNESS, COSIGNS))
    assert kinds(whole, ledger.vkey, key) == ["cosignature"]
    witnessed = Check(bundle_of(ledger, witness=WITNESS), Key(ledger.vkey), [Key(key)]).run()
    assert witnessed.faults == []
    assert "Witnesses have signed the same head: witness.example." in "\n".join(witnessed.words(0))


def test_an_entry_left_out_of_the_middle_or_the_end_is_named(ledger: SmallLedger) -> None:
    """Though the maker holds the key and every proof of what is shown is right."""
    entity = f"container:{LABEL}"
    assert kinds(bundle_of(ledger, without=[0])) == ["chain_gap"]
    assert kinds(bundle_of(ledger, without=[2])) == ["chain_gap"]
    claim = Claim(entity, T0, ORIGIN, "0.1.0", {entity: 0})
    assert kinds(bundle_of(ledger, without=[2], claim=claim)) == ["omitted"]
    unpinned = Check(bundle_of(ledger, without=[2, 3], claim=claim), None, []).run()
    assert unpinned.faults == []
    assert "That nothing came after the newest entry shown" in "\n".join(unpinned.words(0))


def changed(whole: bytes, ledger: SmallLedger, name: str, new: bytes) -> bytes:
    """The bundle with one member replaced and everything signed anew by the holder of the key."""
    members = {**verify.unpack(whole), name: new}
    kept = {key: raw for key, raw in members.items() if not key.startswith(("manifest", "key.pub", "verify.py"))}
    return bundle_of(ledger, members=kept)


def test_an_entry_changed_by_the_holder_of_the_key_has_no_proof(ledger: SmallLedger, whole: bytes) -> None:
    """The bundle can be signed anew, the ledger's head cannot."""
    entry = json.loads(verify.unpack(whole)["entries/00000002.json"])
    entry["body"]["weight"]["net_g"] = 1
    new = canonical(entry).encode()
    assert kinds(changed(whole, ledger, "entries/00000002.json", new)) == ["proof"]
    loose = json.dumps(json.loads(new)).encode()
    assert kinds(changed(whole, ledger, "entries/00000002.json", loose)) == ["entry", "proof"]


def test_a_figure_of_the_report_that_no_entry_has_is_named(ledger: SmallLedger, whole: bytes) -> None:
    """The report is nobody's word but the entries'."""
    page = verify.unpack(whole)["report.html"]
    assert kinds(changed(whole, ledger, "report.html", page.replace(b">3420<", b">3240<"))) == ["report", "report"]
    stamp = page.index(b'<time data-of="0/ts"')
    moved = page[:stamp] + page[stamp:].replace(b"T00:", b"T01:", 1).replace(b" 00:", b" 01:", 1)
    assert kinds(changed(whole, ledger, "report.html", moved)) == ["report"]
    assert kinds(changed(whole, ledger, "report.html", b"<p>nothing</p>")) == ["report", "report"]


def test_a_fact_that_the_terminal_did_not_send_is_named() -> None:
    """The entry says one thing, the bytes that it cites another."""
    ledger = SmallLedger()
    body: dict[str, Any] = {"step": "store_in", "weight": {"net_g": 5}, "ids": ["MW9999"], "digest": "0" * 64}
    index = ledger.event("collect", 0, [LABEL], weight={"net_g": 3420})
    entry = json.loads(ledger.entries[index])
    wrong = SmallLedger()
    wrong.raws = ledger.raws
    wrong.append("custody", [f"container:{LABEL}"], entry["body"] | body)
    assert kinds(bundle_of(wrong)) == ["digest", "fact", "fact", "fact", "link"]


def test_it_runs_alone(tmp_path: Path, ledger: SmallLedger, whole: bytes) -> None:
    """Out of the bundle, by a Python that sees nothing of Hygeia; exit codes are 0, 1 and 2."""
    script = tmp_path / "verify.py"
    script.write_bytes(verify.unpack(whole)["verify.py"])
    (tmp_path / "good.zip").write_bytes(whole)
    (tmp_path / "bad.zip").write_bytes(whole[:-1])
    (tmp_path / "key").write_text(ledger.vkey + "\n")

    def run(*arguments: str) -> tuple[int, str]:
        ran = subprocess.run(
            [sys.executable, "-I", script, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return ran.returncode, ran.stdout

    code, text = run("good.zip", "--key", "key", "--json")
    assert (code, json.loads(text)) == (0, {"ok": True, "origin_proved": True, "faults": []})
    code, text = run("bad.zip", "--json")
    assert code == 1
    assert json.loads(text)["faults"][0]["kind"] == "not_canonical"
    assert run("absent.zip")[0] == 2
    assert run("good.zip", "--key", "nonsense+00+x")[0] == 2
    assert "未证明" in run("good.zip", "--lang", "zh")[1]


def test_it_imports_nothing_but_the_standard_library_and_cryptography() -> None:
    """And can be read by Python 3.9."""
    source = Path(verify.__file__).read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 9))
    names = {
        (node.module if isinstance(node, ast.ImportFrom) else alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert names - sys.stdlib_module_names == {"cryptography"}


def test_the_canonical_form_is_that_of_the_published_vectors(shared: Path) -> None:
    """RFC 8785: numbers, strings, order of keys."""
    for file in sorted((shared / "vectors/jcs/input").glob("*.json")):
        wanted = (shared / "vectors/jcs/output" / file.name).read_text(encoding="utf-8")
        assert canonical(json.loads(file.read_text(encoding="utf-8"))) == wanted.rstrip("\n"), file.name
