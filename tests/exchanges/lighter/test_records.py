import pytest

from exchanges.errors import MalformedMessage
from exchanges.lighter.records import client_order_id, record
from tests.exchanges.lighter.samples import OUR_ID, said, tx_record


def test_a_record_without_words_is_a_success():
    found = record(tx_record())
    assert (found.tx_type, found.is_refused, found.is_pending, found.code) == (14, False, False, 0)
    assert client_order_id(found) == OUR_ID


def test_executed_with_words_is_a_refusal():
    found = record(tx_record(said(21739)))
    assert (found.is_refused, found.code, found.is_duplicate) == (True, 21739, False)


def test_bare_words_are_a_refusal_without_code():
    found = record(tx_record("order would cross"))
    assert (found.is_refused, found.code, found.refusal) == (True, 0, "order would cross")


def test_a_duplicate_says_nothing_about_the_order_that_lives():
    assert record(tx_record(said(21728))).is_duplicate


@pytest.mark.parametrize("info", ["", "{}", '{"ClientOrderIndex": 0}', '{"ClientOrderIndex": "7"}'])
def test_records_without_an_id_of_ours(info):
    assert client_order_id(record(tx_record(info=info))) is None


@pytest.mark.parametrize("damage", [{"event_info": "[]"}, {"info": "nonsense"}, {"status": None}, {"type": "14"}])
def test_a_damaged_record_is_malformed(damage):
    with pytest.raises(MalformedMessage):
        record(tx_record(**damage))
