import pytest

from actors.grid.state import MILLISECOND_NS, Quote
from tests.grid.harness import D

TOLD_NS = 5_000 * MILLISECOND_NS
LIMIT_MS = 2_000


@pytest.mark.parametrize(
    ("age_ns", "is_fresh"), [(LIMIT_MS * MILLISECOND_NS, True), (LIMIT_MS * MILLISECOND_NS + 1, False)]
)
def test_a_price_may_be_as_old_as_the_limit_and_no_older(age_ns, is_fresh):
    quote = Quote(D(100), D("100.1"), alive_ns=TOLD_NS)
    assert quote.is_fresh(TOLD_NS + age_ns, LIMIT_MS) is is_fresh
