"""``hygeia init``: make an installation."""

from __future__ import annotations

from pathlib import Path

from gateway.cli.language import pick
from gateway.cli.options import DataDir
from gateway.cli.show import say
from gateway.config import Settings, load
from gateway.config.document import example
from gateway.errors import UsageError
from gateway.installation import Installation
from gateway.journal.disk import Disk


def init(data_dir: DataDir = None) -> None:
    """Make an installation: settings file, keys, state, and the first administrator, whose password is shown once."""
    from gateway.accounts import create_first_administrator, list_accounts  # noqa: PLC0415 - other commands start faster
    from gateway.database import open_state, upgrade  # noqa: PLC0415 - likewise

    folder = (data_dir or load().data.dir).absolute()
    installation = Installation(folder)
    if installation.settings_file.exists():
        raise UsageError(f"{folder}: there is an installation already; nothing was changed")
    installation.prepare()
    with installation.lock():
        installation.create_keys()
        engine = open_state(installation.state)
        try:
            upgrade(engine)
            if list_accounts(engine):
                raise UsageError(f"{folder}: there is an installation with accounts already; nothing was changed")
            name, password = create_first_administrator(engine)
        finally:
            engine.dispose()
        # Last, because its existence says that all of this is done.
        Disk().replace(installation.settings_file, example(Settings()).encode())
    _tell(installation.settings_file, folder, name, password)


def _tell(file: Path, folder: Path, name: str, password: str) -> None:
    lines = {
        "en": [
            f"Installation in {folder}; settings in {file}.",
            f"First administrator: {name}",
            f"One-time password:   {password}   (shown only now; to be changed at the first sign-in)",
            f"Next: set mqtt.url in the settings, then: hygeia run --data-dir {folder}",
        ],
        "zh": [
            f"已建立安装目录 {folder}，配置文件 {file}。",
            f"首位管理员: {name}",
            f"一次性密码: {password}   （仅显示这一次，首次登录时须修改）",
            f"下一步: 在配置文件中设置 mqtt.url，然后运行: hygeia run --data-dir {folder}",
        ],
    }
    say(pick({language: "\n".join(texts) for language, texts in lines.items()}))
