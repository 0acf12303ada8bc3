import pytest

from actors.app.options import parse_duration_ns, parse_options


@pytest.mark.parametrize(
    ("text", "expected_ns"),
    [("60s", 60_000_000_000), ("1.5m", 90_000_000_000), ("2h", 7_200_000_000_000), ("500ms", 500_000_000)],
)
def test_durations(text, expected_ns):
    assert parse_duration_ns(text) == expected_ns


@pytest.mark.parametrize("text", ["", "60", "s", "0s", "-1s", "1e3s", "\u0661s", "1d", "nan s"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration_ns(text)


def test_overrides_pile_up_in_order():
    options = parse_options(["conf/paper.ini", "--set", "grid.max_orders=3", "--set", "grid.btc.symbol=A=B"])
    assert (options.yes, options.same_account) == (False, False)
    assert options.overrides == ("grid.max_orders=3", "grid.btc.symbol=A=B")


@pytest.mark.parametrize("verb", ["status", "pause", "resume", "flatten", "adopt", "stop"])
def test_control_verbs(verb):
    assert parse_options(["x.ini", f"--{verb}"]).verb == verb


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["x.ini", "--for", "soon"],
        ["x.ini", "--set", "nonsense"],
        ["x.ini", "--set", "key=value"],
        ["x.ini", "--print"],
        ["x.ini", "--check", "--serve"],
        ["x.ini", "--pause", "--resume"],
        ["x.ini", "--che"],
    ],
)
def test_bad_usage_ends_with_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        parse_options(arguments)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err
