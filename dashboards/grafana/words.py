"""Text of a dashboard in both languages, and what a dashboard is built for."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import msgspec

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

FOLDER = "Hygeia"
GATEWAY_URL = "http://127.0.0.1:8080"
TIME_ZONE = "Asia/Shanghai"


class Words(NamedTuple):
    """One text in both languages; neither may be empty."""

    zh: str
    en: str


class Scene(msgspec.Struct, frozen=True):
    """What a dashboard is built for: its language, and the addresses and the time zone of the installation.

    ``gateway_url`` (no slash at its end) and ``time_zone`` become constant variables of the dashboard, so that an
    administrator can also change them in Grafana.
    """

    language: Language
    gateway_url: str = GATEWAY_URL
    time_zone: str = TIME_ZONE

    def say(self, words: Words) -> str:
        """The text in the language of the scene."""
        return words.zh if self.language == "zh" else words.en

    def uid(self, name: str) -> str:
        """The uid of the dashboard ``name`` in the language of the scene: ``city-overview-zh``."""
        return f"{name.replace('_', '-')}-{self.language}"
