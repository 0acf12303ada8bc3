"""The whole way from an ini text to `BotSettings`."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.config import check, format_effective, load_settings
from actors.config.schema import GRID_CLASSES, SECTIONS, merged
from actors.grid.settings import Direction, TakeProfitBasis
from actors.settings import Mode, StopPolicy
from exchanges import VENUES
from exchanges.errors import ConfigError
from tests.actors.config_texts import KEY, checked, ini, problem_of

ROOT = Path(__file__).resolve().parents[2]


def test_load_when_only_the_required_keys_are_set_takes_defaults():
    found = load_settings(ini(), environ={})
    assert found.desk.mode is Mode.PAPER
    assert found.desk.on_stop is StopPolicy.LEAVE_EXITS
    assert found.prices.stale_after_ms == 1500
    assert found.paper.seed == 1
    assert dict(found.venues) == {"aster": "aster"}
    assert found.exchanges["aster"].listen_key_renew_s == 1500
    grid = found.grid("btc")
    assert (grid.exchange, grid.symbol, grid.stale_after_ms) == ("aster", "BTCUSDT", 1500)
    assert grid.entry.order_notional_usd == 200
    with pytest.raises(KeyError):
        found.grid("eth")


def test_load_when_a_grid_overrides_defaults_the_others_keep_them():
    found = load_settings(
        ini(
            grid={"take_profit_pct": "0.2"},
            close={"retry_limit": "5"},
            risk={"stop_price": "50000", "max_margin_usd": "1000"},
            reconcile={"not_found_proofs": "4"},
            prices={"stale_after_ms": "900"},
            grid__eth={
                "exchange": "aster",
                "symbol": "ETHUSDT",
                "direction": "sell",
                "take_profit_pct": "3",
                "take_profit_basis": "margin",
                "retry_limit": "1",
                "stop_price": "none",
            },
        ),
        environ={},
    )
    btc, eth = found.grids
    assert (btc.entry.direction, eth.entry.direction) == (Direction.BUY, Direction.SELL)
    assert (btc.entry.take_profit_pct, eth.entry.take_profit_pct) == (Decimal("0.2"), 3)
    assert eth.entry.take_profit_basis is TakeProfitBasis.MARGIN
    assert (btc.close.retry_limit, eth.close.retry_limit) == (5, 1)
    assert (btc.risk.stop_price, eth.risk.stop_price) == (50000, None)
    assert btc.proof == eth.proof == found.proof
    assert btc.proof.not_found_proofs == 4
    assert eth.stale_after_ms == 900


def test_load_when_several_accounts_are_on_one_venue_keeps_them_apart():
    found = load_settings(
        ini(
            exchange__second={"venue": "aster", "listen_key_renew_s": "100"},
            grid__two={"exchange": "second", "symbol": "BTCUSDT"},
        ),
        environ={},
    )
    assert dict(found.venues) == {"aster": "aster", "second": "aster"}
    assert found.exchanges["second"].listen_key_renew_s == 100


def test_precedence_command_line_over_environment_over_file():
    environ = {"GRID__GRID__MAX_ORDERS": "5", "GRID__RISK__MAX_MARGIN_USD": "500"}
    found = load_settings(ini(), ["grid.max_orders=3"], environ)
    assert found.grids[0].entry.max_orders == 3
    assert found.risk.max_margin_usd == 500


def test_load_when_many_things_are_wrong_names_all_of_them():
    text = ini(
        desk={"mode": "papper", "bot_tag": "64"},
        paper={"seed": "-1"},
        grid={"take_profit": "0.3", "grid_step_pct": "abc", "max_orders": "0"},
        grdi={"x": "1"},
        grid__btc={"exchange": "asta", "stop_loss": "maybe"},
    )
    with pytest.raises(ConfigError) as caught:
        load_settings(text, environ={})
    joined = "\n".join(caught.value.problems)
    for expected in (
        "desk.mode = papper: not one of live | paper; did you mean 'paper'?",
        "desk.bot_tag = 64: out of range; write 0..63",
        "paper.seed = -1: out of range",
        "grid.take_profit = 0.3: unknown setting; it is called take_profit_pct",
        "grid.grid_step_pct = abc: not a number",
        "grid.max_orders = 0: out of range; write 1..100",
        "[grdi]: unknown section; did you mean 'grid'?",
        "grid.btc.exchange = asta: no such [exchange.NAME]; did you mean 'aster'?",
        "grid.btc.stop_loss = maybe: write yes or no",
    ):
        assert expected in joined
    assert len(caught.value.problems) == 9
    assert str(caught.value) == joined


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("desk", "name"),
        ("desk", "mode"),
        ("desk", "state_dir"),
        ("risk", "max_margin_usd"),
        ("grid__btc", "exchange"),
        ("grid__btc", "symbol"),
    ],
)
def test_load_when_a_required_key_is_missing_says_what_it_is_for(section, key):
    text = problem_of(**{section: {key: None}})
    assert text.startswith(f"{section.replace('__', '.')}.{key}: missing (")


def test_order_notional_has_no_fallback():
    """ORIGIN.md A.6 row 34: without it the origin bought one base unit."""
    assert "grid.btc.order_notional_usd: missing" in problem_of(grid={"order_notional_usd": None})
    assert not checked(grid={"order_notional_usd": None}, grid__btc={"order_notional_usd": "200"}).problems


@pytest.mark.parametrize(
    ("section", "key", "hint"),
    [
        ("grid", "post_only_tick", "did you mean 'post_only_ticks'?"),
        ("grid", "Max_Orders", "did you mean 'max_orders'?"),
        ("grid", "stop_price", "it belongs into [risk] or [grid.NAME]"),
        ("risk", "retry_limit", "it belongs into [close] or [grid.NAME]"),
        ("desk", "symbol", "it belongs into [grid.NAME]"),
        ("grid__btc", "max_margin_usd", "here it is called grid_max_margin_usd"),
        ("grid__btc", "seed", "it belongs into [paper]"),
        ("grid", "wait_time", "it is called wait_time_s here"),
        ("grid__btc", "recovery_mode", "it is called lot_timeout_s and lot_timeout_action"),
        ("grid", "post_only_tick_multiplier", "it is called post_only_ticks"),
        ("exchange__aster", "listen_key_renew", "did you mean 'listen_key_renew_s'?"),
        ("host", "zzz", "known: gil_switch_interval_ms"),
    ],
)
def test_unknown_key_is_refused_with_its_nearest_name(section, key, hint):
    text = problem_of(**{section: {key: "1"}})
    assert text.startswith(f"{section.replace('__', '.')}.{key} = 1: unknown setting; ")
    assert hint in text


@pytest.mark.parametrize(
    ("section", "hint"),
    [
        ("Risk", "did you mean 'risk'?"),
        ("exchange", "did you mean 'exchange.aster'?"),
        ("DEFAULT", "known: desk, prices"),
        ("grid.", "not a name"),
        ("grid.Big Name", "not a name"),
        ("exchange.-", "not a name"),
    ],
)
def test_unknown_section_is_refused_with_its_nearest_name(section, hint):
    result = check(f"{ini()}\n[{section}]\n", environ={})
    assert any(f"[{section}]" in text and hint in text for text in result.problems)


def test_unknown_venue_lists_the_known():
    assert "exchange.main.venue = astre: unknown venue; did you mean 'aster'?" in problem_of(
        exchange__main={"venue": "astre"}
    )
    known = f"'main' is not a venue; known: {', '.join(sorted(VENUES))}; write for example venue = aster"
    assert known in problem_of(exchange__main={})


def test_spoilt_default_is_reported_once_and_silences_rules_that_need_it():
    result = checked(
        grid={"take_profit_pct": "0,1"}, grid__eth={"exchange": "aster", "symbol": "ETHUSDT", "max_orders": "2"}
    )
    assert len(result.problems) == 1
    assert result.problems[0].startswith("grid.take_profit_pct = 0,1: not a number")


def test_file_and_environment_of_the_process_are_read_by_default(tmp_path, monkeypatch):
    path = tmp_path / "bot.ini"
    path.write_text(ini(), encoding="utf-8")
    monkeypatch.setenv("GRID__GRID__MAX_ORDERS", "4")
    assert load_settings(path).grids[0].entry.max_orders == 4


@pytest.mark.parametrize("section", ["desk", "grid", "exchange__aster", "nonsense", "grid__btc"])
@pytest.mark.parametrize("key", ["name", "state", "private_key", "private_key_env", "rest_url"])
def test_key_in_the_file_is_refused_and_never_repeated(section, key):
    result = checked(**{section: {key: KEY}})
    assert result.problems
    assert KEY[2:] not in "\n".join(result.problems)


def test_key_on_the_command_line_or_in_the_environment_is_refused_and_never_repeated():
    result = checked(
        f"exchange.aster.private_key_env={KEY}", f"notgood{KEY}", environ={"GRID__DESK__NAME": KEY, f"GRID__{KEY}": KEY}
    )
    joined = "\n".join(result.problems)
    assert "exchange.aster.private_key_env = *** (--set): looks like a key" in joined
    assert "desk.name = *** (environment variable GRID__DESK__NAME)" in joined
    assert KEY[2:] not in joined


def test_short_secret_under_an_unknown_key_is_not_repeated():
    assert "hunter2" not in problem_of(exchange__aster={"password": "hunter2"})
    assert "hunter2" not in problem_of(exchange__aster={"proxy": "http://joe:hunter2@proxy:3128"})


def test_format_effective_shows_everything_and_reads_back_equal():
    found = load_settings(
        ini(
            desk={"observe": "yes"},
            notify={"urls_env": "MY_URLS"},
            exchange__second={"venue": "aster", "maker_fee_bps": "-0.5", "private_key_file": "/run/keys/second"},
            grid__eth={"exchange": "second", "symbol": "ETHUSDT", "stop_price": "1234.50"},
        ),
        environ={},
    )
    text = format_effective(found)
    again = load_settings(text, environ={})
    assert again == found
    assert format_effective(again) == text
    assert "private_key_file = /run/keys/second" in text
    assert "urls_env = MY_URLS" in text
    for section, classes in SECTIONS.items():
        for key in merged(classes) if section not in ("grid", "close") else ():
            assert f"\n{key} =" in text
    for key in merged(GRID_CLASSES):
        assert f"\n{key} =" in text


def test_format_effective_masks_what_slipped_in_as_a_key():
    found = load_settings(ini(), environ={})
    planted = type(found.desk)(name=KEY, mode=Mode.PAPER, state_dir="s")
    text = format_effective(
        type(found)(**{**{n: getattr(found, n) for n in found.__dataclass_fields__}, "desk": planted})
    )
    assert KEY not in text
    assert "name = ***" in text


def test_shipped_paper_file_has_neither_problems_nor_warnings(monkeypatch):
    monkeypatch.chdir(ROOT)
    result = check(Path("conf/paper.ini"), environ={})
    assert (result.problems, result.warnings) == ((), ())
    assert result.settings.desk.mode is Mode.PAPER


def test_shipped_live_file_asks_for_its_variables_and_nothing_else(monkeypatch):
    monkeypatch.chdir(ROOT)
    result = check(Path("conf/live.ini"), environ={})
    variables = (
        "ASTER_USER",
        "ASTER_SIGNER",
        "ASTER_PRIVATE_KEY",
        "BACKPACK_PUBLIC_KEY",
        "BACKPACK_SECRET_KEY",
        "LIGHTER_API_KEY_PRIVATE_KEY",
    )
    for text, variable in zip(result.problems, variables, strict=True):
        assert variable in text
        assert "not set" in text
    assert result.warnings == ()


SECTION_NAMES = st.sampled_from(
    [*SECTIONS, "exchange.aster", "exchange.x", "grid.btc", "grid.b-2", "DEFAULT", "x", "grid."]
)
KEYS = st.sampled_from(
    sorted({*merged(GRID_CLASSES), *(k for c in SECTIONS.values() for k in merged(c)), "venue", "zz"})
)
WORDS = st.sampled_from(
    ["yes", "none", "auto", "1", "-1", "0", "0.5", "NaN", "1_0", "live", "tape", "margin", "sell", "", "off"]
)
VALUES = st.one_of(WORDS, st.text(max_size=20), st.integers().map(str), st.decimals().map(str))
LINES = st.one_of(
    SECTION_NAMES.map("[{}]".format),
    st.builds("{} = {}".format, KEYS, VALUES),
    st.text(max_size=30),
    st.builds("  {}".format, VALUES),
)


@settings(max_examples=150, deadline=None)
@given(lines=st.lists(LINES, max_size=25), overrides=st.lists(st.text(max_size=20), max_size=2))
def test_any_text_gives_settings_or_config_error_and_nothing_else(lines, overrides):
    with_start = [*ini().splitlines(), *lines]
    for text in ("\n".join(lines), "\n".join(with_start)):
        result = check(text, overrides, {})
        assert (result.settings is None) == bool(result.problems)
        assert all(line.strip() for line in (*result.problems, *result.warnings))
        if result.settings is None:
            with pytest.raises(ConfigError):
                load_settings(text, overrides, {})
        else:
            assert load_settings(format_effective(result.settings), (), {}) == result.settings


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_file_gives_settings_or_config_error_and_nothing_else(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "bot.ini"
    path.write_bytes(data)
    with pytest.raises(ConfigError):
        load_settings(path, (), {})


@settings(max_examples=100, deadline=None)
@given(section=st.sampled_from(["desk", "paper", "exchange.aster", "grid", "risk", "grid.btc"]), data=st.data())
def test_any_legal_value_round_trips(section, data):
    name = section.removeprefix("exchange.")
    known = merged(SECTIONS.get(section, GRID_CLASSES)) if name == section else merged((VENUES[name]().settings,))
    key = data.draw(st.sampled_from(sorted(known)))
    value = data.draw(st.one_of(st.integers(0, 200).map(str), st.decimals(0, 60, places=3).map(str), WORDS))
    result = checked(f"{section}.{key}={value}")
    if result.settings is not None:
        assert load_settings(format_effective(result.settings), (), {}) == result.settings
