"""What is wrong with the channels of a configuration before anybody is told by them; sends nothing."""

from __future__ import annotations

from alerts.notify import aliyun_sms, tencent_sms
from alerts.notify.templates import Templates
from gateway.channels import channels_of, configured
from gateway.config import Settings
from gateway.config.channels import AliyunSmsChannel, TencentSmsChannel
from gateway.errors import ConfigurationError

#: The most characters of one variable that the provider takes.
_MOST = {AliyunSmsChannel: aliyun_sms.MOST_VARIABLE, TencentSmsChannel: tencent_sms.MOST_VARIABLE}


def channel_faults(settings: Settings) -> list[str]:
    """SDKs that are not installed, templates that are missing, variables that are too long; one line each."""
    found = []
    try:
        channels_of(settings)
    except (ConfigurationError, ValueError) as fault:
        found.append(str(fault))
    for name, one in configured(settings).items():
        if isinstance(one, AliyunSmsChannel | TencentSmsChannel):
            faults = Templates(one.templates).faults(_MOST[type(one)], (one.language,))
            found += [f"alerts.channels.{name}.{fault}" for fault in faults]
    return found
