"""Our ids: every key survives the trip, nothing that is not a key is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.order_ids import (
    EMERGENCY_LEG,
    ENTRY_LEG,
    FIRST_EXIT_LEG,
    LAST_EXIT_LEG,
    MAX_BOT_TAG,
    MAX_SEQUENCE,
    OrderKey,
    OrderRole,
    pack,
    unpack,
)

KEYS = st.builds(
    OrderKey, st.integers(0, MAX_BOT_TAG), st.integers(1, MAX_SEQUENCE), st.integers(ENTRY_LEG, EMERGENCY_LEG)
)


@given(KEYS)
def test_key_survives_packing_and_fits_32_bits(key):
    packed = pack(key)
    assert 0 <= packed < 1 << 32
    assert unpack(packed) == key


@given(KEYS, KEYS)
def test_different_keys_have_different_ids(one, other):
    # ORIGIN.md defect 14: ids were hashed into a million values
    assert (pack(one) == pack(other)) == (one == other)


@given(st.integers(-(1 << 70), 1 << 70))
def test_any_number_is_a_key_that_packs_back_or_none(number):
    key = unpack(number)
    assert key is None or pack(key) == number


@pytest.mark.parametrize("number", [-1, 1 << 32, 0, 14, 15 << 26, (5 << 26) | (1 << 4) | 15])
def test_numbers_that_cannot_be_ours(number):
    assert unpack(number) is None


def test_layout_is_the_one_on_the_venues():
    # DESIGN.md section 3: bot_tag(6) | lot sequence(22) | leg(4)
    assert pack(OrderKey(1, 1, 0)) == 0x0400_0010
    assert pack(OrderKey(MAX_BOT_TAG, MAX_SEQUENCE, EMERGENCY_LEG)) == 0xFFFF_FFFE


@pytest.mark.parametrize(
    ("leg", "role"),
    [
        (ENTRY_LEG, OrderRole.ENTRY),
        (FIRST_EXIT_LEG, OrderRole.EXIT),
        (LAST_EXIT_LEG, OrderRole.EXIT),
        (EMERGENCY_LEG, OrderRole.EMERGENCY),
    ],
)
def test_leg_says_what_the_order_is_for(leg, role):
    assert OrderKey(1, 1, leg).role is role


@pytest.mark.parametrize("parts", [(-1, 1, 0), (64, 1, 0), (1, 0, 0), (1, 1 << 22, 0), (1, 1, -1), (1, 1, 15)])
def test_parts_outside_their_width_are_refused(parts):
    with pytest.raises(ValueError, match="outside"):
        OrderKey(*parts)


@pytest.mark.parametrize("leg", [ENTRY_LEG, FIRST_EXIT_LEG, LAST_EXIT_LEG, EMERGENCY_LEG])
def test_every_leg_is_read_back(leg):
    assert unpack(pack(OrderKey(63, 1, leg))) == OrderKey(63, 1, leg)
