import pytest

from actors.config.source import Text, read_document


def values(text):
    document = read_document(text)
    assert document.problems == []
    return {section: {key: text.value for key, text in keys.items()} for section, keys in document.sections.items()}


def test_text_when_well_formed_keeps_case_order_and_strips_comments():
    text = "; head\n[a]\nKey = Value ; note\nkey = x;y\n# full line\n\n[grid.b-c]\nempty =\n"
    assert values(text) == {"a": {"Key": "Value", "key": "x;y"}, "grid.b-c": {"empty": ""}}


def test_text_when_percent_and_dollar_are_not_interpolated():
    assert values("[a]\nb = %(c)s ${d} 5%") == {"a": {"b": "%(c)s ${d} 5%"}}


def test_text_when_it_has_a_default_section_inherits_nothing():
    assert values("[DEFAULT]\nx = 1\n[a]\ny = 2") == {"DEFAULT": {"x": "1"}, "a": {"y": "2"}}


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_text_when_lines_end_otherwise_reads_the_same(ending):
    assert values(ending.join(["[a]", "b = 1", "c = 2"])) == {"a": {"b": "1", "c": "2"}}


def test_text_when_broken_in_many_places_names_every_line():
    text = "stray\n[a]\nb = 1\nb = 2\nnonsense\n[a]\nc = 3\n[b] c = 5\n= 1\n"
    problems = read_document(text).problems
    joined = "\n".join(problems)
    for expected in (
        "line 1 (stray): stands before the first [section]",
        "line 4: a.b is set twice",
        "line 5 (nonsense): is neither",
        "line 6: [a] appears twice",
        "line 9 (= 1): is neither",
    ):
        assert expected in joined
    assert len(problems) == 5


def test_text_when_a_section_appears_twice_still_reads_its_keys():
    document = read_document("[a]\nb = 1\n[c]\n[a]\nd = 2")
    assert document.get("a", "b") == Text("1")
    assert document.get("a", "d") == Text("2")


def test_text_when_something_stands_behind_a_header_does_not_swallow_it():
    assert values("[a]\nx = 1\n[b] y = 2")["a"] == {"x": "1", "[b] y": "2"}


def test_text_when_a_line_is_indented_by_accident_says_so():
    document = read_document("[a]\nb = 1\n  c = 2\n")
    assert document.problems == ["a.b: the indented line below it (c = 2) continues its value; unindent it"]
    assert document.get("a", "b") is None


def test_text_when_a_malformed_line_holds_a_key_does_not_repeat_it():
    key = "0x" + "4f" * 32
    assert key not in "\n".join(read_document(f"[a]\n{key}\n").problems)
    assert key not in "\n".join(read_document(f"{key}\n[a]\n").problems)


@pytest.mark.parametrize("text", ["", "  \n\n \t\n"])
def test_text_when_empty_says_so(text):
    assert read_document(text).problems == ["the file is empty; conf/paper.ini is a working sample"]


def test_text_when_it_is_not_an_ini_at_all_stops_somewhere():
    problems = read_document("\n".join(f"[s]\nx{i}" for i in range(500))).problems
    assert "more than 200 faults" in problems[-1]


def test_file_when_it_cannot_be_used_says_why(tmp_path):
    latin = tmp_path / "latin.ini"
    latin.write_bytes("[a]\nb = caf\xe9".encode("latin-1"))
    big = tmp_path / "big.ini"
    big.write_bytes(b"#" * 1_000_001)
    assert "no such file" in read_document(tmp_path / "absent.ini").problems[0]
    assert "not UTF-8 at byte 11" in read_document(latin).problems[0]
    assert "larger than" in read_document(big).problems[0]
    assert "cannot be read" in read_document(tmp_path).problems[0]


def test_file_when_it_starts_with_a_byte_order_mark_is_read(tmp_path):
    path = tmp_path / "bom.ini"
    path.write_bytes(b"\xef\xbb\xbf[a]\nb = 1\n")
    assert read_document(path).get("a", "b") == Text("1")


def test_precedence_is_command_line_environment_file():
    text = "[a]\nx = file\ny = file\nz = file"
    environ = {"GRID__A__Y": "env", "GRID__A__Z": "env", "PATH": "/bin"}
    document = read_document(text, ["a.z=cli"], environ)
    assert [document.get("a", key).value for key in "xyz"] == ["file", "env", "cli"]
    assert document.get("a", "z").origin == "--set"


def test_override_splits_at_the_last_dot_before_the_equals_sign():
    document = read_document(
        "[a]\nb=1", ["grid.btc-paper.symbol = X.Y=Z", "exchange.aster.rest_url=http://127.0.0.1:1"]
    )
    assert document.get("grid.btc-paper", "symbol") == Text("X.Y=Z", "--set")
    assert document.get("exchange.aster", "rest_url").value == "http://127.0.0.1:1"


@pytest.mark.parametrize("override", ["", "a", "a=1", "a.b", ".b=1", "a.=1", "=1"])
def test_override_when_malformed_is_a_problem(override):
    problems = read_document("[a]\nb=1", [override]).problems
    assert len(problems) == 1
    assert "not section.key=value" in problems[0]


def test_environment_finds_sections_whose_names_have_no_legal_spelling():
    document = read_document(
        "[grid.btc-paper]\nsymbol = X",
        (),
        {"GRID__GRID__BTC_PAPER__SYMBOL": "Y", "GRID__EXCHANGE__MY_ONE__VENUE": "aster"},
    )
    assert document.get("grid.btc-paper", "symbol").value == "Y"
    assert document.get("exchange.my-one", "venue").value == "aster"


@pytest.mark.parametrize("variable", ["GRID__", "GRID__A", "GRID____X", "GRID__A__"])
def test_environment_when_a_variable_has_no_section_or_key_is_a_problem(variable):
    assert "not GRID__SECTION__KEY" in read_document("[a]\nb=1", (), {variable: "1"}).problems[0]
