import dataclasses
from decimal import Decimal

import pytest

from exchanges.aster.settings import AsterSettings, Auth, credentials_from, fee_rate
from exchanges.errors import ConfigError
from exchanges.secrets import Secret
from exchanges.settings import METADATA_KEY, SettingSpec


def test_every_field_is_declared_with_a_help_text():
    for field in dataclasses.fields(AsterSettings):
        spec = field.metadata[METADATA_KEY]
        assert isinstance(spec, SettingSpec)
        assert spec.help
        assert spec.names_secret is field.name.endswith("_env")


def test_defaults_have_no_problem():
    assert AsterSettings().problems() == ()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"maker_fee_bps": "free"}, "maker_fee_bps = 'free': must be auto or a number"),
        ({"taker_fee_bps": "1_0"}, "taker_fee_bps = '1_0'"),
        ({"taker_fee_bps": ""}, "taker_fee_bps = ''"),
        ({"taker_fee_bps": "NaN"}, "taker_fee_bps"),
        ({"rest_url": "ftp://x"}, "rest_url = 'ftp://x': must start with https:// or http://"),
        ({"ws_url": "https://x"}, "ws_url = 'https://x': must start with wss:// or ws://"),
    ],
)
def test_problems_name_key_value_and_remedy(changes, says):
    (problem,) = AsterSettings(**changes).problems()
    assert problem.startswith(says)


def test_all_problems_are_told_at_once():
    settings = AsterSettings(maker_fee_bps="x", taker_fee_bps="y", rest_url="z", ws_url="z")
    assert len(settings.problems()) == 4


@pytest.mark.parametrize("changes", [{"maker_fee_bps": "-0.5"}, {"rest_url": "http://127.0.0.1:1"}])
def test_good_values_have_no_problem(changes):
    assert AsterSettings(**changes).problems() == ()


@pytest.mark.parametrize(("text", "rate"), [("auto", None), ("4", "0.0004"), ("-0.5", "-0.00005"), ("0", "0")])
def test_fee_rate_is_a_fraction_of_notional(text, rate):
    assert fee_rate(text) == (None if rate is None else Decimal(rate))


def test_credentials_are_looked_up_by_the_names_of_the_settings():
    environ = {"A": "0xuser", "ASTER_SIGNER": Secret("0xsigner"), "ASTER_PRIVATE_KEY": " 0xkey "}
    found = credentials_from(AsterSettings(user_env="A"), environ.get)
    assert (found.user, found.signer, found.private_key.reveal()) == ("0xuser", "0xsigner", "0xkey")
    assert not found.api_key
    assert "0xkey" not in repr(found)


def test_credentials_of_v1_need_only_the_key_and_its_secret():
    environ = {"ASTER_API_KEY": "key", "ASTER_SECRET_KEY": "secret"}
    found = credentials_from(AsterSettings(auth=Auth.V1), environ.get)
    assert (found.api_key.reveal(), found.secret_key.reveal()) == ("key", "secret")
    assert found.user == ""


def test_every_missing_variable_is_named():
    with pytest.raises(ConfigError) as caught:
        credentials_from(AsterSettings(signer_env=""), {"ASTER_USER": ""}.get)
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "user_env = 'ASTER_USER'",
        "signer_env = ''",
        "private_key_env = 'ASTER_PRIVATE_KEY'",
    ]
