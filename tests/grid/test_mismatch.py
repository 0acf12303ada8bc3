from actors.grid.settings import Direction
from actors.log_events import LogEvent
from actors.messages import AdoptDifference, ConnectionReady, ExternalBooked
from exchanges.values import CancelReason, OrderStatus
from tests.grid.harness import D, Harness
from tests.grid.test_scenarios_recovery import killed, restored_lot


def with_lot(**settings):
    grid = Harness(max_orders=1, **settings)
    grid.ack("c1")
    grid.fill("c1", "t1", "1.000")
    grid.ack("c2")
    grid.take()
    grid.is_watching = False
    return grid


def prove(grid, quantity, times=3):
    for _ in range(times):
        grid.pass_ms(5_000)
        grid.position(quantity)
        for order in grid.exits.orders:
            if order.inquiry is not None:
                grid.settled(grid.names[order.client_order_id], OrderStatus.OPEN, "0")


def test_reading_asked_before_the_last_fill_says_nothing():
    grid = with_lot()
    grid.position("0", asked_ns=grid.now_ns)
    assert grid.exits.suspicion is None


def test_repeated_answer_to_one_question_is_one_reading():
    grid = with_lot()
    grid.pass_ms(1_000)
    grid.position("0.5")
    grid.settled("c2", OrderStatus.OPEN, "0")
    for _ in range(5):
        grid.position("0.5", asked_ns=grid.exits.suspicion.asked_ns)
    assert grid.exits.suspicion.count == 1


def test_three_proofs_where_the_setting_wants_three():
    grid = with_lot(mismatch_proofs=3)
    prove(grid, "0.5", times=2)
    assert grid.exits.mismatch is None
    assert grid.exits.suspicion.count == 2
    prove(grid, "0.5", times=1)
    assert grid.exits.mismatch is not None


def test_mismatch_ends_when_the_position_is_restored():
    grid = with_lot()
    prove(grid, "0.5")
    grid.done("c2", CancelReason.REQUESTED, "0")
    assert grid.places() == ["c3 sell 0.5@100.9"]
    grid.ack("c3")
    grid.pass_ms(1_000)
    grid.position("1.0")
    assert grid.exits.mismatch is None
    assert grid.count(LogEvent.POSITION_MATCHED) == 1
    assert grid.places() == ["c4 sell 0.5@100.9"]


def test_proven_difference_moves_with_our_fills():
    grid = with_lot()
    prove(grid, "0.5")
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.ack("c3")
    grid.fill("c3", "t3", "0.200")
    assert (grid.exits.mismatch.least, grid.exits.mismatch.most) == (D("0.3"), D("0.5"))
    prove(grid, "0.3", times=1)
    assert grid.exits.suspicion is None
    assert (grid.exits.mismatch.least, grid.exits.mismatch.most) == (D("0.3"), D("0.3"))


def with_late_fill():
    """The venue holds what a fill of the entry gave that is told only after the difference was proven."""
    grid = Harness(max_orders=2)
    grid.ack("c1")
    grid.fill("c1", "t1", "0.600")
    grid.ack("c2")
    grid.is_watching = False
    prove(grid, "1.000")
    grid.told_entry = D("1.000")
    grid.take()
    assert grid.exits.mismatch is not None
    grid.fill("c1", "t2", "0.400")
    return grid


def test_a_fill_that_explains_the_difference_is_not_counted_on_top_of_it():
    grid = with_late_fill()
    assert (grid.exits.mismatch.least, grid.exits.mismatch.most) == (D("1.000"), D("1.400"))
    assert grid.places() == ["c3 sell 0.4@100.9"]
    assert grid.state.lots.mismatch
    grid.ack("c3")
    grid.pass_ms(5_000)
    grid.position("1.000")
    assert grid.exits.mismatch is None
    assert grid.count(LogEvent.POSITION_MATCHED) == 1


def test_a_fill_after_the_reading_leaves_the_difference_to_the_next_one():
    grid = with_late_fill()
    grid.ack("c3")
    grid.pass_ms(5_000)
    grid.position("1.400")
    assert (grid.exits.mismatch.least, grid.exits.mismatch.most) == (D("1.400"), D("1.400"))
    assert grid.exits.suspicion is None


def test_nothing_is_adopted_between_a_fill_and_the_reading_that_says_whose_it_was():
    grid = with_late_fill()
    grid.ack("c3")
    grid.tell(AdoptDifference(grid="g"))
    assert grid.exits.external == 0
    grid.tell(AdoptDifference(grid="g", when_proven=True))
    assert (grid.exits.external, grid.exits.adopts_proven) == (0, True)
    grid.pass_ms(5_000)
    grid.position("1.400")
    assert grid.exits.external == D("0.4")
    assert grid.exits.mismatch is None


def test_an_exits_fill_that_explains_the_difference_does_not_cut_the_other_exits():
    grid = with_lot()
    prove(grid, "0.8")
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.take()
    grid.ack("c3")
    grid.fill("c2", "t9", "0.2")
    assert (grid.exits.mismatch.least, grid.exits.mismatch.most) == (D("0.6"), D("0.8"))
    assert grid.take() == []
    grid.pass_ms(5_000)
    grid.position("0.8")
    assert grid.exits.mismatch is None


def test_surplus_is_adopted_as_foreign():
    grid = with_lot()
    prove(grid, "1.700")
    assert grid.state.lots.mismatch
    assert grid.exits.orders[0].cancel is None
    grid.tell(AdoptDifference(grid="g"))
    booked = grid.of(ExternalBooked)[-1]
    assert (booked.lot, booked.quantity, booked.external) == (0, D("0.7"), D("0.7"))
    prove(grid, "1.700", times=1)
    assert not grid.state.lots.mismatch


def test_opposite_position_is_adopted_as_foreign_and_the_lots_as_closed():
    grid = with_lot(direction=Direction.SELL)
    prove(grid, "0.300")
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.tell(AdoptDifference(grid="g"))
    assert grid.held == 0
    assert grid.exits.external == D("0.3")


def test_adopt_without_a_proven_difference_does_nothing():
    grid = with_lot()
    grid.tell(AdoptDifference(grid="g"))
    assert grid.held == 1
    assert not grid.of(ExternalBooked)


def test_second_connection_judges_the_position_like_any_reading():
    grid = with_lot()
    grid.pass_ms(1_000)
    ready = ConnectionReady(
        grid="g", rules=grid.context.rules, fees=grid.context.fees, position=D("0.5"), leverage=20,
        foreign_orders=(), asked_ns=grid.now_ns,
    )  # fmt: skip
    grid.give("closer", ready)
    assert grid.exits.external == 0
    assert grid.exits.suspicion is not None


def test_difference_found_at_a_restart_is_not_taken_for_foreign():
    grid = killed(lots=[restored_lot(done=True)])
    grid.connect("0")
    assert grid.exits.external == 0
    assert grid.exits.suspicion is not None


def test_newest_settled_exits_are_asked_again_when_something_is_missing():
    grid = with_lot()
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.ack("c3")
    grid.pass_ms(1_000)
    grid.take()
    grid.position("0.6")
    assert sorted(grid.take()) == ["query c2", "query c3"]


def test_a_start_that_adopts_waits_for_the_proof_and_books_the_difference_then():
    grid = with_lot()
    grid.pass_ms(1_000)
    grid.position("0.5")
    grid.tell(AdoptDifference(grid="g", when_proven=True))
    assert grid.exits.external == 0
    assert grid.exits.lots[0].remaining == D("1")
    grid.settled("c2", OrderStatus.OPEN, "0")
    prove(grid, "0.5")
    assert grid.exits.mismatch is None
    assert grid.exits.lots[0].remaining == D("0.5")
    assert not grid.exits.adopts_proven


def test_a_start_that_adopts_forgets_it_where_the_position_agrees():
    grid = with_lot()
    grid.pass_ms(1_000)
    grid.position("0.5")
    grid.tell(AdoptDifference(grid="g", when_proven=True))
    grid.settled("c2", OrderStatus.OPEN, "0")
    grid.pass_ms(5_000)
    grid.position("1.0")
    prove(grid, "0.5")
    assert grid.exits.mismatch is not None, "a later difference is for a person to adopt"


def test_every_late_fill_gets_its_exit_while_together_they_explain_no_more_than_the_difference():
    grid = Harness(max_orders=2)
    grid.ack("c1")
    grid.fill("c1", "t1", "0.400")
    grid.ack("c2")
    grid.is_watching = False
    prove(grid, "0.600")
    grid.take()
    bounds = []
    for number in (3, 4, 5):
        grid.told_entry += D("0.2")
        grid.fill("c1", f"t{number}", "0.200")
        grid.ack(f"c{number}")
        bounds.append((grid.exits.mismatch.least, grid.exits.mismatch.most))
    assert grid.places() == [f"c{number} sell 0.2@100.9" for number in (3, 4, 5)]
    assert bounds == [(D("0.6"), D("0.8")), (D("0.8"), D("1.0")), (D("1.0"), D("1.2"))]


def test_fills_of_exits_explain_no_more_than_the_difference():
    grid = with_lot()
    prove(grid, "0.700")
    bounds = []
    for number in (3, 4):
        grid.fill("c2", f"t{number}", "0.200", "100.9")
        bounds.append((grid.exits.mismatch.least, grid.exits.mismatch.most))
    assert bounds == [(D("0.5"), D("0.7")), (D("0.3"), D("0.6"))]


def test_a_reading_that_neither_history_allows_is_a_rumor_like_any_other():
    grid = with_late_fill()
    grid.ack("c3")
    grid.pass_ms(5_000)
    grid.position("1.123")
    assert grid.exits.suspicion is not None
    assert (grid.exits.mismatch.least, grid.exits.mismatch.most) == (D("1.000"), D("1.400"))


def test_a_difference_that_a_fill_has_moved_is_adopted_only_when_it_has_been_read_again():
    grid = with_lot()
    prove(grid, "0.5")
    grid.done("c2", CancelReason.REQUESTED, "0")
    grid.ack("c3")
    grid.fill("c3", "t3", "0.200")
    grid.tell(AdoptDifference(grid="g"))
    assert grid.held == D("0.8")
    prove(grid, "0.3", times=1)
    grid.tell(AdoptDifference(grid="g"))
    assert grid.held == D("0.3")
