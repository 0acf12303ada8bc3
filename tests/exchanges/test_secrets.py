"""A secret shows itself to nobody who does not ask for it by name."""

import copy
import json
import pickle
import traceback

import pytest

from exchanges.secrets import Secret

VALUE = "0xdeadbeef-hunter2"


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        lambda secret: f"{secret}",
        lambda secret: f"{secret!r:>30}",
        lambda secret: f"{secret:>30}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031 - the old formatting is what is tested
        lambda secret: str({"key": secret}),
        lambda secret: str([secret]),
    ],
)
def test_no_way_of_printing_shows_it(show):
    shown = show(Secret(VALUE))
    assert VALUE not in shown
    assert "***" in shown


def test_it_reveals_itself_only_on_request():
    assert Secret(VALUE).reveal() == VALUE


@pytest.mark.parametrize("store", [pickle.dumps, copy.deepcopy, copy.copy, json.dumps])
def test_it_is_not_stored(store):
    with pytest.raises(TypeError) as caught:
        store(Secret(VALUE))
    assert VALUE not in str(caught.value)


def test_traceback_with_it_as_an_argument_does_not_show_it():
    try:
        int(Secret(VALUE))  # type: ignore[call-overload]
    except TypeError:
        assert VALUE not in traceback.format_exc()


def test_it_compares_like_its_value_and_only_with_secrets():
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a")
    assert not Secret("")


def test_it_has_no_dictionary_to_look_into():
    with pytest.raises(TypeError):
        vars(Secret(VALUE))
