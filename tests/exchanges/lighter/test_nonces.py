import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.errors import RequestNotSent
from exchanges.lighter.nonces import NonceSource


def known(nonce=5):
    nonces = NonceSource()
    nonces.learn(nonce, nonces.generation)
    return nonces


def test_nothing_is_known_at_first():
    nonces = NonceSource()
    assert not nonces.is_known
    with pytest.raises(RequestNotSent, match="not known"):
        nonces.take()


def test_a_taken_nonce_is_unknown_until_the_answer():
    nonces = known()
    assert nonces.take() == 5
    assert not nonces.is_known
    with pytest.raises(RequestNotSent):
        nonces.take()


def test_counted_the_next_one_follows_and_refused_it_is_free_again():
    nonces = known()
    nonces.settle(nonces.take(), consumed=True)
    assert nonces.take() == 6
    nonces.settle(6, consumed=False)
    assert nonces.take() == 6


def test_an_answer_about_an_older_one_changes_nothing():
    nonces = known()
    nonces.take()
    nonces.settle(4, consumed=True)
    assert not nonces.is_known


def test_the_venues_count_is_not_taken_when_a_nonce_was_taken_since_it_was_asked_for():
    nonces = known()
    asked = nonces.generation
    nonces.take()
    nonces.learn(5, asked)
    assert not nonces.is_known
    nonces.learn(6, nonces.generation)
    assert nonces.take() == 6


def test_forgotten_and_claimed_nonces_have_to_be_asked_for():
    nonces = known()
    nonces.forget()
    assert not nonces.is_known
    nonces.learn(9, nonces.generation)
    nonces.claim(9)
    assert not nonces.is_known
    nonces.settle(9, consumed=True)
    assert nonces.take() == 10


@given(st.lists(st.sampled_from(["counted", "refused", "silent taken", "silent lost", "21104"]), max_size=40))
def test_whatever_is_answered_the_venue_never_misses_and_never_repeats_a_nonce(fates):
    """A venue that takes exactly its next nonce: whatever becomes of the answers, every nonce sent is that one."""
    nonces, venue_next = NonceSource(), 17
    for fate in fates:
        if not nonces.is_known:
            nonces.learn(venue_next, nonces.generation)
        nonce = nonces.take()
        assert nonce == venue_next
        match fate:
            case "counted":
                venue_next += 1
                nonces.settle(nonce, consumed=True)
            case "refused":
                nonces.settle(nonce, consumed=False)
            case "silent taken":
                venue_next += 1
            case "21104":  # somebody else used the key
                venue_next += 1
                nonces.forget()


def test_one_behind_the_other_is_the_next_without_an_answer():
    nonces = known()
    first = nonces.take()
    second = nonces.take(first)
    assert (first, second) == (5, 6)
    nonces.settle(first, consumed=True)
    assert nonces.take(second) == 7
    nonces.settle(7, consumed=True)
    assert nonces.take() == 8


def test_nothing_follows_from_one_that_is_not_the_newest():
    nonces = known()
    first = nonces.take()
    nonces.take(first)
    with pytest.raises(RequestNotSent):
        nonces.take(first)
    with pytest.raises(RequestNotSent):
        nonces.take()


def test_nothing_follows_from_a_sequence_that_was_not_counted():
    nonces = known()
    first = nonces.take()
    second = nonces.take(first)
    nonces.settle(first, consumed=False)
    with pytest.raises(RequestNotSent):
        nonces.take(second)
    nonces.settle(second, consumed=True)
    assert not nonces.is_known, "whatever is said of the others, the venue is asked"


class Pipeline:
    """A venue that takes exactly its next nonce, at the end of a line on which a client writes ahead of the answers."""

    def __init__(self):
        self.nonces, self.next = NonceSource(), 17
        self.line, self.newest = [], None

    def write(self, fate):
        if not self.line:
            if not self.nonces.is_known:
                self.nonces.learn(self.next, self.nonces.generation)
            self.newest = self.nonces.take()
            assert self.newest == self.next, "with nothing in flight no nonce is ever wrong"
        else:
            try:
                self.newest = self.nonces.take(self.newest)
            except RequestNotSent:
                return
        self.line.append((self.newest, fate))

    def answer(self):
        nonce, fate = self.line.pop(0)
        counted = nonce == self.next and fate != "refused"
        self.next += counted
        if fate == "silent":
            return
        if nonce != self.next - counted:
            self.nonces.forget()  # 21104
        else:
            self.nonces.settle(nonce, consumed=counted)


@given(st.lists(st.sampled_from(["taken", "refused", "silent", "answer", "cut", "stolen"]), max_size=60))
def test_written_ahead_of_the_answers_the_sequence_heals_itself(acts):
    venue = Pipeline()
    for act in acts:
        if act == "answer":
            if venue.line:
                venue.answer()
        elif act == "cut":
            for _ in tuple(venue.line):
                venue.line.pop()
        elif act == "stolen":
            if not venue.line:
                venue.next += 1
                venue.nonces.forget()
        else:
            venue.write(act)
    while venue.line:
        venue.answer()
    venue.write("taken")
    venue.answer()
    assert venue.nonces.is_known
