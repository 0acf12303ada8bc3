"""The vocabulary: sides, statuses, and that its values cannot be changed."""

import dataclasses
from decimal import Decimal

import pytest

from exchanges import values
from exchanges.values import FeeRates, OrderStatus, Side
from tests.exchanges.builders import request


def test_sides_are_each_others_opposite():
    assert Side.BUY.opposite is Side.SELL
    assert Side.SELL.opposite is Side.BUY
    assert (Side.BUY.sign, Side.SELL.sign) == (1, -1)


def test_terminal_statuses():
    assert {status for status in OrderStatus if status.is_terminal} == {
        OrderStatus.FILLED,
        OrderStatus.CANCELED,
        OrderStatus.EXPIRED,
        OrderStatus.REJECTED,
    }


def test_post_only_cancel_is_spelled_as_in_grid_flow():
    assert values.CancelReason.POST_ONLY == "CANCELED-POST-ONLY"


def test_values_are_frozen_and_compare_by_content():
    order = request()
    assert order == request()
    assert hash(order) == hash(request())
    with pytest.raises(dataclasses.FrozenInstanceError):
        order.quantity = Decimal(2)  # type: ignore[misc]
    assert FeeRates(Decimal(0), Decimal("0.0004")) == FeeRates(maker=Decimal("0.0"), taker=Decimal("0.00040"))


def test_every_value_class_is_frozen():
    classes = [
        item
        for item in vars(values).values()
        if isinstance(item, type) and dataclasses.is_dataclass(item) and item.__module__ == values.__name__
    ]
    assert len(classes) >= 4
    assert all(item.__dataclass_params__.frozen for item in classes)
