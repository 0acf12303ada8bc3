import pytest

from actors.grid import dust, positions
from actors.grid.gates import is_step_wide
from actors.grid.settings import Direction
from actors.grid.state import ExitBook, Part
from tests.grid.harness import D, Harness, make_context


def test_parts_are_reduced_in_order():
    parts = (Part(1, D("0.5")), Part(2, D("0.3")))
    assert positions.reduce_parts(parts, D("0.2")) == ((Part(1, D("0.2")),), (Part(1, D("0.3")), Part(2, D("0.3"))))
    assert positions.reduce_parts(parts, D("0.6")) == ((Part(1, D("0.5")), Part(2, D("0.1"))), (Part(2, D("0.2")),))


def test_parts_are_cut_to_the_step_from_the_end():
    parts = (Part(1, D("0.5")), Part(2, D("0.0005")))
    assert dust.on_step(parts, D("0.5")) == (Part(1, D("0.5")),)


def test_lot_that_must_be_there_is_an_error_if_it_is_not():
    with pytest.raises(LookupError, match="lot 3"):
        positions.get_lot(ExitBook(), 3)


def test_grid_step_of_a_worthless_exit_is_never_wide():
    context = make_context(direction=Direction.SELL, take_profit_pct=D(50), rules={"tick": D(1)})
    assert not is_step_wide(context, (D(5),), D(1))


def test_cover_is_measured_first_in_first_out():
    grid = Harness()
    grid.ack("c1")
    grid.fill("c1", "t1", "0.300")
    grid.pass_ms(100)
    grid.fill("c1", "t2", "0.700")
    grid.pass_ms(100)
    grid.ack("c3")
    grid.ack("c2")
    measured = [(m.quantity, m.naked_ns // 1_000_000) for m in grid.messages if type(m).__name__ == "CoverMeasured"]
    assert measured == [(D("0.3"), 200), (D("0.4"), 100), (D("0.3"), 100)]
    assert grid.exits.counters.unprotected_max == 1
