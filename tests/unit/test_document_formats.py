"""What is read from files: text, sections, and what happens to damaged or hostile ones."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import time
import zipfile
import zlib

import pytest

from spectron_adapters.local.documents import formats, media_types
from spectron_adapters.local.documents.chunking import passages_of, sections_of
from spectron_adapters.local.documents.formats import Deadline, TextBuilder, UnreadableError
from spectron_adapters.local.documents.keywords import keywords_of, normalise_keyword, similarity
from spectron_adapters.local.documents.media_types import MediaType, find_media_type
from spectron_adapters.local.documents.readers import read_document
from spectron_adapters.local.problems import Problem
from spectron_adapters.local.search.passages import passage_spans
from tests.unit.document_uploads import make_docx, make_pdf


def read(content, mime_type="text/plain"):
    content = content.encode() if isinstance(content, str) else content
    return read_document(content, MediaType.parse(mime_type))


def headings(extracted):
    return [(section.heading, section.level) for section in extracted.sections]


def covered(extracted):
    """Every section with the text that it covers."""
    return {
        section.heading: extracted.text[section.start : section.end]
        for section in extracted.sections
    }


# --- text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "mime_type"),
    [
        ("Grüße aus Köln".encode(), "text/plain"),
        ("Grüße aus Köln".encode("utf-8-sig"), "text/plain"),
        ("Grüße aus Köln".encode("latin-1"), "text/plain; charset=iso-8859-1"),
        ("Grüße aus Köln".encode("utf-16"), "text/plain"),
        ("Grüße aus Köln".encode("utf-32"), 'text/plain; charset="utf-8"'),
    ],
)
def test_text_is_read_in_its_charset_and_by_its_byte_order_mark(content, mime_type):
    assert read(content, mime_type).text == "Grüße aus Köln"


def test_bytes_outside_their_charset_are_named_and_never_guessed():
    with pytest.raises(UnreadableError, match="not utf-8 at byte 2; upload it with its charset"):
        read(b"Gr\xfc\xdfe")


@pytest.mark.parametrize("charset", ["klingon", "punycode", "idna", "rot13", "base64", "zlib"])
def test_a_charset_that_is_none_is_refused(charset):
    with pytest.raises(UnreadableError, match="no charset known here"):
        read(b"abc", f"text/plain; charset={charset}")


def test_line_breaks_become_one_kind_and_unstorable_characters_keep_their_place():
    assert read(b"one\r\ntwo\rthree\x00end").text == "one\ntwo\nthree\N{REPLACEMENT CHARACTER}end"


# --- Markdown -----------------------------------------------------------------------------------

MARKDOWN = """Before.

# First #
Text one.

Second
======
Text two.

```python
# no heading
```

~~~
Also none
---
~~~

Third one
---
- item
---

### Deep ##
#NoSpace
    # code
"""


def test_markdown_headings_are_sections_and_code_is_not():
    found = read(MARKDOWN, "text/markdown")
    assert found.text == MARKDOWN
    assert headings(found) == [("First", 1), ("Second", 1), ("Third one", 2), ("Deep", 3)]
    assert covered(found)["First"] == "# First #\nText one.\n\n"
    assert covered(found)["Third one"].startswith("Third one\n---\n- item")


def test_sections_follow_one_another_to_the_end_without_gap():
    found = read(MARKDOWN, "text/markdown")
    ends = [section.end for section in found.sections]
    assert [section.start for section in found.sections[1:]] == ends[:-1]
    assert ends[-1] == len(found.text)


def test_a_million_headings_are_bounded_and_no_text_is_lost(monkeypatch):
    monkeypatch.setattr(formats, "SECTIONS_MAX", 50)
    text = "".join(f"# heading {number}\n" for number in range(2_000))
    found = read(text, "text/markdown")
    assert len(found.sections) == 50
    assert found.sections[-1].end == len(found.text) == len(text)


# --- HTML ---------------------------------------------------------------------------------------


def test_html_gives_what_a_reader_sees():
    found = read(
        """<!doctype html><html><head><title>T</title><style>p{color:red}</style>
        <script>var secret = "<p>no</p>";</script></head><body>
        <h1>Caf&eacute; &amp; bar</h1><p>Open   <b>daily</b>
        from&nbsp;9.</p><ul><li>Tea</li><li>Cake &lt;3</li></ul>
        <h2>Prices</h2><table><tr><th>Item</th><th>Price</th></tr>
        <tr><td>Tea</td><td>2</td></tr></table><pre>a
  b</pre>end<br>of it<script/>gone</body></html>""",
        "text/html",
    )
    assert found.text == (
        "Café & bar\n\nOpen daily from\xa09.\n\nTea\nCake <3\n\nPrices\n\nItem | Price\n"
        "Tea | 2\n\na\n  b\n\nend\nof itgone"
    )
    assert headings(found) == [("Café & bar", 1), ("Prices", 2)]
    assert covered(found)["Café & bar"].startswith("Café & bar\n\nOpen daily")
    assert "secret" not in found.text
    assert "color" not in found.text


def test_html_names_its_own_charset():
    page = '<meta charset="windows-1252"><p>Grüße'.encode("windows-1252")
    assert read(page, "text/html").text == "Grüße"
    assert read("<p>Grüße".encode("latin-1"), "text/html; charset=latin-1").text == "Grüße"


def test_a_heading_split_by_markup_is_one_heading():
    found = read("<h2>One <em>big</em><br>heading</h2><p>text", "text/html")
    assert headings(found) == [("One big heading", 2)]


@pytest.mark.parametrize("hostile", ["<!--", "<a ", "<![CDATA[", "<!", "&", "</"])
def test_hostile_html_ends_in_time(hostile, monkeypatch):
    monkeypatch.setattr(formats.Deadline.__init__, "__kwdefaults__", {"clock": time.monotonic})
    monkeypatch.setattr(formats.Deadline.__init__, "__defaults__", (0.5,))
    started = time.monotonic()
    with contextlib.suppress(UnreadableError):
        read(hostile * 30_000, "text/html")
    assert time.monotonic() - started < 5


# --- data ---------------------------------------------------------------------------------------


def test_json_values_stand_with_the_names_that_lead_to_them():
    found = read(
        json.dumps({"user": {"name": "Ada", "tags": ["x", "y"]}, "ok": True, "n": None}),
        "application/json",
    )
    assert found.text == "user.name: Ada\nuser.tags: x\nuser.tags: y\nok: true\nn: null\n"


def test_json_lines_are_paragraphs_and_a_broken_line_is_named():
    assert read('{"a": 1}\n\n{"a": 2}\n', "application/x-ndjson").text == "a: 1\n\na: 2\n\n"
    with pytest.raises(UnreadableError, match="line 2"):
        read('{"a": 1}\n{"a": \n', "application/jsonl")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": ', "not JSON in line 1, column 7"),
        ("[" * 100_000, "nested too deeply"),
        ("1" * 10_000, "too long"),
        ('{"a": "\\ud800"}', None),
    ],
)
def test_broken_json_says_where(text, said):
    if said is None:
        assert read(text, "application/json").text == "a: \N{REPLACEMENT CHARACTER}\n"
        return
    with pytest.raises(UnreadableError, match=said):
        read(text, "application/json")


def test_table_rows_repeat_their_columns():
    text = 'name;city\n"Ada; L.";Lyon\n\nBen;\nEve;Rome;extra\n'
    assert read(text, "text/csv").text == (
        "name: Ada; L.\ncity: Lyon\n\nname: Ben\n\nname: Eve\ncity: Rome\ncolumn 3: extra\n\n"
    )
    assert read("a\tb\n1\t2\n", "text/tab-separated-values").text == "a: 1\nb: 2\n\n"
    assert read("only,header\n", "text/csv").text == "only | header"


def test_a_cell_that_is_too_long_is_named():
    with pytest.raises(UnreadableError, match="at line 2: field larger"):
        read("a,b\n" + "x" * 200_000 + ",1\n", "text/csv")


# --- PDF and DOCX -------------------------------------------------------------------------------


def test_a_pdf_is_read_page_by_page():
    assert read(make_pdf("First page", "Second page"), "application/pdf").text == (
        "First page\n\nSecond page\n\n"
    )


def test_bookmarks_of_a_pdf_are_its_sections():
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(make_pdf("Opening", "Middle", "End"))))
    part = writer.add_outline_item(title="Part one", page_number=0)
    writer.add_outline_item(title="Chapter", page_number=1, parent=part)
    buffer = io.BytesIO()
    writer.write(buffer)
    found = read(buffer.getvalue(), "application/pdf")
    assert headings(found) == [("Part one", 1), ("Chapter", 2)]
    assert covered(found)["Chapter"] == "Middle\n\nEnd\n\n"


def test_an_encrypted_pdf_says_so():
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(make_pdf("Secret"))))
    writer.encrypt("password", algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    with pytest.raises(UnreadableError, match="encrypted with a password"):
        read(buffer.getvalue(), "application/pdf")


@pytest.mark.parametrize(
    "damage", [lambda pdf: pdf[:200], lambda pdf: b"%PDF-1.4\n", lambda _: b"GIF89a"]
)
def test_a_damaged_pdf_is_unreadable_and_says_no_content(damage):
    with pytest.raises(UnreadableError) as caught:
        read(damage(make_pdf("Confidential words")), "application/pdf")
    assert "Confidential" not in str(caught.value)


def test_a_pdf_without_text_asks_for_recognition():
    with pytest.raises(UnreadableError, match="holds no text"):
        read(make_pdf(""), "application/pdf")


def test_a_docx_keeps_order_headings_and_tables():
    found = read(
        make_docx(
            ("Title", "Handbook"),
            ("Normal", "Welcome."),
            ("Heading 2", "Holidays"),
            ("table", [("Days", "30"), ("Notice", "2 weeks")]),
            ("Normal", "Enjoy."),
        ),
        media_types.DOCX,
    )
    assert found.text == (
        "Handbook\n\nWelcome.\n\nHolidays\n\nDays | 30\nNotice | 2 weeks\n\nEnjoy.\n\n"
    )
    assert headings(found) == [("Handbook", 1), ("Holidays", 2)]


def test_a_zip_that_is_no_docx_says_so():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr("hello.txt", "hello")
    with pytest.raises(UnreadableError, match="no DOCX"):
        read(buffer.getvalue(), media_types.DOCX)
    with pytest.raises(UnreadableError, match="no ZIP package"):
        read(b"PK\x03\x04 but then nothing", media_types.DOCX)
    with pytest.raises(UnreadableError, match="damaged"):
        read(make_docx(("Normal", "x"))[:-100], media_types.DOCX)


def test_a_docx_bomb_is_refused_before_it_is_unpacked():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("word/document.xml", b"\0" * 20_000_000)
    assert len(buffer.getvalue()) < 100_000
    with pytest.raises(UnreadableError, match="too much"):
        read(buffer.getvalue(), media_types.DOCX)


def test_a_pdf_whose_stream_would_unpack_to_too_much_is_refused_or_bounded():
    bomb = zlib.compress(b" " * 200_000_000)
    stream = b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(bomb), bomb)
    pdf = make_pdf("x")
    start = pdf.index(b"<< /Length")
    end = pdf.index(b"endstream") + len(b"endstream")
    started = time.monotonic()
    with pytest.raises(UnreadableError):
        read(pdf[:start] + stream + pdf[end:], "application/pdf")
    assert time.monotonic() - started < 20


# --- limits -------------------------------------------------------------------------------------


def test_a_text_that_is_too_long_and_a_reader_that_is_too_slow_give_up(monkeypatch):
    monkeypatch.setattr(formats, "TEXT_MAX", 100)
    with pytest.raises(UnreadableError, match="more than 100 characters"):
        read("x" * 101)
    now = iter([0.0, 10.0, 130.0])
    builder = TextBuilder(Deadline(120, clock=lambda: next(now)))
    builder.add("in time")
    with pytest.raises(UnreadableError, match="too long"):
        builder.add("too late")


# --- media types --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "of_part", "filename", "found"),
    [
        ("text/csv", "text/plain", "a.md", "text/csv"),
        (None, "text/plain; charset=latin-1", "a.md", "text/plain"),
        (None, "application/octet-stream", "notes.MD", "text/markdown"),
        (None, "", "data.jsonl", "application/x-ndjson"),
        (None, "", "report.docx", media_types.DOCX),
        (None, "", "strange", "application/octet-stream"),
        ("application/octet-stream", "", "page.html", "text/html"),
    ],
)
def test_the_metadata_decide_the_type_then_the_part_then_the_name(given, of_part, filename, found):
    assert find_media_type(given, of_part, filename).name == found


@pytest.mark.parametrize("text", ["text", "text/plain\r\nX: y", "a/b/c", "tex t/plain", "text/é"])
def test_what_is_no_media_type_is_refused(text):
    with pytest.raises(Problem) as caught:
        find_media_type(text, "", None)
    assert caught.value.status == 400


# --- passages and sections ------------------------------------------------------------------------


def test_passages_index_the_text_exactly_and_stay_within_their_section():
    text = "Intro words.\n\n# One\n" + "A sentence about tea. " * 120 + "\n## Two\nShort.\n"
    found = read(text, "text/markdown")
    passages = list(passages_of(found))
    assert [passage.position for passage in passages] == list(range(len(passages)))
    for passage in passages:
        assert passage.text == found.text[passage.start : passage.end]
        assert passage.text == passage.text.strip()
        assert len(passage.text) <= 1000
    assert "".join("".join(p.text for p in passages).split()) == "".join(text.split())
    assert passages[0].section is None
    assert {passage.section for passage in passages[1:-1]} == {"One"}
    assert passages[-1].section == "Two"
    assert passages[-1].token_count == 4


def test_section_rows_show_the_heading_and_how_the_section_begins():
    text = "# One\n" + "A sentence about tea. " * 40 + "\n## Two\n\n# Three\nEnd."
    found = read(text, "text/markdown")
    starts = [(passage.start, passage.position) for passage in passages_of(found)]
    rows = list(sections_of(found, "My title", starts))
    assert [(row.heading, row.level) for row in rows] == [
        ("My title", 0), ("One", 1), ("Two", 2), ("Three", 1),
    ]  # fmt: skip
    assert rows[0].text == "My title"
    assert rows[1].text.startswith("One\nA sentence about tea. A sentence")
    assert rows[1].text.endswith("tea.")
    assert len(rows[1].text) < 260
    assert [row.first_chunk for row in rows] == [0, 0, 1, 2]


def test_spans_of_a_blank_stretch_are_none_and_long_words_are_cut():
    assert list(passage_spans(" \n\t ")) == []
    assert list(passage_spans("x" * 25, limit=10)) == [(0, 10), (10, 20), (20, 25)]
    assert list(passage_spans("ab  cd", start=1, end=5)) == [(1, 5)]


# --- keywords -----------------------------------------------------------------------------------


def test_keywords_are_the_phrases_whose_words_belong_together():
    text = (
        "Compatibility of systems of linear constraints over the set of natural numbers. "
        "Criteria of compatibility of a system of linear Diophantine equations, strict "
        "inequations, and nonstrict inequations are considered. Upper bounds for components of a "
        "minimal set of solutions and algorithms of construction of minimal generating sets."
    )
    found = keywords_of(text)
    best = {keyword.normalised for keyword in found[:2]}
    assert best == {"MINIMAL GENERATING SETS", "LINEAR DIOPHANTINE EQUATIONS"}
    assert len(found) == 5
    assert all(keyword.score >= 0.8 for keyword in found)
    assert [keyword.score for keyword in found] == sorted(
        (keyword.score for keyword in found), reverse=True
    )


def test_text_without_content_has_no_keywords():
    assert keywords_of("") == []
    assert keywords_of("It is what it is, and 1234 of 5678 are 90%.") == []


def test_nearness_of_keywords_is_symmetric_and_between_nothing_and_the_same():
    assert similarity("MACHINE LEARNING", "MACHINE LEARNING") == 1
    assert 0.4 < similarity("MACHINE LEARNING", "LEARNING MACHINES") <= 1
    assert similarity("MACHINE", "MACHINES") == similarity("MACHINES", "MACHINE") == 1
    assert similarity("MACHINE LEARNING", "APPLE PIE") < 0.2
    assert normalise_keyword(" machine\tLearning! ") == "MACHINE LEARNING"


def test_struct_of_stored_vectors_is_single_precision():
    from spectron_adapters.local.documents.keywords import cosine, packed, unpacked

    assert packed([1.0, 0.5]) == struct.pack("=2f", 1.0, 0.5)
    assert cosine(unpacked(packed([3.0, 4.0])), [3.0, 4.0]) == pytest.approx(1)
    assert cosine([1.0], [1.0, 2.0]) == 0
    assert cosine([0.0], [1.0]) == 0
