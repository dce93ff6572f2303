"""Crosswalks: exact text, strict files."""

from __future__ import annotations

import pytest

from engine.mapping.crosswalk import load_crosswalk
from engine.spec.document import Problems, read_text

SETTINGS = "file: codes.csv\nkey: ours\nvalue: theirs\n"


def load(tmp_path, content, settings=SETTINGS):
    path = tmp_path / "codes.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    problems = Problems()
    return load_crosswalk("codes", path, read_text(settings, problems, shown="s.yaml"), problems), problems.found


def test_codes_are_found_by_their_exact_text(tmp_path):
    walk, problems = load(tmp_path, "ours,theirs,note\n0012, 6100 ,x\nO'Brien,7,\n\n")
    assert not problems
    assert walk.find(" 0012 ") == "6100"
    assert walk.find("12") is None
    assert walk.find("O'Brien") == "7"
    assert walk.gaps(["0012", "x", "", " x", "b"]) == ("b", "x")


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path):
    folder = tmp_path / "specs"
    (folder / "walks").mkdir(parents=True)
    (tmp_path / "out.csv").write_text("ours,theirs\na,1\n")
    (folder / "in.csv").write_text("ours,theirs\na,1\n")
    for target, sound in (("../../out.csv", False), ("../in.csv", True)):
        link = folder / "walks" / "codes.csv"
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        problems = Problems()
        node = read_text(SETTINGS.replace("codes.csv", "walks/codes.csv"), problems, shown="s.yaml")
        assert (load_crosswalk("codes", link, node, problems) is not None) is sound
        assert ["leads out of the integration's folder" in p.message for p in problems.found] == [True][sound:]


def test_a_default_stands_for_the_rest(tmp_path):
    walk, _ = load(tmp_path, "ours,theirs\na,1\n", SETTINGS + "default: '9'\n")
    assert walk.find("zzz") == "9"
    assert walk.gaps(["zzz"]) == ("zzz",)


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("our,theirs\n", 2, "no column `ours`"),
        ("ours,ours,theirs\n", 2, "more than one column"),
        ("ours,theirs\na,1\nb,2\na,3\n", 1, "line 4: `a` is there already, on line 2"),
        ("ours,theirs\n,1\n", 1, "line 2: the key is empty"),
        ("ours,theirs\na\n", 1, "line 2: 1 cells"),
        ('ours,theirs\n"a"b,1\n', 1, "line 2"),
        (b"ours,theirs\n\xff,1\n", 1, "UTF-8"),
        ("ours,theirs\na\0,1\n", 1, "NUL"),
        ("", 2, "no column"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, content, line, words):
    walk, problems = load(tmp_path, content)
    assert walk is None
    assert {problem.code for problem in problems} == {"E307"}
    assert problems[0].line == line
    assert words in problems[0].message


def test_a_near_column_is_proposed(tmp_path):
    _, problems = load(tmp_path, "our,theirs\n")
    assert problems[0].suggestion == "did you mean `our`?"


def test_a_missing_file_is_told_at_its_name(tmp_path):
    problems = Problems()
    node = read_text(SETTINGS, problems, shown="s.yaml")
    assert load_crosswalk("codes", tmp_path / "none.csv", node, problems) is None
    assert (problems.found[0].code, problems.found[0].line, problems.found[0].column) == ("E307", 1, 7)


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    walk, problems = load(tmp_path, b"\xef\xbb\xbfours,theirs\r\na,1\r\n")
    assert not problems
    assert walk.pairs == {"a": "1"}
