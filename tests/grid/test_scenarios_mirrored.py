"""The sell side of SCENARIOS.md's rows 1, 2, 5, 10, 11, 18 and 21: entry 100.2, exit 99.1."""

from actors.grid.settings import Direction
from actors.grid.state import Mode
from actors.messages import PositionClosed
from exchanges.values import CancelReason, OrderStatus, RejectReason
from tests.grid.harness import D, Harness


def short(**settings):
    return Harness(direction=Direction.SELL, **settings)


def test_scenario_01_mirrored_clean_cycle():
    grid = short()
    assert grid.take() == ["c1 sell 1@100.2"]
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    assert grid.take() == ["c2 buy 1@99.1"]
    grid.ack("c2")
    assert grid.is_ready
    assert grid.state.lots.position == -1
    grid.fill("c2", "t2", "1.000")
    assert [closed.realized_pnl for closed in grid.of(PositionClosed)] == [D("1.1")]
    assert grid.take() == ["c3 sell 1@100.2"]


def test_scenario_02_mirrored_two_partials():
    grid = short()
    grid.ack("c1")
    grid.take()
    grid.fill("c1", "t1", "0.300")
    assert grid.take() == ["c2 buy 0.3@99.1"]
    grid.ack("c2")
    grid.fill("c1", "t2", "0.700")
    assert grid.take() == ["c3 buy 0.7@99.1"]
    grid.ack("c3")
    assert grid.is_ready
    assert grid.state.lots.open_lots == 1


def test_scenario_05_mirrored_entry_cancelled_after_partial():
    grid = short()
    grid.ack("c1")
    grid.take()
    grid.fill("c1", "t1", "0.400")
    grid.done("c1", CancelReason.POST_ONLY, "0.400")
    assert grid.take() == ["c2 buy 0.4@99.1"]
    grid.ack("c2")
    assert grid.is_ready
    assert grid.state.lots.position == D("-0.4")


def test_scenario_10_mirrored_exit_refused_as_post_only():
    grid = short()
    grid.ack("c1")
    grid.take()
    grid.price("98.9", "99.0")
    grid.fill("c1", "t1", "1.000")
    assert grid.take() == ["c2 buy 1@99.1"]
    for name, expected in (("c2", "c3 buy 1@98.9"), ("c3", "c4 buy 1@98.8"), ("c4", "c5 buy 1@98.7")):
        grid.reject(name, RejectReason.POST_ONLY)
        grid.pass_ms(249)
        assert grid.take() == []
        grid.pass_ms(1)
        assert grid.take() == [expected]
    grid.reject("c5", RejectReason.POST_ONLY)
    grid.pass_ms(250)
    assert grid.take() == ["c6 ioc buy 1@99"]


def test_scenario_11_mirrored_exit_cancelled_after_partial():
    for is_final in (True, False):
        grid = short(capabilities={"cancel_report_is_final": is_final})
        grid.ack("c1")
        grid.fill("c1", "t1", "1.000")
        grid.ack("c2")
        grid.take()
        grid.fill("c2", "t2", "0.600")
        grid.done("c2", CancelReason.REQUESTED, "0.600")
        if not is_final:
            assert grid.take() == ["query c2"]
            grid.settled("c2", OrderStatus.CANCELED, "0.600")
        assert grid.take() == ["c3 buy 0.4@99.1"]


def test_scenario_18_mirrored_stop_price():
    grid = short(stop_price=D(105))
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.take()
    grid.mid("105.1")
    grid.pass_ms(400)
    grid.mid("104.9")
    grid.pass_ms(1_000)
    assert grid.take() == []
    grid.mid("105.1")
    grid.pass_ms(500)
    assert grid.state.mode is Mode.HALTED
    assert grid.take() == ["cancel c2"]
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert grid.take() == ["c3 ioc buy 1@105.2"]
    grid.fill("c3", "t3", "1.000")
    grid.mid("103")
    grid.pass_ms(60_000)
    assert grid.take() == []
    assert grid.held == 0


def test_scenario_21_mirrored_grid_step():
    grid = short()
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.take()
    grid.price("100.4", "100.5")
    grid.pass_ms(60_000)
    assert grid.take() == []
    assert grid.state.blocked_reason == "grid step"
    grid.price("100.5", "100.6")
    assert grid.take() == ["c3 sell 0.995@100.7"]
