"""docs/channels.md is true: its examples load, and what its tables name is what the code does."""

from __future__ import annotations

import asyncio
import re
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alerts.notify import aliyun_sms, http_form, tencent_sms
from alerts.notify.robots import ROBOTS
from alerts.notify.templates import CLASSES, VARIABLES
from alerts.notify.text import text_of
from gateway.channels import channels_of
from gateway.config.model import Settings
from tests.support.notices import TOLD, fired

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "channels.md").read_text(encoding="utf-8")


def examples() -> dict[str, dict[str, Any]]:
    """Every channel that the page configures, by name, with secrets in place of files that are not here."""
    blocks = re.findall(r"(?m)(?:^ {4}.*\n|^\n)+", PAGE)
    text = "\n".join(textwrap.dedent(block) for block in blocks if "[alerts.channels." in block)
    channels: dict[str, dict[str, Any]] = tomllib.loads(text)["alerts"]["channels"]
    return {
        name: {key.removesuffix("_file"): "s3cret" if key.endswith("_file") else value for key, value in one.items()}
        for name, one in channels.items()
    }


@pytest.mark.parametrize("name", sorted(examples()))
def test_each_example_of_a_channel_loads(name: str) -> None:
    """Settings take it, and its sender is made."""
    settings = Settings.model_validate({"alerts": {"channels": {name: examples()[name]}}})
    (sender,) = channels_of(settings).values()
    asyncio.run(sender.close())


def test_the_page_shows_a_channel_of_each_kind_of_its_own() -> None:
    """The three robots are one example: only the name of the kind differs."""
    assert {one["kind"] for one in examples().values()} == {"dingtalk", "http-form", "aliyun-sms", "tencent-sms"}
    assert all(f"`{kind}`" in PAGE for kind in ROBOTS)


def test_the_codes_and_paces_of_the_robots_are_those_of_the_code() -> None:
    """What is tried again stands in the table."""
    for robot in ROBOTS.values():
        assert all(str(code) in PAGE for code in robot.again)
        assert all(f"{n} a {'minute' if seconds == 60 else 'second'}" in PAGE for n, seconds in robot.limits)


def test_placeholders_variables_and_classes_are_those_of_the_code() -> None:
    """None is missing on the page."""
    assert all(f"`{{{name}}}`" in PAGE for name in http_form.VARIABLES)
    assert ", ".join(VARIABLES) in " ".join(PAGE.split())
    assert all(f"`{name}`" in PAGE for name in CLASSES)
    lengths = f"(Aliyun {aliyun_sms.MOST_VARIABLE} characters, Tencent Cloud {tencent_sms.MOST_VARIABLE})"
    assert lengths in PAGE


def test_the_example_of_a_text_is_what_people_read() -> None:
    """Every line of it, in both languages."""
    told = msgspec.structs.replace(TOLD, verified=False)
    for language in ("zh", "en"):
        text = text_of(fired(told=told), language)
        shown = [line for line in text.body().splitlines() if not line.startswith(("设备", "规则", "参数"))]
        shown = [line for line in shown if not line.startswith(("Device", "Rule", "Parameter"))]
        assert all(line in PAGE for line in [text.title, *shown])
