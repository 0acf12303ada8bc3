"""A share of the search on every venue, and proof that the judge sees what it is there to see."""

import dataclasses
import json
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges import fills, wire_json
from exchanges.errors import MalformedMessage
from exchanges.reports import FillReport, OrderReport
from exchanges.wire_fields import WireFields
from tests.fuzz import __main__ as command
from tests.fuzz.corpus import CALLS, VENUES, corpus_of
from tests.fuzz.frames import FrameSearch
from tests.fuzz.mutate import mutate
from tests.fuzz.oracle import Given, Unreadable, read_again, wrong_in
from tests.fuzz.outcome import as_in_the_bot
from tests.fuzz.replies import ReplySearch

SHARE = 1_500


@pytest.fixture(autouse=True)
def _payloads_of_a_sound_client():
    """Make the payloads before a test breaks the client that makes them."""
    for venue in VENUES:
        corpus_of(venue)


def found(tally):
    return "\n".join(map(str, tally.failures))


@pytest.mark.parametrize("venue", VENUES)
def test_bent_frames_are_read_exactly_or_not_at_all(venue):
    # RELIABILITY.md O9, O10, W15, W16, E19
    tally = FrameSearch(corpus_of(venue), Random(1)).run(SHARE)
    assert tally.failed == 0, found(tally)
    assert min(tally.accepted, tally.refused) > SHARE / 10


@pytest.mark.parametrize("venue", VENUES)
def test_bent_replies_conclude_nothing_they_do_not_say(venue):
    tally = ReplySearch(corpus_of(venue), Random(1)).run(SHARE // 2)
    assert tally.failed == 0, found(tally)
    assert min(tally.accepted, tally.refused) > SHARE / 20


@pytest.mark.parametrize("venue", VENUES)
@given(data=st.data())
def test_frames_that_hypothesis_bends(venue, data):
    corpus = corpus_of(venue)
    search = FrameSearch(corpus, Random(0))
    with as_in_the_bot():
        for _ in range(3):
            seed = data.draw(st.sampled_from(corpus.private))
            rng = data.draw(st.randoms(use_true_random=False))
            search.take(mutate(seed, rng), True)
            search.take(data.draw(st.binary(max_size=64)), data.draw(st.booleans()))
    assert search.tally.failed == 0, found(search.tally)


@pytest.mark.parametrize("venue", VENUES)
def test_the_payloads_cover_the_protocol(venue):
    corpus = corpus_of(venue)
    reader = corpus.venue()
    kinds = {type(report) for text in corpus.private for report in reader.parse_private(text.encode(), 1)}
    assert {OrderReport, FillReport} <= kinds
    assert len(corpus.private) >= 20
    assert len(corpus.public) >= 3
    asked = {call.request.operation for make in CALLS.values() if (call := make(reader, corpus)) is not None}
    assert asked <= set(corpus.replies), "a call whose answer is not among the payloads"


# --- the judge ---


def judged(venue="aster", frames=SHARE):
    return FrameSearch(corpus_of(venue), Random(1)).run(frames)


def test_a_decoder_that_takes_the_last_of_two_keys_is_caught(monkeypatch):
    decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=wire_json._refuse_constant)
    monkeypatch.setattr(wire_json, "_DECODER", decoder)
    assert "twice" in found(judged())


def test_a_decoder_that_takes_half_a_pair_is_caught(monkeypatch):
    monkeypatch.setattr(wire_json, "_holds_half_a_pair", lambda _: False)
    assert "surrogate" in found(judged(frames=4 * SHARE))


def test_numbers_that_pass_through_a_float_are_caught(monkeypatch):
    exact = WireFields.number
    monkeypatch.setattr(WireFields, "number", lambda self, key: Decimal(str(float(exact(self, key)) + 1e-9)))
    assert "not said" in found(judged())


def test_a_parser_that_fails_otherwise_is_caught(monkeypatch):
    monkeypatch.setattr(WireFields, "text", lambda self, key: self._data[key].strip())
    assert "KeyError" in found(judged())


def test_a_ledger_that_counts_twice_is_caught(monkeypatch):
    apply = fills.FillLedger.apply

    def twice(self, report, *, received_ns=0):
        update = apply(self, report, received_ns=received_ns)
        return dataclasses.replace(update, events=update.events * 2)

    monkeypatch.setattr(fills.FillLedger, "apply", twice)
    assert judged(frames=400).failed > 0


def test_a_ledger_that_an_unreadable_frame_changes_is_caught(monkeypatch):
    corpus = corpus_of("aster")
    search = FrameSearch(corpus, Random(1))
    account = search._account

    def half(frame, received_ns):
        account.client.ledger.duplicates += 1
        raise MalformedMessage("aster", "x")

    monkeypatch.setattr(account.venue, "parse_private", half, raising=True)
    search.take(b"{}", True)
    assert "changed the ledger" in found(search.tally)


def test_the_second_reading_sees_what_nobody_may_read():
    for data in (b'{"a":1,"a":1}', b'{"a":NaN}', b'"\xff"', b'"\\ud800"', b"{", b"\xef\xbb\xbf{}"):
        with pytest.raises(Unreadable):
            read_again(data)
    said = read_again(b'{"a":"1.50","b":[-2e-7,{"c":"{\\"d\\":7}"}]}')
    assert all(number in said for number in map(Decimal, ("1.5", "2e-7", "7", "0")))
    assert Decimal("1.51") not in said


def test_a_number_that_was_not_said_is_wrong():
    corpus = corpus_of("aster")
    text = next(text for text in corpus.private if '"TRADE"' in text)
    reports = corpus.venue().parse_private(text.encode(), 1)
    said = read_again(text.encode())
    assert wrong_in(reports, said, Given()) is None
    fill = next(report for report in reports if isinstance(report, FillReport))
    for changes in (
        {"price": Decimal("60000.1")},
        {"quantity": Decimal("Infinity")},
        {"cumulative": Decimal("0." + "7" * 40)},
        {"trade_id": "999999"},
        {"occurred_ns": -1},
    ):
        assert wrong_in(dataclasses.replace(fill, **changes), said, Given()) is not None


# --- the command ---


@pytest.fixture
def quiet(monkeypatch):
    """The command owns the logs of its process; here they are the tests'."""
    monkeypatch.setattr(command.logger, "remove", lambda *_: None)
    monkeypatch.setattr(command.logging, "disable", lambda *_: None)


@pytest.mark.usefixtures("quiet")
def test_the_command_prints_one_object_a_venue(capsys):
    assert command.main(["--frames", "200", "--venue", "backpack", "--seed", "4", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["venue"] == "backpack"
    assert printed["readings"] >= 200
    assert printed["accepted"] + printed["refused"] > 150
    assert (printed["failed"], printed["failures"]) == (0, [])
    assert printed["per_second"] > 0


@pytest.mark.usefixtures("quiet")
def test_the_command_ends_with_1_and_shows_the_payload_where_something_fails(capsys, monkeypatch):
    monkeypatch.setattr(WireFields, "number", lambda self, key: Decimal(7))
    assert command.main(["--frames", "300", "--venue", "aster"]) == 1
    out = capsys.readouterr().out
    assert "failed" in out.splitlines()[0]
    assert "    b'{" in out


def test_unusable_arguments_are_said(capsys):
    for arguments in (["--frames", "0"], ["--venue", "nowhere"]):
        with pytest.raises(SystemExit) as ended:
            command.main(arguments)
        assert ended.value.code == 2
    assert "at least 1" in capsys.readouterr().err
