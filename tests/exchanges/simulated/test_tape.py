"""Recorded markets (exchanges.simulated.tape)."""

import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from exchanges.errors import ConfigError
from exchanges.simulated.engine_types import QuoteTick, TradeTick
from exchanges.simulated.tape import COLUMNS, TapePrices, read_facts, tape_rules

D = Decimal
HEADER = ",".join(COLUMNS)
ROWS = (
    "1000000000,Q,100.5,2,100.7,3.25,,,",
    "1500000000,T,,,,,100.7,0.005,0",
    "3000000000,Q,100.6,2,100.7,1,,,",
)
TAPES = Path(__file__).resolve().parents[4] / "shared" / "tapes"
START = 1_700_000_000_000_000_000
SECOND = 1_000_000_000


def write(folder: Path, *rows: str, header: str = HEADER, zipped: bool = True) -> Path:
    path = folder / ("tape.csv.gz" if zipped else "tape.csv")
    data = "\n".join((header, *rows)).encode() + b"\n"
    path.write_bytes(gzip.compress(data) if zipped else data)
    return path


def played(prices: TapePrices, until_ns: int) -> list[tuple[int, object]]:
    return [(at_ns - START, tick) for at_ns, tick in prices.events_until(until_ns)]


@pytest.mark.parametrize("zipped", [True, False])
def test_rows_come_at_the_recorded_distances_from_the_start(tmp_path, zipped):
    prices = TapePrices(write(tmp_path, *ROWS, zipped=zipped), "BTCUSDT")
    assert not prices.finished
    prices.start(START)
    assert prices.next_ns() == START
    assert played(prices, START + 499_999_999) == [(0, QuoteTick("BTCUSDT", D("100.5"), D(2), D("100.7"), D("3.25")))]
    assert prices.next_ns() == START + 500_000_000
    assert played(prices, START + 10**12) == [
        (500_000_000, TradeTick("BTCUSDT", D("100.7"), D("0.005"), buyer_is_maker=False)),
        (2_000_000_000, QuoteTick("BTCUSDT", D("100.6"), D(2), D("100.7"), D(1))),
    ]
    assert prices.finished
    assert prices.next_ns() is None
    assert played(prices, START + 10**13) == []
    prices.close()
    prices.close()


def test_rows_that_are_late_come_in_portions_and_stamped_as_they_come(tmp_path):
    rows = [f"{1_000_000_000 + number * 1_000_000},T,,,,,100.7,0.005,0" for number in range(1, 500)]
    prices = TapePrices(write(tmp_path, ROWS[0], *rows), "X", is_served=True)
    prices.start(START)
    assert [at_ns for at_ns, _ in played(prices, START + 1_000_000)] == [0, 1_000_000]
    late = START + 1_000_000_000
    first = played(prices, late)
    assert [at_ns for at_ns, _ in first] == [number * 1_000_000 for number in range(2, 202)]
    assert prices.next_ns() <= late
    assert {at_ns for at_ns, _ in played(prices, late + 1)} == {1_000_000_000}, (
        "no row is older than what was asked for"
    )
    assert len(played(prices, late + 2)) == 98
    assert prices.finished
    prices.close()


def test_a_machine_that_cannot_keep_up_gets_the_rest_of_the_tape_later(tmp_path):
    rows = [f"{number * SECOND},T,,,,,100.7,0.005,0" for number in range(2, 22)]
    prices = TapePrices(write(tmp_path, ROWS[0], *rows), "X", is_served=True)
    prices.start(START)
    assert len(played(prices, START)) == 1
    late = START + 16 * SECOND
    assert len(played(prices, late)) == 6, "what is five seconds late or less is caught up with"
    assert prices.next_ns() == late + SECOND
    assert len(played(prices, late + 13 * SECOND)) == 6
    assert len(played(prices, late + 19 * SECOND)) == 6
    assert len(played(prices, late + 21 * SECOND)) == 2
    assert prices.finished, "late, and whole"
    prices.close()


def test_speed_divides_the_time_between_rows(tmp_path):
    prices = TapePrices(write(tmp_path, *ROWS), "BTCUSDT", speed=D(4))
    prices.start(START)
    assert [at_ns for at_ns, _ in played(prices, START + 10**12)] == [0, 125_000_000, 500_000_000]


def test_a_tape_closed_before_its_end_leaves_no_file_open(tmp_path):
    prices = TapePrices(write(tmp_path, *ROWS), "BTCUSDT")
    prices.start(START)
    prices.close()
    assert prices.next_ns() is None


@pytest.mark.parametrize("speed", [D(0), D(-1)])
def test_a_speed_of_nothing_is_refused(tmp_path, speed):
    with pytest.raises(ConfigError, match="speed"):
        TapePrices(write(tmp_path, *ROWS), "BTCUSDT", speed=speed)


def test_steps_are_inferred_from_every_number(tmp_path):
    facts = read_facts(write(tmp_path, *ROWS))
    assert (facts.tick, facts.step, facts.rows) == (D("0.1"), D("0.005"), 3)
    assert (facts.first_ns, facts.last_ns, facts.first_price) == (1_000_000_000, 3_000_000_000, D("100.5"))


def test_a_tick_that_is_not_a_power_of_ten_is_found(tmp_path):
    facts = read_facts(write(tmp_path, "1,Q,100.50,20,101.00,30,,,", "2,Q,99.5,10,102.5,40,,,"))
    assert (facts.tick, facts.step) == (D("0.5"), D(10))


def test_quantities_in_contracts_are_taken_as_base_units_with_a_finer_step(tmp_path):
    facts = read_facts(write(tmp_path, "1,Q,61804.7,35,61804.8,1645,,,", "2,T,,,,,61804.8,1,1"))
    rules = tape_rules(facts, "BTCUSDT")
    assert (rules.tick, rules.step, rules.min_quantity) == (D("0.1"), D("0.001"), D("0.001"))
    assert (rules.base_asset, rules.quote_asset, rules.symbol) == ("BTC", "USDT", "BTCUSDT")


def test_a_tape_of_few_round_prices_leaves_room_for_a_take_profit(tmp_path):
    facts = read_facts(write(tmp_path, "1,Q,60000,3,60010,3,,,", "2,T,,,,,60010,1,0"))
    assert facts.tick == D(10)
    assert tape_rules(facts, "BTCUSDT").tick == D(10)  # 1.7 basis points: such markets exist
    facts = read_facts(write(tmp_path, "1,Q,100,3,101,3,,,", "2,T,,,,,101,1,0"))
    assert tape_rules(facts, "X").tick == D("0.01")


def test_a_tape_finer_than_the_market_is_played_on_the_markets_tick(tmp_path):
    rows = ("1,Q,100.126,2,100.131,3,,,", "2,T,,,,,100.131,1,0", "3,T,,,,,100.126,1,1", "4,Q,100.12,2,100.13,3,,,")
    prices = TapePrices(write(tmp_path, *rows), "X", tick=D("0.01"))
    prices.start(START)
    assert [tick for _, tick in played(prices, START + 10)] == [
        QuoteTick("X", D("100.12"), D(2), D("100.14"), D(3)),
        TradeTick("X", D("100.14"), D(1), buyer_is_maker=False),
        TradeTick("X", D("100.12"), D(1), buyer_is_maker=True),
        QuoteTick("X", D("100.12"), D(2), D("100.13"), D(3)),
    ]
    prices.close()


def test_a_tape_that_is_written_anew_is_read_anew(tmp_path):
    path = write(tmp_path, *ROWS)
    assert read_facts(path) is read_facts(path)
    write(tmp_path, *ROWS[:2])
    assert read_facts(path).rows == 2


def test_columns_may_stand_in_another_order_and_more_of_them(tmp_path):
    path = write(
        tmp_path,
        "1,2,100.7,note,Q,7,100.5,,,",
        header="bid_qty,ask_qty,ask,extra,kind,ts_ns,bid,price,qty,buyer_is_maker",
    )
    prices = TapePrices(path, "X")
    prices.start(START)
    assert played(prices, START) == [(0, QuoteTick("X", D("100.5"), D(1), D("100.7"), D(2)))]
    prices.close()


def test_a_step_back_in_time_counts_as_no_step(tmp_path):
    prices = TapePrices(write(tmp_path, ROWS[0], "900000000,T,,,,,100.7,1,1", ROWS[2]), "X")
    prices.start(START)
    assert [at_ns for at_ns, _ in played(prices, START + 10**12)] == [0, 0, 2_000_000_000]


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        ("abc,Q,1,1,2,1,,,", "ts_ns", "abc"),
        ("-5,Q,1,1,2,1,,,", "ts_ns", "-5"),
        ("5,X,1,1,2,1,,,", "kind", "X"),
        ("5,Q,one,1,2,1,,,", "bid", "one"),
        ("5,Q,NaN,1,2,1,,,", "bid", "NaN"),
        ("5,Q,1_0,1,20,1,,,", "bid", "1_0"),
        ("5,Q,\u0661,1,2,1,,,", "bid", "\u0661"),
        ("5,Q,0,1,2,1,,,", "bid", "0"),
        ("5,Q,1,-1,2,1,,,", "bid_qty", "-1"),
        ("5,Q,1,1,,1,,,", "ask", ""),
        ("5,T,,,,,100,Infinity,1", "qty", "Infinity"),
        ("5,T,,,,,-100,1,1", "price", "-100"),
        ("5,T,,,,,100,1,maybe", "buyer_is_maker", "maybe"),
        (f"5,Q,{'1' * 40},1,2,1,,,", "bid", "1" * 40),
    ],
)
def test_a_bad_value_names_file_line_column_and_value(tmp_path, row, column, value):
    path = write(tmp_path, ROWS[0], row)
    with pytest.raises(ConfigError) as caught:
        TapePrices(path, "X")
    (problem,) = caught.value.problems
    assert problem.startswith(f"{path}, line 3: {column} {value!r}")


def test_other_damage_is_named_too(tmp_path):
    cases = {
        "line 1: the header": write(tmp_path, "x", header="time,price", zipped=False),
        "line 1: the": write(tmp_path, header=""),
    }
    for words, path in cases.items():
        with pytest.raises(ConfigError, match=words):
            read_facts(path)
    with pytest.raises(ConfigError, match="line 2: 3 columns"):
        read_facts(write(tmp_path, "1,Q,2"))
    with pytest.raises(ConfigError, match="no quote"):
        read_facts(write(tmp_path, "5,T,,,,,100,1,1"))
    with pytest.raises(ConfigError, match="No such file"):
        read_facts(tmp_path / "nothing.csv.gz")
    with pytest.raises(ConfigError, match="directory"):
        read_facts(tmp_path)


def test_a_truncated_or_spoiled_archive_is_a_clear_error(tmp_path):
    whole = write(tmp_path, *ROWS).read_bytes()
    for data in (whole[:-12], whole[:20] + b"\x00\x01\x02" + whole[23:], b"\xff\xfe\x00garbage"):
        path = tmp_path / "spoiled.csv.gz"
        path.write_bytes(data)
        with pytest.raises(ConfigError, match=r"spoiled\.csv\.gz"):
            read_facts(path)


@pytest.mark.parametrize(
    ("file", "rows", "step"), [("btcusdt-perp-2024-08-08", 87_402, "0.001"), ("btcusd-coinm-2024-08-08", 21_422, "1")]
)
def test_the_shared_tapes_play_to_their_end(file, rows, step):
    path = TAPES / f"{file}.csv.gz"
    if not path.exists():
        pytest.skip("needs the shared notes' tapes beside the repository (../shared/tapes)")
    prices = TapePrices(path, "BTCUSDT", speed=D(5))
    assert (prices.facts.rows, prices.facts.tick, prices.facts.step) == (rows, D("0.1"), D(step))
    prices.start(START)
    times = [at_ns for at_ns, _ in prices.events_until(START + 70 * 10**9)]
    assert len(times) == rows
    assert times == sorted(times)
    assert prices.finished
    prices.close()
