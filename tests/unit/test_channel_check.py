"""What doctor says of channels: found before the first alert is to be told."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from gateway.channel_check import channel_faults
from gateway.config.model import Settings
from gateway.doctor import examine

FIRED = {"zh": {"code": "SMS_1", "variables": {"place": 20}}}
TOO_LONG = "variable 'place' has 20 characters; allowed: 1 to 12, which the provider takes"
ALL: dict[str, Any] = {"fired": FIRED, "cleared": FIRED, "digest": FIRED, "test": FIRED}


def settings(templates: dict[str, Any], **more: Any) -> Settings:
    """One channel by each cloud, with these templates."""
    keys = {"access_key": "k3y", "access_secret": "s3cret", "sign_name": "卫监所", "templates": templates}
    aliyun = {"kind": "aliyun-sms", **keys}
    tencent = {"kind": "tencent-sms", "secret_id": "k3y", "secret_key": "s3cret", "app_id": "1", "sign_name": "卫监所"}
    channels = {"sms": aliyun, "sms-2": tencent | {"templates": templates}}
    return Settings.model_validate({"alerts": {"channels": channels}} | more)


def test_missing_templates_and_variables_that_are_too_long_are_all_told() -> None:
    """Each with its channel; the length is the provider's own."""
    assert channel_faults(settings({"fired": FIRED, "digest": FIRED})) == [
        "alerts.channels.sms.templates.cleared.zh: there is no template; such messages are refused",
        "alerts.channels.sms.templates.test.zh: there is no template; such messages are refused",
        f"alerts.channels.sms-2.templates.fired.zh: {TOO_LONG}",
        "alerts.channels.sms-2.templates.cleared.zh: there is no template; such messages are refused",
        f"alerts.channels.sms-2.templates.digest.zh: {TOO_LONG}",
        "alerts.channels.sms-2.templates.test.zh: there is no template; such messages are refused",
    ]


def test_an_sdk_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to install."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    (fault, *_) = channel_faults(settings(ALL))
    assert fault == "the SDK of this channel is not installed: pip install hygeia-gateway[aliyun]"


def test_an_installation_without_channels_has_no_fault() -> None:
    """Nothing is asked of who has none."""
    assert channel_faults(Settings()) == []


def test_doctor_tells_of_channels_and_shows_no_secret(tmp_path: Path) -> None:
    """One finding for all of them, in both languages."""
    (found,) = [one for one in examine(settings({"fired": FIRED}, data={"dir": tmp_path})) if one.key == "channels"]
    assert not found.ok
    assert "alerts.channels.sms.templates.digest.zh: there is no template" in found.en
    assert "s3cret" not in found.en + found.zh
    assert found.zh.startswith("通知通道配置有误")
