from decimal import Decimal

import pytest

from exchanges.lighter.book import BookGapError, OrderBook
from exchanges.lighter.parsing import Fields
from tests.exchanges.lighter.samples import NOW_NS, sample


def followed():
    book = OrderBook()
    for frame in sample("order_book_stream_ok"):
        book.apply(Fields(frame, "order_book"))
    return book


def test_changes_lead_to_the_expected_book_whatever_the_offset():
    price = followed().best("ETH", 1, NOW_NS)
    assert (price.bid, price.bid_quantity) == (Decimal("2350.10"), Decimal("0.2000"))
    assert (price.ask, price.ask_quantity) == (Decimal("2351.00"), Decimal("1.0000"))


def test_a_change_that_does_not_follow_empties_the_book_until_a_snapshot():
    book = followed()
    for _ in range(2):
        with pytest.raises(BookGapError, match="begins at 5019"):
            book.apply(Fields(sample("order_book_gap"), "order_book"))
        assert (book.best("ETH", 1, 1).bid, book.nonce) == (0, None)
    book.apply(Fields(sample("order_book_stream_ok")[0], "order_book"))
    assert book.nonce == 5000


def test_a_crossed_book_is_a_gap():
    book = followed()
    frame = sample("order_book_gap")
    frame["order_book"] |= {"begin_nonce": book.nonce, "bids": [{"price": "2351.50", "size": "1"}]}
    with pytest.raises(BookGapError, match="crossed"):
        book.apply(Fields(frame, "order_book"))


def test_null_sides_change_nothing():
    book = followed()
    before = dict(book.bids)
    frame = sample("order_book_gap")
    frame["order_book"] |= {"begin_nonce": book.nonce, "bids": None, "asks": None}
    book.apply(Fields(frame, "order_book"))
    assert (book.bids, book.nonce) == (before, 5030)
