"""Checks a bundle of evidence that Hygeia made. Needs Python 3.9 or newer and the package ``cryptography`` alone.

    python verify.py BUNDLE.zip [--key KEY] [--witness KEY] [--json] [--lang en|zh|both]

KEY is a C2SP verifier key, as text or as a file with that text. Take it from where you trust it, never from the
bundle: the key inside proves that the bundle is whole, not whose it is. Exit codes: 0 nothing wrong, 1 something is,
2 wrong use.

It trusts nothing it reads. The ZIP is built again and compared byte for byte; then hashes, signatures, proofs
(RFC 6962), chains and the bytes of the terminals are checked in this order, each layer only where the one before held.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import html
import io
import json
import re
import struct
import sys
import zlib
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

NAMES = re.compile(
    r"checkpoint|epcis\.jsonld|key\.pub|manifest\.(?:json|sig)|report\.html|verify\.py"
    r"|entries/[0-9]{8,16}\.json|proofs/[0-9]{8,16}\.tlog-proof|raw/[0-9a-f]{64}"
)
ALWAYS = ("checkpoint", "epcis.jsonld", "key.pub", "manifest.json", "manifest.sig", "report.html", "verify.py")
NUMBER = re.compile(r"0|[1-9][0-9]{0,15}")
VKEY = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})")
PROOF = "c2sp.org/tlog-proof@v1\n"
ED25519, COSIGNATURE = 1, 4
#: Keys of a message that are one line of text.
LINES = ("id", "step", "category", "manifest", "vehicle", "of", "place")
#: 2020-01-01 and 2262-04-11: a time that a terminal sends counts between them, else that of the receipt.
EARLIEST, LATEST = 1_577_836_800_000, 9_223_372_036_854
INTEGER = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]*)?")
GRAMS = re.compile(r"[+-]?[0-9]{1,9}(?:\.0{1,9})?")
KILOGRAMS = re.compile(r"[+-]?[0-9]{1,6}(?:\.[0-9]{1,9})?")
HEX = re.compile(r"(?:[0-9A-F]{2}){8,62}")
SHA256 = re.compile(r"[0-9a-f]{64}")
#: Headers of GS1 schemes whose tags may carry more behind the id (Tag Data Standard 2.3, section 14.5).
PLUS = ("F1", "F2", "F4", "F7", "F9", "FA")
#: The report's figures: ENTRY/path/in/the/body and the text that is shown.
FIGURE = re.compile(r'<data value="([0-9]+)/([a-z0-9_/]+)">([^<]*)</data>')
MOMENT = re.compile(r'<time data-of="([0-9]+)/([a-z_]+)" datetime="([^"]*)">([^<]*)</time>')

WORDS = {
    "fault": ("FAULT {kind} {entry}: {detail}", "错误 {kind} {entry}：{detail}"),
    "ok": ("Nothing is wrong with this bundle.", "证据包未发现任何错误。"),
    "bad": ("This bundle proves nothing as it is: see the faults.", "证据包有错误，不能作为证据，见上列错误。"),
    "subject": (
        "Subject: {subject}; {entries} entries of the ledger {origin}.",
        "对象：{subject}；账本 {origin} 的 {entries} 条记录。",
    ),
    "proved": ("PROVED", "已证明"),
    "not": ("NOT PROVED", "未证明"),
    "whole": ("Not one bit of the bundle was changed after it was signed.", "签名之后，证据包没有一位被改动。"),
    "in_log": (
        "All {entries} entries were in the ledger when its head over {size} entries was signed.",
        "账本 {size} 条记录的总哈希签名时，全部 {entries} 条记录已在账本中。",
    ),
    "chain": (
        "The chains of {chains} have every entry from the first to the newest shown; none was taken out between.",
        "{chains} 的记录链从第一条到所示最新一条均无缺号，中间没有被抽走的记录。",
    ),
    "range": ("Every entry from {first} to {last} is here.", "第 {first} 条至第 {last} 条记录全部在内。"),
    "pinned": (
        "Up to entry {pinned} nothing was left out at the end either: a later day's list names it as the newest.",
        "截至第 {pinned} 条，末尾也没有遗漏：其后的每日清单指明它为最新一条。",
    ),
    "raw": (
        (
            "What {events} custody entries say of ids, container, step, category, time, weight, badges, files, "
            "vehicle, manifest, other event, and of the place where the terminal named one, is what their messages say."
        ),
        (
            "{events} 条流转记录中的编号、容器、步骤、类别、时间、重量、工牌、附件、车辆、联单、相关事件，"
            "以及终端所报的地点，与此处的原始报文一致。"
        ),
    ),
    "names": ("Witnesses have signed the same head: {names}.", "见证方也签署了同一总哈希：{names}。"),
    "origin_proved": ("It was made by the holder of the key that you gave.", "它由您所给密钥的持有者制作。"),
    "no_origin": (
        "Whose bundle it is: the key is the bundle's own. Give the key of the ledger with --key.",
        "来源：所用密钥取自证据包本身。请用 --key 给出账本的公钥。",
    ),
    "no_pin": (
        "That nothing came after the newest entry shown: no daily list under the signed head names it.",
        "所示最新一条之后没有别的记录：已签名的总哈希之下没有每日清单指明这一点。",
    ),
    "of_day": (
        "That the day had no entry before the first and after the last shown.",
        "该日在所示第一条之前、最后一条之后没有别的记录。",
    ),
    "after_pin": (
        "That nothing came after the last daily list in the bundle.",
        "证据包中最后一份每日清单之后没有别的记录。",
    ),
    "no_witness": (
        "That the ledger was not written anew as a whole: no witness's key was given.",
        "账本没有被整体重写：未给出见证方的密钥。",
    ),
    "instrument": ("That scales and sensors were right.", "秤和传感器的读数正确。"),
    "gateway": (
        "What the gateway wrote itself: whose a badge or a place was, times of receipt, flags, alerts, counts.",
        "网关自行写入的内容：工牌和地点的归属、接收时间、标记、告警、计数。",
    ),
    "sender": (
        (
            "Who held the terminal; that a message is its own: the gateway found a right signature on {signed} "
            "of {events} events, which is not checked here."
        ),
        "谁在操作终端；报文出自该终端：网关认定 {events} 条事件中的 {signed} 条签名有效，此处不复核。",
    ),
    "readings": (
        (
            "All else in report and EPCIS view: what they judge (state, what is missing), and text that somebody "
            "may have added; only the report's figures and those of {shown} EPCIS events follow from the entries."
        ),
        (
            "报告和 EPCIS 视图的其余内容：其中的判断（状态、缺失项）以及可能另加的文字；"
            "只有报告中的数字和 {shown} 条 EPCIS 事件的数字由记录得出。"
        ),
    ),
}


class BadError(Exception):
    """A part that cannot be read; ``kind`` names the fault."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


def pack(members: dict[str, bytes]) -> bytes:
    """The one ZIP with these members: stored, sorted, 1980-01-01, mode 0644, nothing else."""
    body, directory = [], []
    at = 0
    for name in sorted(members):
        content, plain = members[name], name.encode("ascii")
        common = (20, 0, 0, 0, 33, zlib.crc32(content), len(content), len(content), len(plain), 0)
        body += [struct.pack("<4s5H3I2H", b"PK\3\4", *common), plain, content]
        directory += [struct.pack("<4s6H3I5H2I", b"PK\1\2", 0x314, *common, 0, 0, 0, 0o100644 << 16, at), plain]
        at += 30 + len(plain) + len(content)
    listed = b"".join(directory)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, len(members), len(members), len(listed), at, 0)
    return b"".join(body) + listed + end


def unpack(data: bytes) -> dict[str, bytes]:
    """The members of a bundle. Raises BadError unless ``data`` is the one ZIP that they make."""
    members: dict[str, bytes] = {}
    at = 0
    while data[at : at + 4] == b"PK\3\4":
        if len(data) < at + 30:
            raise BadError("not_a_bundle", "the file ends inside a header")
        _, _, _, method, _, _, crc, size, _, long, extra = struct.unpack_from("<4s5H3I2H", data, at)
        begin = at + 30 + long
        name, content = data[at + 30 : begin].decode("latin-1"), data[begin : begin + size]
        if method or extra or not NAMES.fullmatch(name):
            raise BadError("not_canonical", f"member {name!r} is compressed, has extras, or is none of a bundle")
        if name in members:
            raise BadError("duplicate_member", f"{name} occurs twice")
        if len(content) < size or zlib.crc32(content) != crc:
            raise BadError("member_changed", f"{name} is not what its checksum says")
        members[name] = content
        at = begin + size
    if not members:
        raise BadError("not_a_bundle", "this is no ZIP file")
    if pack(members) != data:
        raise BadError(
            "not_canonical", "built again from its members the file is another one: order, times or trailing bytes"
        )
    return members


def strict(data: bytes) -> Any:  # noqa: ANN401 - any JSON
    """JSON without double keys, NaN, numbers beyond a float or a byte order mark. Raises ValueError."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a key occurs twice")
        return found

    def refuse(text: str) -> float:
        raise ValueError(f"{text} is no JSON")

    def finite(text: str) -> float:
        found = float(text)
        return found if found - found == 0 else refuse(text)

    return json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_constant=refuse, parse_float=finite)


def canonical(value: object) -> str:
    """The RFC 8785 form. Raises ValueError where there is none."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{canonical(key)}:{canonical(value[key])}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        raise ValueError("an integer is beyond 2^53")
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """A float as ECMAScript writes it."""
    if value - value != 0:
        raise ValueError("not a finite number")
    if value == 0:
        return "0"
    mantissa, _, power = repr(abs(value)).partition("e")
    whole, _, rest = mantissa.partition(".")
    digits, point = (whole + rest).lstrip("0"), len(whole) + int(power or 0)
    point -= len(whole + rest) - len(digits)
    digits = digits.rstrip("0")
    sign, long = "-" if value < 0 else "", len(digits)
    if long <= point <= 21:
        return sign + digits + "0" * (point - long)
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if long > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def unbase64(text: str) -> bytes:
    """Base64 in its one canonical spelling. Raises ValueError."""
    found = base64.b64decode(text.encode("ascii"), validate=True)
    if base64.b64encode(found).decode() != text:
        raise ValueError("not canonical base64")
    return found


def moment(text: str) -> int:
    """Ms since 1970 UTC of ISO 8601 with an offset."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def quoted(text: str) -> str:
    """Text of the bundle in a line of its own words: nothing in it can end the line, the quotes, or hide."""
    return '"' + shown(text).replace('"', '\\"') + '"'


def shown(text: str) -> str:
    """``text`` with what does not print (control, direction, line separators, half surrogates) as escapes."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)


def message(text: str) -> dict[str, Any]:
    """A message with fractions as they were written, so that no weight goes through a float."""
    try:
        found: dict[str, Any] = json.loads(text, parse_float=Decimal, parse_int=_integer)
    except (ValueError, ArithmeticError):
        found = json.loads(text, parse_int=_integer)
    return found


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= 20 else Decimal(text)


def said_line(raw: object) -> str:
    """Text of 1 to 128 characters, or the digits of an integer; else nothing."""
    if isinstance(raw, str):
        return raw.strip() if len(raw) <= 128 and raw == _utf8(raw) else ""
    return str(raw) if isinstance(raw, int) and not isinstance(raw, bool) and -(2**63) <= raw < 2**63 else ""


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def said_time(raw: object, received: int) -> int:
    """When an event was, in ms; the time of its receipt where what was sent is no time."""
    if isinstance(raw, str):
        raw = int(raw.strip().partition(".")[0]) if INTEGER.fullmatch(raw.strip()) else None
    if isinstance(raw, Decimal):
        raw = float(raw)
    if isinstance(raw, bool) or not isinstance(raw, (int, float)) or raw - raw != 0:
        return received
    return int(raw) if EARLIEST <= int(raw) <= LATEST else received


def said_weight(raw: object) -> dict[str, Any] | None:
    """What was weighed, in whole grams; a part that is no weight is None."""
    if not isinstance(raw, dict):
        raw = None if raw is None else {}
    if raw is None:
        return None
    gross, tare, net = (_weight(raw.get(f"{name}_g"), raw.get(f"{name}_kg")) for name in ("gross", "tare", "net"))
    unsaid = raw.get("net_g") is None and raw.get("net_kg") is None
    if gross is not None and tare is not None and unsaid and gross >= tare:
        net = gross - tare
    mode, scale = raw.get("mode"), raw.get("scale")
    return {
        "gross_g": gross,
        "tare_g": tare,
        "net_g": net,
        "scale": _utf8(scale.strip()) if isinstance(scale, str) and len(scale) <= 64 else "",
        "mode": mode if isinstance(mode, str) and mode in {"scale", "typed", "estimated"} else "",
        "stable": raw.get("stable") is not False,
    }


def _weight(grams: object, kilograms: object) -> int | None:
    found = _whole(kilograms, KILOGRAMS, 1000) if grams is None else _whole(grams, GRAMS, 1)
    if found is None or found < 0 or (kilograms is not None and found != _whole(kilograms, KILOGRAMS, 1000)):
        return None
    return found


def _whole(raw: object, form: re.Pattern[str], scale: int) -> int | None:
    if isinstance(raw, bool) or not isinstance(raw, (int, Decimal, str)) or not form.fullmatch(str(raw).strip()):
        return None
    grams = Decimal(str(raw).strip()) * scale
    return int(grams) if grams == int(grams) else None


def said_badge(raw: object) -> str:
    """The badge of who did something; nothing where nobody is named."""
    return said_line(raw.get("badge")) if isinstance(raw, dict) else ""


def said_files(raw: object) -> list[str]:
    """The SHA-256 of each file, 32 at the most."""
    hashes = [one.get("sha256") for one in (raw if isinstance(raw, list) else [raw]) if isinstance(one, dict)]
    texts = [one.lower() for one in hashes if isinstance(one, str)]
    return list(dict.fromkeys(one for one in texts if SHA256.fullmatch(one)))[:32]


def said_id(raw: object) -> tuple[str, bool] | None:
    """The text of one id, and whether it is the memory of a tag; None where it names no container."""
    kind, sent = (raw.get("k"), raw.get("v")) if isinstance(raw, dict) else (None, raw)
    text = sent.strip() if isinstance(sent, str) and len(sent) <= 256 else ""
    if not text or kind == "tid":
        return None
    if kind != "epc":
        return _utf8(text), False
    text = text.upper()
    if not HEX.fullmatch(text):
        return _utf8(text), False
    return None if text.startswith(("E0", "E2")) or not text.strip("0") else (text, True)


def same_id(name: str, found: tuple[str, bool]) -> bool:
    """Whether the id ``name`` of an entry is what was read: a tag's memory may go on with zeros, or with other data."""
    text, tag = found
    if name == text or not tag or len(name) < 20 or len(name) > len(text) or len(name) % 4:
        return name == text
    if text.startswith(PLUS) and text[2] in "89ABCDEF":
        own, rest = int(name[-4:], 16), int(text[len(name) - 4 : len(name)], 16)
        return name[:-4] == text[: len(name) - 4] and own & rest == own
    return len(name) >= 24 and text.startswith(name) and not text[len(name) :].strip("0")


def said(sent: dict[str, Any], received: int) -> dict[str, Any]:
    """All that a message says, under the keys of a custody entry; ids and container are read by ``said_id``."""
    found: dict[str, Any] = {key: said_line(sent.get(key)) for key in LINES}
    found |= {key: said_badge(sent.get(key)) for key in ("by", "with", "approved_by")}
    for key in ("boot", "seq"):
        digits = said_line(sent.get(key)) if isinstance(sent.get(key), int) else ""
        found[key] = "" if digits.startswith("-") else digits
    return {
        **found,
        "ts": said_time(sent.get("ts"), received),
        "weight": said_weight(sent.get("weight")),
        "files": said_files(sent.get("files")),
    }


def told(body: dict[str, Any]) -> dict[str, Any]:
    """What a custody entry tells, in the form of ``said``."""
    found: dict[str, Any] = {key: body.get(key) or "" for key in LINES}
    found |= {key: (body.get(key) or {}).get("badge", "") for key in ("by", "with", "approved_by")}
    found |= {key: "" if body.get(key) is None else str(body[key]) for key in ("boot", "seq")}
    weight = body.get("weight")
    if weight is not None:
        weight = {key: weight.get(key) for key in ("gross_g", "tare_g", "net_g")} | {
            "scale": weight.get("scale", ""),
            "mode": weight.get("mode", ""),
            "stable": weight.get("stable", True),
        }
    return {**found, "ts": body["ts"], "weight": weight, "files": body.get("files", [])}


class Key:
    """A C2SP verifier key: ``name+id+key``. Raises ValueError."""

    def __init__(self, text: str) -> None:
        found = VKEY.fullmatch(text)
        if not found:
            raise ValueError("a verifier key has the form NAME+8 HEX DIGITS+BASE64")
        self.text, self.name, raw = text, found[1], unbase64(found[3])
        if len(raw) != 33 or raw[0] not in {ED25519, COSIGNATURE}:
            raise ValueError("the key is no Ed25519 key")
        self.kind, self.id = raw[0], hashlib.sha256(self.name.encode() + b"\n" + raw).digest()[:4]
        if self.id.hex() != found[2]:
            raise ValueError("the key does not have the id that it says")
        self._key = Ed25519PublicKey.from_public_bytes(raw[1:])

    def signed(self, signature: bytes, message: bytes) -> bool:
        """Whether this key made ``signature`` over ``message``."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def signed_note(self, body: str, lines: list[tuple[str, bytes]]) -> bool:
        """Whether one of the signature lines of a note is this key's; a cosignature has its time before it."""
        for name, raw in lines:
            if name != self.name or raw[:4] != self.id:
                continue
            message, signature = body.encode(), raw[4:]
            if self.kind == COSIGNATURE:
                message = b"cosignature/v1\ntime %d\n" % int.from_bytes(raw[4:12], "big") + message
                signature = raw[12:]
            if self.signed(signature, message):
                return True
        return False


class Note:
    """A C2SP checkpoint: ``origin, size, root``, ``body`` as it is signed, ``lines`` (name, id + signature)."""

    def __init__(self, data: bytes) -> None:
        text = data.decode("utf-8")
        head, blank, tail = text.rpartition("\n\n")
        self.body = head + "\n"
        parts = self.body.split("\n")
        if not blank or not tail.endswith("\n") or len(parts) < 4 or not NUMBER.fullmatch(parts[1]):
            raise ValueError("the checkpoint is no signed note of a log")
        self.origin, self.size, self.root = parts[0], int(parts[1]), unbase64(parts[2])
        self.lines: list[tuple[str, bytes]] = []
        for line in tail[:-1].split("\n"):
            dash, name, signature = (*line.split(" "), "", "")[:3]
            if dash != "\u2014" or line != f"{dash} {name} {signature}":
                raise ValueError("a signature line of the checkpoint is none")
            self.lines.append((name, unbase64(signature)))


def leaf(data: bytes) -> bytes:
    """The RFC 6962 hash of an entry."""
    return hashlib.sha256(b"\0" + data).digest()


def climb(index: int, size: int, node: bytes, proof: list[bytes]) -> bytes | None:
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.2); None where its length is wrong."""
    last = size - 1
    for part in proof:
        if last == 0:
            return None
        if index & 1 or index == last:
            node = hashlib.sha256(b"\1" + part + node).digest()
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\1" + node + part).digest()
        index, last = index >> 1, last >> 1
    return node if last == 0 else None


class Check:
    """One check of one bundle. ``faults`` is empty where nothing is wrong; ``facts`` fill the words."""

    def __init__(self, data: bytes, key: Key | None, witnesses: list[Key]) -> None:
        self.faults: list[dict[str, Any]] = []
        self.facts: dict[str, Any] = {"origin_proved": False}
        self._data, self._given, self._witnesses = data, key, witnesses
        self.members: dict[str, bytes] = {}
        self.entries: dict[int, dict[str, Any]] = {}
        self.leaves: dict[int, bytes] = {}

    def fault(self, kind: str, entry: int | None, detail: str) -> None:
        """Note one fault."""
        self.faults.append({"kind": kind, "entry": entry, "detail": detail})

    def run(self) -> Check:
        """Check layer after layer."""
        for layer in (self._zip, self._seal, self._head, self._log, self._chains, self._bytes, self._views):
            try:
                layer()
            except BadError as error:
                self.fault(error.kind, None, str(error))
            except Exception as error:  # noqa: BLE001 - whatever a hostile part does to its layer is a fault of the bundle
                self.fault("unreadable", None, f"{layer.__name__[1:]}: {type(error).__name__}: {error}")
            if self.faults:
                break
        self.facts["origin_proved"] = bool(self._given) and not self.faults
        return self

    def _zip(self) -> None:
        self.members = unpack(self._data)
        for name in ALWAYS:
            if name not in self.members:
                self.fault("member_missing", None, f"{name} is missing")

    def _seal(self) -> None:
        self.manifest = strict(self.members["manifest.json"])
        listed = self.manifest["members"]
        inside = self.members.keys() - {"manifest.json", "manifest.sig"}
        for name in sorted(inside ^ listed.keys()):
            kind = "member_missing" if name in listed else "member_unlisted"
            number = re.fullmatch(r"(?:entries|proofs)/([0-9]+)\..*", name)
            words = "listed and not there" if name in listed else "there and not listed"
            self.fault(kind, int(number[1]) if number else None, f"{name} is {words}")
        for name in sorted(inside & listed.keys()):
            if hashlib.sha256(self.members[name]).hexdigest() != listed[name]:
                self.fault("member_changed", None, f"{name} is not the one that was signed")
        if self.faults:
            return
        self.key = Key(self.members["key.pub"].decode("utf-8").rstrip("\n"))
        if not self.key.signed(unbase64(self.members["manifest.sig"].decode("ascii")), self.members["manifest.json"]):
            self.fault("manifest_signature", None, "the manifest is not signed by the key of the bundle")
        if self._given and self._given.text != self.key.text:
            self.fault("other_key", None, f"the bundle is of {self.key.text}, not of the key that was given")
        self.facts |= {"subject": self.manifest["subject"], "origin": self.manifest["origin"]}

    def _head(self) -> None:
        self.note = Note(self.members["checkpoint"])
        if self.note.origin != self.manifest["origin"]:
            self.fault("checkpoint", None, f"the checkpoint is of {self.note.origin}, not of {self.manifest['origin']}")
        if not self.key.signed_note(self.note.body, self.note.lines):
            self.fault("checkpoint_signature", None, "the checkpoint is not signed by the key of the bundle")
        for key in self._witnesses:
            if not key.signed_note(self.note.body, self.note.lines):
                self.fault("cosignature", None, f"{key.name} has not signed the checkpoint")
        self.facts |= {"size": self.note.size, "names": ", ".join(key.name for key in self._witnesses)}

    def _log(self) -> None:
        for name, data in self.members.items():
            if not name.startswith("entries/"):
                continue
            index = int(name[8:-5])
            self.leaves[index], self.entries[index] = leaf(data), strict(data)
            if name != f"entries/{index:08}.json" or canonical(self.entries[index]).encode() != data:
                self.fault("entry", index, "the entry is not in its one canonical form")
            self._proof(index)
        self.facts["entries"] = len(self.entries)
        covered = sum(index < self.note.size for index in self.entries)
        if len([name for name in self.members if name.startswith("proofs/")]) != covered:
            self.fault("proof", None, "there are proofs of entries that are not here")

    def _proof(self, index: int) -> None:
        data = self.members.get(f"proofs/{index:08}.tlog-proof")
        if index >= self.note.size:
            self.fault("uncovered", index, "no signed head covers the entry: it is in no ledger that anybody signed")
        elif data is None:
            self.fault("proof", index, "an entry below the checkpoint has a proof")
        if data is None:
            return
        head, _, checkpoint = data.decode("utf-8").partition("\n\n")
        lines = head.split("\n")
        if (
            f"{lines[0]}\n" != PROOF
            or lines[1] != f"index {index}"
            or checkpoint.encode() != self.members["checkpoint"]
        ):
            self.fault("proof", index, "the proof is of another entry or checkpoint")
        elif climb(index, self.note.size, self.leaves[index], list(map(unbase64, lines[2:]))) != self.note.root:
            self.fault("proof", index, "the entry is not in the ledger: its proof does not lead to the signed head")

    def _chains(self) -> None:
        chains: dict[str, dict[int, tuple[int, str | None]]] = {}
        for index in sorted(self.entries):
            for link in self.entries[index]["links"]:
                known = chains.setdefault(link["entity"], {})
                if link["entity_seq"] in known:
                    self.fault("chain_fork", index, f"{link['entity']} has two entries {link['entity_seq']}")
                known[link["entity_seq"]] = (index, link["entity_prev"])
        for entity, known in chains.items():
            for seq, (index, before) in known.items():
                there = known.get(seq - 1)
                if (seq == 0) != (before is None) or (there and self.leaves[there[0]].hex() != before):
                    self.fault("chain_broken", index, f"entry {seq} of {entity} does not follow the one before it")
                if there and there[0] >= index:
                    self.fault("chain_order", index, f"entry {seq} of {entity} stands before its predecessor")
        self._whole(chains)
        self._pins(chains)

    def _whole(self, chains: dict[str, dict[int, tuple[int, str | None]]]) -> None:
        """The chains, or the range, that the manifest promises are here without a gap."""
        subject, promised, span = self.manifest["subject"], self.manifest["chains"], self.manifest["range"]
        if any(type(number) is not int for number in [*promised.values(), *(span or ())]):
            raise BadError("unreadable", "the manifest promises chains or a range by something else than numbers")
        if subject not in promised and not (subject.startswith("day:") and span is not None):
            self.fault("chain_gap", None, f"the manifest promises no whole chain of {subject}")
        for entity, newest in sorted(promised.items()):
            known = chains.get(entity, {})
            if newest < 0:
                self.fault("chain_gap", None, f"the manifest promises a chain of {entity} without an entry")
            missing = [seq for seq in range(min(newest + 1, len(known) + 20)) if seq not in known]
            if missing:
                self.fault("chain_gap", None, f"{entity}: entries {missing[:20]} of its {newest + 1} are missing")
            if max(known, default=-1) > newest:
                self.fault("chain_gap", None, f"{entity} has more entries than the manifest says")
        if span is not None:
            first, last = span
            inside = sum(first <= index <= last for index in self.entries)
            if first > last or inside != last - first + 1:
                self.fault("chain_gap", None, f"not every entry from {first} to {last} is here")
        self.facts |= {"chains": sorted(promised), "range": span}

    def _pins(self, chains: dict[str, dict[int, tuple[int, str | None]]]) -> None:
        """The daily lists name the newest entry that each open container had; they must agree with what is shown."""
        promised, pinned = self.manifest["chains"], {}
        for index in sorted(self.entries):
            if self.entries[index]["kind"] != "heads":
                continue
            for entity, seq, head in self.entries[index]["body"]["heads"]:
                if entity not in promised:
                    continue
                there = chains.get(entity, {}).get(seq)
                if seq > promised[entity] or (there and self.leaves[there[0]].hex() != head):
                    self.fault("omitted", index, f"a daily list names another entry {seq} of {entity} than is shown")
                elif seq == promised[entity]:
                    pinned[entity] = index
        listed = {entity for entity in promised if entity.startswith("container:")}
        self.facts["pinned"] = min(pinned.values()) if listed and pinned.keys() == listed else None

    def _bytes(self) -> None:
        for name, data in self.members.items():
            if name.startswith("raw/") and hashlib.sha256(data).hexdigest() != name[4:]:
                self.fault("raw_changed", None, f"{name} does not have the hash that is its name")
        events = [(index, entry["body"]) for index, entry in self.entries.items() if entry["kind"] == "custody"]
        for index, entry in self.entries.items():
            raw = entry["body"].get("raw")
            if raw is None:
                continue
            sent = self.members.get(f"raw/{raw}")
            if sent is None:
                self.fault("raw_missing", index, f"the message {raw} that the entry cites is missing")
            elif entry["kind"] == "custody":
                self._event(index, entry["body"], sent)
        signed = sum(body.get("signature") == "good" for _, body in events)
        self.facts |= {"events": len(events), "signed": signed}

    def _event(self, index: int, body: dict[str, Any], data: bytes) -> None:
        """A custody entry against the bytes that the terminal sent."""
        text = data.decode("utf-8-sig")
        sent = message(text)
        if "not_canonical" in body["flags"]:
            digest = hashlib.sha256(data).hexdigest()
        else:
            digest = hashlib.sha256(canonical(strict(text.encode())).encode()).hexdigest()
        if digest != body["digest"]:
            self.fault("digest", index, "the message does not have the digest that the entry names")
        entry, heard = told(body), said(sent, body["received_at"])
        if not heard["place"]:
            # Then it is the terminal's own, which the gateway knows.
            entry["place"] = ""
        for key, value in heard.items():
            if entry[key] != value:
                self.fault("fact", index, f"{key} is {entry[key]!r} in the entry and {value!r} in the message")
        parent = [body["parent"]] if body.get("parent") else []
        self._ids(index, "ids", body["ids"], sent["ids"] if isinstance(sent["ids"], list) else [])
        self._ids(index, "parent", parent, [sent.get("parent")])
        linked = {link["entity"] for link in self.entries[index]["links"]}
        about = [("container", name) for name in [*body["ids"], *parent]]
        about += [(key, body[key]) for key in ("manifest", "vehicle") if body.get(key)]
        for key, name in about:
            if f"{key}:{name}" not in linked:
                self.fault("link", index, f"the entry is about {key} {name} and does not stand in its chain")

    def _ids(self, index: int, key: str, names: list[str], sent: list[Any]) -> None:
        """The ids of an entry are those of its message, no more and no less."""
        found = [one for one in map(said_id, sent) if one is not None]
        strange = [name for name in names if not any(same_id(name, one) for one in found)]
        missing = [one[0] for one in found if not any(same_id(name, one) for name in names)]
        if strange or missing or len(set(names)) < len(names):
            self.fault("fact", index, f"{key}: {names} in the entry, {[one[0] for one in found]} in the message")

    def _views(self) -> None:
        page = self.members["report.html"].decode("utf-8")
        shown = set()
        for number, path, text in FIGURE.findall(page):
            shown.add(int(number))
            value: Any = self.entries[int(number)]["body"]
            for part in path.split("/"):
                value = value[int(part)] if isinstance(value, list) else value[part]
            if str(value) != html.unescape(text):
                self.fault("report", int(number), f"the report says {html.unescape(text)!r} for {path}")
        for number, path, text, printed in MOMENT.findall(page):
            entry = self.entries[int(number)]
            told = entry["body"].get(path, entry.get(path))
            if moment(text) != told or printed != text.replace("T", " "):
                self.fault("report", int(number), f"the report says {printed} for {path}")
        for index, entry in self.entries.items():
            if entry["kind"] in {"custody", "alert"} and index not in shown:
                self.fault("report", index, "the report does not show the entry")
        events = strict(self.members["epcis.jsonld"]).get("epcisBody", {}).get("eventList", [])
        for event in events:
            self._epcis(event)
        self.facts["shown"] = len(events)

    def _epcis(self, event: dict[str, Any]) -> None:
        """One event of the EPCIS view against its entry. A correction stands there as the event that it replaces."""
        index = event.get("mw:entry")
        body = self.entries[index]["body"] if index in self.entries else {}
        name = "/".join(quote(str(body.get(key, "")), safe="", errors="replace") for key in ("terminal", "id"))
        pairs = [
            ("eventID", event["eventID"].endswith(f"/id/event/{name}"), True),
            ("recordTime", moment(event["recordTime"]), body.get("received_at")),
            ("mw:sha256", event.get("mw:sha256"), body.get("digest")),
            ("mw:flags", event.get("mw:flags", []), body.get("flags")),
        ]
        if body.get("step") != "correct":
            pairs += [
                ("eventTime", moment(event["eventTime"]), body.get("ts")),
                ("mw:step", event.get("mw:step"), body.get("step")),
            ]
            for key in ("gross", "tare", "net"):
                if f"mw:{key}" in event:
                    weight = body.get("weight") or {}
                    pairs.append((key, round(event[f"mw:{key}"] * 1000), weight.get(f"{key}_g")))
        for key, one, other in pairs:
            if one != other:
                self.fault("epcis", index, f"the EPCIS view says {one!r} for {key}, the entry {other!r}")

    def words(self, language: int) -> list[str]:
        """What was found, in English (0) or Chinese (1)."""
        facts = {**self.facts, "chains": ", ".join(map(quoted, self.facts.get("chains", ())))}
        facts |= {key: quoted(self.facts[key]) for key in ("subject", "origin") if key in facts}

        def say(name: str, **more: Any) -> str:  # noqa: ANN401 - whatever a text names
            return WORDS[name][language].format(**{**facts, **more})

        if self.faults:
            said_so = [
                say("fault", **{**one, "entry": "-" if one["entry"] is None else one["entry"]}) for one in self.faults
            ]
            return [*map(shown, said_so), say("bad")]
        held = ["whole", "in_log"]
        held += ["raw"] if facts["events"] else []
        held += ["chain"] if facts["chains"] else []
        proved = [say(name) for name in held]
        if facts["range"]:
            proved.append(say("range", first=facts["range"][0], last=facts["range"][1]))
        proved += [say(name) for name in ("pinned", "names", "origin_proved") if facts[name] not in {None, "", False}]
        open_ = [
            "of_day" if facts["range"] else "no_pin" if facts["pinned"] is None else "after_pin",
            "gateway",
            "instrument",
            "sender",
            "readings",
        ]
        open_ += [] if self._witnesses else ["no_witness"]
        open_ += [] if self._given else ["no_origin"]
        unproved = [say(name) for name in open_]
        found = [say("ok"), say("subject"), f"{say('proved')}:", *(f"  - {one}" for one in proved)]
        return [*found, f"{say('not')}:", *(f"  - {one}" for one in unproved)]


def read_key(text: str) -> Key:
    """The verifier key that ``text`` is, or that the file ``text`` holds. Raises ValueError, OSError."""
    if VKEY.fullmatch(text):
        return Key(text)
    return Key(Path(text).read_text(encoding="utf-8").strip())


def main(arguments: list[str] | None = None) -> int:
    """Entry of the script; gives its exit code."""
    parser = argparse.ArgumentParser(description="Checks a bundle of evidence that Hygeia made.")
    parser.add_argument("bundle", metavar="BUNDLE.zip", type=Path)
    parser.add_argument("--key", metavar="KEY", help="the ledger's verifier key, or a file with it")
    parser.add_argument(
        "--witness", metavar="KEY", action="append", default=[], help="a witness's key, or a file with it"
    )
    parser.add_argument("--json", action="store_true", help="print {ok, origin_proved, faults} and nothing else")
    parser.add_argument("--lang", choices=("en", "zh", "both"), default="both")
    asked = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A console that has no Chinese gets escapes instead of an error.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        key = None if asked.key is None else read_key(asked.key)
        found = Check(asked.bundle.read_bytes(), key, [read_key(one) for one in asked.witness]).run()
    except (OSError, ValueError) as error:
        sys.stderr.write(f"verify.py: {error}\n")
        return 2
    if asked.json:
        document = {"ok": not found.faults, "origin_proved": found.facts["origin_proved"], "faults": found.faults}
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        for language in {"en": (0,), "zh": (1,), "both": (0, 1)}[asked.lang]:
            sys.stdout.write("\n".join(found.words(language)) + "\n")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
