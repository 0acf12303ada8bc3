import stat

import pytest

from actors.app.consent import NotConfirmed, confirm_live, limits_text
from actors.config import load_settings

TEXT = """
[desk]
name = test
mode = paper
state_dir = {state}
[exchange.aster]
[grid]
order_notional_usd = 100
max_orders = 3
[risk]
max_margin_usd = 200
stop_loss = no
[grid.btc]
exchange = aster
symbol = BTCUSDT
stop_price = 50000
"""


def settings_in(tmp_path, *overrides):
    return load_settings(TEXT.format(state=tmp_path / "state"), overrides, environ={})


def refuse(_question):
    raise AssertionError("asked although it was not needed")


def test_the_limits_name_what_can_be_lost(tmp_path):
    text = limits_text(settings_in(tmp_path))
    assert "200 USD margin" in text
    assert "3 x 100 USD (up to 300 USD position)" in text
    assert "stop price 50000" in text
    assert "use one that cannot withdraw" in text


def test_yes_is_remembered_for_these_settings_only(tmp_path):
    confirm_live(settings_in(tmp_path), yes=False, ask=lambda _question: " YES ")
    confirm_live(settings_in(tmp_path), yes=False, ask=refuse)
    with pytest.raises(NotConfirmed):
        confirm_live(settings_in(tmp_path, "grid.max_orders=4"), yes=False, ask=lambda _question: "y")
    record = tmp_path / "state" / "confirmed"
    assert stat.S_IMODE(record.stat().st_mode) == 0o600


@pytest.mark.parametrize("answer", ["", "no", "y", "yess"])
def test_anything_but_yes_is_no(tmp_path, answer):
    with pytest.raises(NotConfirmed, match="nothing was sent"):
        confirm_live(settings_in(tmp_path), yes=False, ask=lambda _question: answer)


def test_the_command_line_can_say_yes(tmp_path, capsys):
    confirm_live(settings_in(tmp_path), yes=True, ask=refuse)
    assert "LIVE trading as test" in capsys.readouterr().err
