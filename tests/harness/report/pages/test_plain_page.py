"""A page that needs no script."""

from harness.report.pages.plain import is_page_of, page, preformatted


def test_a_page_says_its_kind_and_escapes_its_title():
    text = page("a < b", "some kind", "<p>body</p>")
    assert "<title>a &lt; b</title>" in text
    assert "<p>body</p>" in text
    assert is_page_of(text, "some kind")
    assert not is_page_of(text, "other kind")


def test_lines_are_escaped_and_stay_lines():
    assert preformatted("a\n<b>") == "<pre>a\n&lt;b&gt;</pre>"
