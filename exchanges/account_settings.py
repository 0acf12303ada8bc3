"""What the settings of every venue's account have in common: fees, addresses, and where secrets come from."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from exchanges.errors import ConfigError
from exchanges.secrets import Secret

AUTO = "auto"
NO_SECRET = Secret("")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")

SecretResolver = Callable[[str], "Secret | str | None"]
"""Looks up an environment variable by name; None (or empty) where it is not set."""


def common_problems(settings: Any) -> list[str]:  # noqa: ANN401 - the settings of any venue: only four fields are looked at
    """Return what is wrong with `maker_fee_bps`, `taker_fee_bps`, `rest_url` and `ws_url`, one text per problem."""
    found = []
    for key in ("maker_fee_bps", "taker_fee_bps"):
        text = getattr(settings, key)
        if text != AUTO and _NUMBER.fullmatch(text) is None:
            found.append(f"{key} = {text!r}: must be auto or a number")
    for key, schemes in (("rest_url", ("https://", "http://")), ("ws_url", ("wss://", "ws://"))):
        text = getattr(settings, key)
        if text and not text.startswith(schemes):
            found.append(f"{key} = {text!r}: must start with {' or '.join(schemes)}")
    return found


def fee_rate(text: str) -> Decimal | None:
    """Return a fee setting as a fraction of notional, None for `auto`. `text` has passed `common_problems`."""
    return None if text == AUTO else Decimal(text) / 10000


def secrets_from(variables: Mapping[str, str], resolve: SecretResolver) -> dict[str, Secret]:
    """Return the secrets by setting (without its `_env`), looked up by the variables' names.

    Raises:
        ConfigError: variables are not set; every one of them is named.
    """
    found: dict[str, Secret] = {}
    problems = []
    for field, variable in variables.items():
        value = resolve(variable) if variable else None
        if not value:
            problems.append(f"{field}_env = {variable!r}: the environment variable is not set")
            continue
        found[field] = value if isinstance(value, Secret) else Secret(value.strip())
    if problems:
        raise ConfigError(problems)
    return found
