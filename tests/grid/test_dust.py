import pytest

from actors.grid import dust
from tests.grid.harness import D, make_context


@pytest.mark.parametrize(
    ("quantity", "price", "is_placeable"),
    [
        ("0.010", "2000", True),
        ("0.009", "2000", False),
        ("0.100", "100", True),
        ("0.099", "100", False),
    ],
)
def test_an_exit_of_exactly_the_smallest_quantity_or_value_is_no_dust(quantity, price, is_placeable):
    context = make_context(rules={"min_quantity": D("0.010"), "min_notional": D(10)})
    assert dust.is_placeable(context, D(quantity), D(price)) is is_placeable


def test_nothing_is_not_an_exit_even_where_the_venue_has_no_minimum():
    context = make_context(rules={"min_quantity": D(0), "min_notional": D(0)})
    assert not dust.is_placeable(context, D(0), D(100))
