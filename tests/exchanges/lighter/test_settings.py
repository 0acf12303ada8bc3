import pytest

from exchanges.errors import ConfigError
from exchanges.lighter.settings import LighterSettings, key_from
from exchanges.lighter.venue import LighterVenue


def test_defaults_have_no_problem():
    assert LighterSettings().problems() == ()


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"api_key_index": 3}, "api_key_index"),
        ({"maker_fee_bps": "cheap"}, "maker_fee_bps"),
        ({"rest_url": "ftp://x"}, "rest_url"),
        ({"ws_url": "http://x"}, "ws_url"),
    ],
)
def test_problems_name_the_key(changes, names):
    (problem,) = LighterSettings(**changes).problems()
    assert problem.startswith(f"{names} = ")


def test_the_key_is_read_from_the_named_variable():
    asked = {"LIGHTER_API_KEY_PRIVATE_KEY": " ab "}.get
    assert key_from(LighterSettings(), asked).reveal() == "ab"
    with pytest.raises(ConfigError, match="LIGHTER_API_KEY_PRIVATE_KEY"):
        key_from(LighterSettings(), lambda _: None)


def test_every_problem_is_told_at_once():
    with pytest.raises(ConfigError) as caught:
        LighterVenue.from_settings(LighterSettings(api_key_index=0), lambda _: None)
    assert len(caught.value.problems) == 2
