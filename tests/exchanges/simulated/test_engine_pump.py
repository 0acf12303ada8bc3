"""Market rows and due commands in one order of time (exchanges.simulated.engine_pump)."""

from exchanges.simulated.engine import Engine
from exchanges.simulated.engine_pump import Pump
from exchanges.simulated.engine_types import CommandDone, EndReason, EngineSettings, QuoteChanged, QuoteTick
from exchanges.values import Side
from tests.exchanges.simulated.market import ACCOUNT, SYMBOL, D, Market


class Rows:
    """A price source made of given rows."""

    finished = False

    def __init__(self, *rows):
        self.rows = list(rows)

    def start(self, now_ns):
        raise AssertionError(now_ns)

    def events_until(self, now_ns):
        while self.rows and self.rows[0][0] <= now_ns:
            yield self.rows.pop(0)

    def next_ns(self):
        return self.rows[0][0] if self.rows else None

    def close(self):
        raise AssertionError


def quote(at_ns, bid, ask):
    return at_ns, QuoteTick(SYMBOL, D(bid), D(5), D(ask), D(5))


def build(*rows):
    market = Market()
    engine = Engine([market.spec], EngineSettings(ack_latency_ns=100, fill_latency_ns=40))
    engine.open_account(ACCOUNT, D(1000), 1)
    return market, engine, Pump(engine, Rows(*rows))


def test_a_late_step_gives_the_same_as_many_early_ones():
    logs = []
    for step in (1, 7, 1000):
        market, engine, pump = build(quote(10, "100", "100.1"), quote(250, "99.8", "99.9"), quote(260, "101", "101.1"))
        log = list(pump.advance(10))
        engine.submit(ACCOUNT, market.spec_of(Side.BUY, "1", "100.0"), 50)
        for now_ns in range(50, 1050 + step, step):
            log.extend(pump.advance(now_ns))
        logs.append(log)
    assert logs[0] == logs[1] == logs[2]
    assert len(logs[0]) > 6


def test_a_command_due_before_a_row_runs_before_it_and_one_due_after_does_not():
    for submitted_ns, expected in ((50, None), (200, EndReason.POST_ONLY)):
        market, engine, pump = build(quote(10, "100", "100.1"), quote(250, "99.8", "99.9"))
        pump.advance(10)
        engine.submit(ACCOUNT, market.spec_of(Side.BUY, "1", "100.0"), submitted_ns)
        (done,) = [event for event in pump.advance(1000) if isinstance(event, CommandDone)]
        assert done.answer.final.end_reason is expected


def test_the_next_time_is_the_sooner_of_both():
    market, engine, pump = build(quote(10, "100", "100.1"), quote(300, "99.8", "99.9"))
    pump.advance(10)
    assert pump.next_ns() == 41  # the deposit is reported after the latency of reports
    assert [type(event) for event in pump.advance(299)] != [QuoteChanged]
    assert pump.next_ns() == 300
    engine.submit(ACCOUNT, market.spec_of(Side.BUY, "1", "99"), 290)
    pump.advance(300)
    assert pump.next_ns() == 399
    pump.advance(10_000)
    assert pump.next_ns() is None
