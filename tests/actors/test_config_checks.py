"""Rules between settings: files, secrets, targets, addresses, fees, margin, pace (CONFIG.md D.3)."""

import gzip
import os
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import SimpleNamespace

import pytest

from actors.config import check, load_settings, secret_resolver
from actors.config.credentials import read_secret_file
from actors.config.grid_rules import fee_bps, order_budget_per_min, orders_per_min
from exchanges.errors import ConfigError
from exchanges.secrets import Secret
from exchanges.settings import setting
from exchanges.venue import RateLimit
from tests.actors.config_texts import checked, ini, problem_of

PRIVATE_KEY = "0x" + "33" * 32
LIVE_ENVIRON = {
    "ASTER_USER": "0x" + "11" * 20,
    "ASTER_SIGNER": "0x5CbDd86a2FA8Dc4bDdd8a8f69dBa48572EeC07FB",
    "ASTER_PRIVATE_KEY": PRIVATE_KEY,
}
LIVE = {"desk": {"mode": "live"}, "risk": {"daily_loss_limit_usd": "50"}}


def warnings_of(*overrides, environ=None, **changes):
    result = checked(*overrides, environ=environ, **changes)
    assert result.problems == ()
    return result.warnings


@pytest.mark.parametrize("name", ["Alpha", "a b", "a" * 17, "ä", "a/b", ""])
def test_desk_name_when_not_a_name_is_refused(name):
    assert problem_of(desk={"name": name}).startswith(f"desk.name = {name}: not a name")


def test_state_dir_when_it_is_below_a_file_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    assert "is not a folder" in problem_of(desk={"state_dir": str(file)})
    assert "is not a folder" in problem_of(desk={"state_dir": str(file / "below")})
    assert problem_of(desk={"state_dir": ""}).startswith("desk.state_dir = : empty")
    assert not checked(desk={"state_dir": str(tmp_path / "new" / "deep")}).problems


def test_state_dir_when_not_writable_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    assert f"{tmp_path} is not writable" in problem_of(desk={"state_dir": str(tmp_path / "new")})


def test_venue_rules_are_prefixed_with_their_section():
    assert problem_of(exchange__aster={"ws_url": "z"}).startswith("exchange.aster.ws_url = 'z':")
    assert problem_of(exchange__aster={"maker_fee_bps": "cheap"}).startswith("exchange.aster.maker_fee_bps = 'cheap'")


def test_no_grid_at_all_is_a_problem():
    text = "[desk]\nname=a\nmode=paper\nstate_dir=s\n[exchange.aster]\n[risk]\nmax_margin_usd=1\n"
    assert check(text, (), {}).problems == (
        "no [grid.NAME] section: nothing to trade; add one with exchange and symbol",
    )


def test_grid_when_its_exchange_is_unknown_lists_the_known():
    assert problem_of(grid__btc={"exchange": "zzz"}).endswith("no such [exchange.NAME]; known: aster")
    text = ini().replace("[exchange.aster]\n", "")
    assert "known: none, add [exchange.NAME]" in check(text, (), {}).problems[0]


def test_two_grids_on_one_account_and_symbol_are_refused():
    text = problem_of(grid__two={"exchange": "aster", "symbol": "btcusdt"})
    assert text.startswith("grid.two.symbol = btcusdt: [grid.btc] trades it on the same account")


def test_two_sections_with_the_same_credentials_are_one_account_in_live_mode():
    changes = {
        **LIVE,
        "exchange__second": {"venue": "aster"},
        "grid__two": {"exchange": "second", "symbol": "BTCUSDT"},
    }
    assert "[grid.btc] trades it on the same account" in problem_of(environ=LIVE_ENVIRON, **changes)
    assert not checked(exchange__second={"venue": "aster"}, grid__two=changes["grid__two"]).problems
    changes["exchange__second"]["private_key_env"] = "OTHER_KEY"
    assert not checked(environ={**LIVE_ENVIRON, "OTHER_KEY": PRIVATE_KEY}, **changes).problems


def test_empty_symbol_is_refused():
    assert problem_of(grid__btc={"symbol": ""}).startswith("grid.btc.symbol = : empty")


def test_tape_when_required_must_exist_and_be_a_gzip(tmp_path):
    good, plain_text = tmp_path / "good.csv.gz", tmp_path / "plain.csv"
    good.write_bytes(gzip.compress(b"ts_ns\n"))
    plain_text.write_text("ts_ns\n")
    assert "required with prices = tape" in problem_of(paper={"prices": "tape"})
    assert "No such file" in problem_of(paper={"prices": "tape", "tape": str(tmp_path / "absent")})
    assert "not a gzip file" in problem_of(paper={"prices": "tape", "tape": str(plain_text)})
    assert "not a file" in problem_of(paper={"prices": "tape", "tape": str(tmp_path)})
    assert not checked(paper={"prices": "tape", "tape": str(good)}).problems
    assert not checked(paper={"prices": "synthetic", "tape": str(tmp_path / "absent")}).problems


def test_a_tape_at_speed_zero_would_never_move():
    assert "paper.speed = 0" in problem_of(paper={"speed": "0"})
    assert not checked(paper={"speed": "0.5"}).problems


@pytest.mark.parametrize("listen", ["off", "127.0.0.1:0", "127.3.2.1:9000", "localhost:80", "[::1]:7000"])
def test_listen_when_loopback_or_off_needs_no_token(listen):
    assert not checked(control={"listen": listen}).problems


@pytest.mark.parametrize("listen", ["0.0.0.0:80", "192.168.0.5:0", "example.com:80", "[::]:80"])
def test_listen_when_reachable_from_outside_needs_a_token(listen):
    assert "reachable from other machines" in problem_of(control={"listen": listen})
    assert not checked(control={"listen": listen, "token_env": "TOKEN"}).problems


@pytest.mark.parametrize("listen", ["", "127.0.0.1", ":80", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1"])
def test_listen_when_not_an_address_is_refused(listen):
    assert "neither off nor host:port" in problem_of(control={"listen": listen})


def test_live_when_variables_are_missing_names_every_one():
    result = checked(environ={"ASTER_USER": "  "}, notify={"urls_env": "MY_URLS"}, control={"token_env": "TOK"}, **LIVE)
    joined = "\n".join(result.problems)
    assert len(result.problems) == 5
    for variable in ("ASTER_USER", "ASTER_SIGNER", "ASTER_PRIVATE_KEY", "MY_URLS", "TOK"):
        assert variable in joined
    assert joined.count("not set") == 5


def test_live_when_every_variable_is_set_is_accepted():
    assert warnings_of(environ=LIVE_ENVIRON, **LIVE) == ()


def test_live_when_keys_do_not_fit_does_not_repeat_them():
    environ = {**LIVE_ENVIRON, "ASTER_PRIVATE_KEY": "not a key but secret"}
    text = "\n".join(checked(environ=environ, **LIVE).problems)
    assert "exchange.aster.private_key_env" in text
    assert "not a key but secret" not in text


def test_live_without_a_daily_loss_limit_warns():
    assert "no daily loss limit" in warnings_of(environ=LIVE_ENVIRON, desk={"mode": "live"})[0]


def test_paper_reads_no_key():
    found = load_settings(ini(), (), LIVE_ENVIRON)
    assert secret_resolver(found, "exchange.aster", LIVE_ENVIRON)("ASTER_PRIVATE_KEY") is None
    assert not checked(notify={"urls_env": "UNSET"}).problems


def test_resolver_when_live_reads_variables_and_files(tmp_path):
    path = tmp_path / "key"
    path.write_text(f"{PRIVATE_KEY}\n")
    path.chmod(0o600)
    environ = {key: value for key, value in LIVE_ENVIRON.items() if key != "ASTER_PRIVATE_KEY"}
    text = ini(**{**LIVE, "exchange__aster": {"private_key_file": str(path)}})
    found = load_settings(text, (), environ)
    resolve = secret_resolver(found, "exchange.aster", environ)
    assert resolve("ASTER_PRIVATE_KEY") == Secret(PRIVATE_KEY)
    assert resolve("ASTER_USER") == Secret(LIVE_ENVIRON["ASTER_USER"])
    assert resolve("UNKNOWN") is None
    assert resolve("") is None


def test_secret_file_when_unusable_says_why(tmp_path):
    path = tmp_path / "key"
    for content, mode, reason in (
        (b"secret", 0o644, "chmod 600"),
        (b"secret", 0o620, "chmod 600"),
        (b"", 0o600, "exactly one line"),
        (b"a\nb", 0o600, "exactly one line"),
        (b"\xff", 0o600, "not ASCII"),
    ):
        path.unlink(missing_ok=True)
        path.write_bytes(content)
        path.chmod(mode)
        with pytest.raises(ConfigError, match=reason):
            read_secret_file(path, "a.b_file")
    with pytest.raises(ConfigError, match="cannot be opened"):
        read_secret_file(tmp_path / "absent", "a.b_file")
    with pytest.raises(ConfigError, match="not a regular file"):
        read_secret_file(tmp_path, "a.b_file")


def test_secret_file_is_checked_at_load_and_excludes_the_variable(tmp_path):
    result = checked(
        environ=LIVE_ENVIRON,
        exchange__aster={"private_key_file": str(tmp_path / "absent")},
        notify={"urls_file": str(tmp_path / "gone")},
        **LIVE,
    )
    joined = "\n".join(result.problems)
    assert len(result.problems) == 2
    assert "exchange.aster.private_key_file" in joined
    assert "notify.urls_file" in joined
    both = {"private_key_file": "x", "private_key_env": "Y"}
    assert "private_key_env is set too" in problem_of(exchange__aster=both)
    assert "not a path" in problem_of(exchange__aster={"private_key_file": ""})


def test_override_without_effect_warns():
    warning = warnings_of("grid.max_orders=3", grid__btc={"max_orders": "4"})[0]
    assert warning.startswith("grid.max_orders = 3 (--set): has no effect")
    assert "grid.btc.max_orders" in warning
    assert warnings_of("grid.max_orders=3") == ()


@pytest.mark.parametrize(
    ("keys", "least"),
    [
        ({"take_profit_pct": "0.0299"}, "0.03"),
        ({"take_profit_pct": "0.0499", "min_edge_bps": "3"}, "0.05"),
        ({"take_profit_pct": "0.1499", "take_profit_basis": "margin"}, "0.15"),
        ({"take_profit_pct": "0.0599", "boost_mode": "yes"}, "0.06"),
    ],
)
def test_take_profit_must_pay_its_fees(keys, least):
    text = problem_of(grid__btc={"grid_step_pct": "0", **keys})
    assert text.startswith("grid.btc.take_profit_pct = ")
    assert text.endswith(f"write at least {least}")
    assert not checked(grid__btc={"grid_step_pct": "0", **keys, "take_profit_pct": least}).problems


def test_take_profit_in_live_mode_uses_the_fees_of_the_exchange_section():
    fees = {"maker_fee_bps": "6", "taker_fee_bps": "8"}
    text = problem_of(environ=LIVE_ENVIRON, exchange__aster=fees, **LIVE)
    assert "6 (maker entry) + 6 (maker exit) + 1 (min_edge_bps) = 13 bps" in text
    assert not checked(environ=LIVE_ENVIRON, exchange__aster={**fees, "taker_fee_bps": "auto"}, **LIVE).problems


def test_boost_needs_a_loss_budget():
    keys = {"boost_mode": "yes", "boost_max_loss_usd_per_hour": "0"}
    assert "needs a loss budget" in problem_of(grid__btc=keys)
    assert not checked(grid__btc={**keys, "boost_mode": "no"}).problems


@pytest.mark.parametrize(
    ("direction", "stop", "pause", "fits"),
    [
        ("buy", "90", "100", True),
        ("buy", "100", "90", False),
        ("buy", "90", "90", False),
        ("sell", "100", "90", True),
        ("sell", "90", "100", False),
    ],
)
def test_stop_and_pause_are_on_their_sides(direction, stop, pause, fits):
    keys = {"direction": direction, "stop_price": stop, "pause_price": pause}
    if fits:
        assert not checked(grid__btc=keys).problems
    else:
        assert "stop is the adverse side" in problem_of(grid__btc=keys)


def test_grid_step_far_below_the_take_profit_warns():
    assert "entries bunch together" in warnings_of(grid={"grid_step_pct": "0.039"})[0]
    assert "write at least 0.04" in warnings_of(grid={"grid_step_pct": "0.039"})[0]
    for step in ("0", "0.04", "0.1", "5"):
        assert not any("bunch" in text for text in warnings_of(grid={"grid_step_pct": step}))


def test_stop_loss_that_fires_before_the_grid_is_full_warns():
    """CONFIG.md's own sample: 2 % of the margin at leverage 10 is 0.2 % of the price, eight lots span 0.7 %."""
    keys = {"stop_loss_pct": "2", "stop_loss_basis": "margin"}
    warning = warnings_of(grid={"target_leverage": "10", "max_orders": "8"}, risk=keys)[0]
    assert "reaches before its 8 lots are open" in warning
    assert warnings_of(grid={"target_leverage": "10", "max_orders": "8"}, risk={**keys, "stop_loss": "no"}) == ()
    assert warnings_of(grid={"target_leverage": "10", "max_orders": "4"}, risk=keys) == ()


def test_margin_cap_that_holds_fewer_lots_warns_with_their_number():
    warning = warnings_of(risk={"max_margin_usd": "130"})[0]
    assert warning == (
        "grid.max_orders = 6: risk.max_margin_usd = 130 admits 3 lots of [grid.btc] at 40 USD each; the cap rules"
    )
    assert "grid.btc.grid_max_margin_usd = 100 admits 2" in warnings_of(grid__btc={"grid_max_margin_usd": "100"})[0]
    assert "risk.max_position_usd = 1000 admits 5" in warnings_of(risk={"max_position_usd": "1000"})[0]


def test_margin_cap_below_one_order_is_a_problem():
    """ORIGIN.md A.6 row 36."""
    assert "below one order of [grid.btc], which needs 40 USD" in problem_of(risk={"max_margin_usd": "39.99"})
    assert not checked(risk={"max_margin_usd": "40"}).problems


def test_several_grids_that_exceed_the_cap_together_warn():
    eth = {"exchange": "aster", "symbol": "ETHUSDT"}
    assert "all grids full need 480 USD" in warnings_of(grid__eth=eth)[0]
    assert warnings_of(grid__eth=eth, risk={"max_margin_usd": "480"}) == ()


def test_order_below_the_paper_minimum_is_a_problem():
    assert "write at least 210" in problem_of(paper={"min_notional_usd": "200"})
    assert not checked(paper={"min_notional_usd": "190"}).problems


def test_pace_beyond_the_order_budget_warns():
    grids = {
        f"grid__g{i}": {"exchange": "aster", "symbol": f"S{i}", "wait_time_s": "0", "max_orders": "1"} for i in range(9)
    }
    assert any("orders a minute" in text for text in warnings_of(**grids, risk={"max_margin_usd": "9999"}))
    assert not any("orders a minute" in text for text in warnings_of())


class Color(StrEnum):
    RED = "red"


@dataclass(frozen=True, kw_only=True)
class NarrowSettings:
    """A venue with a small order quota, required keys of every kind, and a rule of its own."""

    account_index: int = setting(help="", ge=3)
    share: Decimal = setting(help="", gt=1, unit="percent")
    label: str = setting(help="")
    color: Color = setting(help="")
    tx_quota_per_min: int = setting(help="", ge=1, default=20)

    def __post_init__(self):
        if self.label == "bad":
            raise ValueError("label and color do not fit")


NARROW = {"narrow": lambda: SimpleNamespace(settings=NarrowSettings, rate_limits=())}
NARROW_KEYS = {"account_index": "7", "share": "2", "label": "x", "color": "red"}


def on_narrow(**keys):
    text = ini(grid__btc={"exchange": "narrow"}, exchange__narrow={**NARROW_KEYS, **keys}, close={"retry_limit": "3"})
    return check(text.replace("[exchange.aster]\n", ""), (), {}, NARROW)


def test_quota_of_an_exchange_section_bounds_the_pace():
    assert "want 60 orders a minute, 20 are allowed" in on_narrow().warnings[0]
    assert not on_narrow(tx_quota_per_min="60").warnings
    text = on_narrow(tx_quota_per_min="5").problems[0]
    assert text.startswith("close.retry_limit = 3: one cycle with all its retries is 6 orders")


def test_rule_of_a_settings_class_is_a_problem_of_its_section():
    assert on_narrow(label="bad").problems == ("[exchange.narrow]: label and color do not fit",)


@pytest.mark.parametrize("key", sorted(NARROW_KEYS))
def test_missing_key_of_any_kind_is_one_problem(key):
    text = ini(grid__btc={"exchange": "narrow"}, exchange__narrow={**NARROW_KEYS, key: None})
    problems = check(text.replace("[exchange.aster]\n", ""), (), {}, NARROW).problems
    assert len(problems) == 1
    assert problems[0].startswith(f"exchange.narrow.{key}: missing")


def test_orders_per_minute_counts_entries_and_exits_at_the_ladder_start():
    entry = load_settings(ini(), (), {}).grids[0].entry
    assert orders_per_min(entry) == 60
    slow = load_settings(ini(grid={"wait_time_s": "800"}), (), {}).grids[0].entry
    assert orders_per_min(slow) == Decimal("0.6")


def test_order_budget_is_the_tightest_of_the_venue():
    limits = (
        RateLimit(unit="weight", amount=1, per_s=60.0),
        RateLimit(unit="order", amount=300, per_s=10.0),
        RateLimit(unit="order", amount=1200, per_s=60.0),
    )
    assert order_budget_per_min(limits) == 1200
    assert order_budget_per_min(limits[:1]) is None


def test_fee_setting_is_a_number_or_unknown():
    class Fees:
        text, word, number, junk = "1.5", "auto", Decimal(2), "1e5"

    assert fee_bps(Fees, "text") == Decimal("1.5")
    assert fee_bps(Fees, "number") == 2
    assert fee_bps(Fees, "word") is fee_bps(Fees, "junk") is fee_bps(Fees, "absent") is None
