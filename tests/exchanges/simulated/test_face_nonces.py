"""The nonce window, on the venue note's vectors and as properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.simulated.faces.aster.nonces import KEPT, WINDOW_US, NonceWindow
from tests.exchanges.simulated.face_bench import vectors

NOW_US = 1_700_000_000_000_000


@pytest.mark.parametrize("row", vectors()["nonce_vectors"], ids=lambda row: row["name"])
def test_answers_every_vector(row):
    window = NonceWindow()
    if "prefill" in row:
        for nonce in range(NOW_US + 101, NOW_US + 201):
            assert window.accept(nonce, row["server_us"])
    answers = [window.accept(nonce, row["server_us"]) for nonce in row["nonces"]]
    assert answers == [result.startswith("ok") for result in row["results"]]


@given(st.lists(st.integers(NOW_US - 200, NOW_US + 200), max_size=400))
def test_never_accepts_twice_nor_below_the_oldest_of_a_full_list(nonces):
    window, accepted = NonceWindow(), []
    for nonce in nonces:
        oldest = sorted(accepted)[-KEPT:][0] if len(accepted) >= KEPT else None
        expected = nonce not in accepted and (oldest is None or nonce > oldest)
        assert window.accept(nonce, NOW_US) is expected
        if expected:
            accepted.append(nonce)
    assert list(window.used) == sorted(accepted)[-KEPT:]


@given(st.integers(-3 * WINDOW_US, 3 * WINDOW_US))
def test_accepts_exactly_the_window(offset):
    assert NonceWindow().accept(NOW_US + offset, NOW_US) is (abs(offset) <= WINDOW_US)


def test_a_refused_nonce_leaves_nothing_behind():
    window = NonceWindow()
    assert not window.accept(NOW_US + WINDOW_US + 1, NOW_US)
    assert window.used == ()
    assert window.accept(NOW_US + WINDOW_US + 1, NOW_US + 1)


def test_remembers_what_was_used_before():
    window = NonceWindow(used=[NOW_US])
    assert not window.accept(NOW_US, NOW_US)
