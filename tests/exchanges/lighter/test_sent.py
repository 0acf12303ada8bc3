from exchanges.lighter import sent as module
from exchanges.lighter.sent import SentBook
from tests.exchanges.lighter.samples import OUR_ID, request


def noted(book, tag, nonce):
    book.note(tag, nonce=nonce, tx_hash=f"h{tag}", signed_ns=nonce)


def test_a_signed_order_is_found_by_tag_and_by_id():
    book = SentBook()
    tag = book.new_tag(request())
    assert (book.get(tag), book.of_order(OUR_ID)) == (None, None)
    noted(book, tag, 5)
    found = book.of_order(OUR_ID)
    assert found == book.get(tag)
    assert (found.nonce, found.order, found.is_taken, found.is_void) == (5, request(), False, False)


def test_signed_again_the_first_is_replaced():
    book = SentBook()
    tag = book.new_tag(request())
    noted(book, tag, 5)
    noted(book, tag, 6)
    assert book.of_order(OUR_ID).nonce == 6


def test_a_taken_transaction_voids_every_other_one_of_its_nonce():
    book = SentBook()
    lost, other, later = (book.new_tag(request() if index == 0 else None) for index in range(3))
    noted(book, lost, 5)
    noted(book, other, 5)
    noted(book, later, 6)
    book.taken(other)
    assert book.of_order(OUR_ID).is_void
    assert (book.get(other).is_taken, book.get(other).is_void) == (True, False)
    assert not book.get(later).is_void
    book.taken("none")


def test_old_transactions_are_forgotten(monkeypatch):
    monkeypatch.setattr(module, "_MOST_KEPT", 2)
    book = SentBook()
    for nonce in range(3):
        noted(book, book.new_tag(request()), nonce)
    assert book.get("1") is None
    assert book.of_order(OUR_ID).nonce == 2
