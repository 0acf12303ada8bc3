"""The list of survivors is honest: every excuse has a reason and is about code that is still there."""

import importlib
import inspect

import pytest

from tests.mutation.survivors import LIST, change_of, read_list

ENTRY = "exchanges.fills.FillLedger.apply\n- one = 1\n+ one = 2\n# both are one\n"


def function_named(name):
    parts = name.split(".")
    for count in range(len(parts) - 1, 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            found = getattr(found, part)
        return found
    raise AssertionError(f"there is no {name}")


@pytest.mark.parametrize("change", read_list(LIST.read_text(encoding="utf-8")), ids=str)
def test_what_is_excused_is_there(change):
    lines = [line.strip() for line in inspect.getsource(function_named(change.function)).splitlines()]
    assert set(change.removed) <= set(lines)
    assert not change.added or not set(change.added) <= set(lines)


def test_an_entry_is_read_with_its_reason():
    (change, reason), *others = read_list(f"## heading\n\n{ENTRY}").items()
    assert (change.function, change.removed, change.added) == (
        "exchanges.fills.FillLedger.apply",
        ("one = 1",),
        ("one = 2",),
    )
    assert (reason, others) == ("both are one", [])
    assert str(change) in ENTRY


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ENTRY.replace("# both are one\n", ""), "no reason"),
        ("exchanges.fills.FillLedger.apply\n# nothing changes", "no reason or no change"),
        (f"{ENTRY}\n{ENTRY}", "twice"),
    ],
)
def test_an_entry_that_excuses_nothing_is_refused(text, says):
    with pytest.raises(ValueError, match=says):
        read_list(text)


def test_a_diff_is_the_same_change_wherever_it_stands():
    diff = "--- a\n+++ b\n@@ -1,3 +1,3 @@\n def apply():\n-    one = 1\n+    one = 2\n"
    (listed,) = read_list(ENTRY)
    assert change_of(listed.function, diff) == listed
