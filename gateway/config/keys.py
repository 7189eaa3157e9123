"""What every section of the settings is made of: its base class, its keys with their words, and kinds of values."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr


def _web_url(text: str) -> str:
    if text:
        parts = urlsplit(text)
        if parts.scheme not in {"http", "https"} or not parts.hostname or not (parts.port is None or parts.port):
            raise ValueError("not http://host or https://host")
    return text.rstrip("/")


def _plain_web_url(text: str) -> str:
    """An address that may be shown and logged: nothing in it is a secret."""
    parts = urlsplit(_web_url(text))
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("an address without user, password, ? and #: credentials have settings of their own")
    return text.rstrip("/")


def _secret_web_url(url: SecretStr) -> SecretStr:
    try:
        _web_url(url.get_secret_value())
    except ValueError:
        raise ValueError("not http://host or https://host") from None
    return url


def setting(default: Any, description: str, allowed: str, **options: Any) -> Any:  # noqa: ANN401 - as pydantic's Field
    """One key of a section; ``...`` as default means that it must be written."""
    return Field(default=default, description=description, json_schema_extra={"allowed": allowed}, **options)


WebUrl = Annotated[str, AfterValidator(_plain_web_url)]
SecretWebUrl = Annotated[SecretStr, AfterValidator(_secret_web_url)]


class Section(BaseModel):
    """A section of the file. Unknown keys are faults, and values never stand in pydantic's own messages."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=False)
