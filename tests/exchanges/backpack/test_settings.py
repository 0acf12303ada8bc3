"""The section of the configuration."""

from decimal import Decimal

import pytest

from exchanges.account_settings import fee_rate
from exchanges.backpack.settings import BackpackSettings, credentials_from
from exchanges.errors import ConfigError
from exchanges.secrets import Secret


def test_the_shipped_settings_have_no_problem():
    settings = BackpackSettings()
    assert settings.problems() == ()
    assert (settings.window_ms, settings.public_key_env) == (3000, "BACKPACK_PUBLIC_KEY")


def test_every_problem_is_told_at_once():
    settings = BackpackSettings(maker_fee_bps="free", taker_fee_bps="1e3", rest_url="ftp://x", ws_url="https://x")
    problems = settings.problems()
    assert len(problems) == 4
    assert "maker_fee_bps = 'free'" in problems[0]
    assert "ws_url = 'https://x': must start with wss:// or ws://" in problems[3]


@pytest.mark.parametrize(("text", "rate"), [("auto", None), ("2", Decimal("0.0002")), ("-0.5", Decimal("-0.00005"))])
def test_fees_are_basis_points(text, rate):
    assert fee_rate(text) == rate


def test_credentials_come_from_the_named_variables():
    values = {"BACKPACK_PUBLIC_KEY": " key ", "BACKPACK_SECRET_KEY": Secret("secret")}
    found = credentials_from(BackpackSettings(), values.get)
    assert (found.api_key, found.secret_key.reveal()) == ("key", "secret")
    assert "secret" not in repr(found.secret_key)


def test_every_missing_variable_is_named():
    with pytest.raises(ConfigError) as caught:
        credentials_from(BackpackSettings(secret_key_env=""), {}.get)
    assert len(caught.value.problems) == 2
    assert "public_key_env = 'BACKPACK_PUBLIC_KEY': the environment variable is not set" in caught.value.problems
