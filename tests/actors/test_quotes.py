"""Which best bid and ask may be believed."""

from decimal import Decimal

import pytest

from actors.quotes import Quote, QuoteBook, quote_problem
from exchanges.reports import BestPrice


def reading(bid: str, ask: str) -> BestPrice:
    return BestPrice(
        symbol="BTCUSDT",
        bid=Decimal(bid),
        bid_quantity=Decimal(1),
        ask=Decimal(ask),
        ask_quantity=Decimal(1),
        occurred_ns=0,
        received_ns=0,
    )


@pytest.mark.parametrize(
    ("bid", "ask"),
    [("NaN", "1"), ("1", "NaN"), ("Infinity", "1"), ("0", "1"), ("-1", "1"), ("1", "0"), ("2", "1"), ("1", "1")],
)
def test_a_book_that_cannot_be_is_no_quote(bid, ask):
    assert quote_problem(Decimal(bid), Decimal(ask))
    book = QuoteBook(Decimal(5))
    assert book.take(reading("100", "101"))
    assert not book.take(reading(bid, ask))
    assert book.quote is None
    assert book.problem


def test_a_valid_quote_after_an_invalid_one_is_believed_again():
    book = QuoteBook(Decimal(5))
    book.take(reading("101", "100"))
    assert book.take(reading("100", "101"))
    assert book.quote == Quote(Decimal(100), Decimal(101))
    assert book.quote.mid == Decimal("100.5")


def test_a_jump_is_believed_on_the_second_reading():
    book = QuoteBook(Decimal(5))
    book.take(reading("100", "101"))
    assert not book.take(reading("110", "111"))
    assert book.quote is None
    assert book.take(reading("110", "112"))
    assert book.quote == Quote(Decimal(110), Decimal(112))


def test_a_wick_that_comes_back_never_counts():
    book = QuoteBook(Decimal(5))
    book.take(reading("100", "101"))
    assert not book.take(reading("80", "81"))
    assert book.take(reading("100", "101"))
    assert not book.take(reading("80", "81"))


def test_two_different_jumps_do_not_confirm_each_other():
    book = QuoteBook(Decimal(5))
    book.take(reading("100", "101"))
    assert not book.take(reading("80", "81"))
    assert not book.take(reading("120", "121"))
    assert book.take(reading("121", "122"))


def test_a_move_of_exactly_the_limit_is_no_jump():
    book = QuoteBook(Decimal(5))
    book.take(reading("99", "101"))
    assert book.take(reading("104", "106"))


def test_after_forgetting_the_next_quote_is_taken_as_it_comes():
    book = QuoteBook(Decimal(5))
    book.take(reading("100", "101"))
    book.forget("stream lost")
    assert (book.quote, book.problem) == (None, "stream lost")
    assert book.take(reading("200", "201"))
