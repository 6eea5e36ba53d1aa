"""Pages made by Hypothesis: of the pieces that are hard for whoever cuts a page into sections."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

#: The same examples on every run, and no clock: other tests run at the same time.
same_examples = settings(max_examples=150, deadline=None, derandomize=True)
LINE_ENDS = ("\n", "\r\n", "\r")

_TITLES = ("A", "B", "Über uns", "A & B", "日本語", "C #1", "`code`", "*em*", "a_b", "[l](x)", "")
_headings = st.builds(
    lambda level, title, closing, indent: f"{' ' * indent}{'#' * level} {title}{closing}",
    st.integers(1, 8),
    st.sampled_from(_TITLES),
    st.sampled_from(("", " #", " ##  ", " #x", "\\#", "  ")),
    st.integers(0, 4),
)
_setext = st.builds(
    lambda title, line: f"{title or 'T'}\n{line}",
    st.sampled_from(_TITLES),
    st.sampled_from(("===", "---", "=", "-", "  ====  ", "= =", "- -")),
)
_fences = st.builds(
    lambda fence, inside, closed: f"{fence}\n{inside}" + (f"\n{fence}" if closed else ""),
    st.sampled_from(("```", "~~~", "````", "```python", "   ```")),
    st.sampled_from(("# not one", "x", "", "## B\n\ntext", "```", "A\n===")),
    st.booleans(),
)
_others = st.sampled_from(
    (
        "",
        "",
        "text",
        "text with ä and 日本",
        "  indented",
        "    # code",
        "\t# code",
        "- item",
        "- item\n  # in a list",
        "1. one\n\n   ## in a list",
        "> quote\n> # in a quote",
        "> lazy\ncontinued",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "<div>\n# in html\n</div>",
        "<!-- comment\n# in it\n-->",
        "<!-- open",
        "<script>\n# x\n</script>",
        "[ref]: /target",
        "[^1]: a note\n    # more",
        "***",
        "---",
        "===",
        "$$\n# math\n$$",
        "::: info\n# boxed\n:::",
        "text\\",
        "nul-free \x0b \x0c \x85 \u2028 # not lines",
        "trailing  ",
        "   ",
    )
)
_front_matter = st.sampled_from(
    (
        "---\ntitle: '# not a heading'\ntags: [a, b]\n---",
        "---\n# a comment\nx: |\n  # y\n---",
        "---\nbroken: [\n---",
        "---\n\n---",
        "---\nnever closed: 1",
        "",
        "",
        "",
    )
)


@st.composite
def page_texts(draw: st.DrawFn, most_pieces: int = 8, front_matter: bool = True) -> str:
    """A page: all kinds of blocks, in one line end or several, with or without one at the end."""
    pieces = draw(st.lists(_headings | _setext | _fences | _others, max_size=most_pieces))
    top = draw(_front_matter) if front_matter else ""
    text = "\n".join([top, *pieces] if top else pieces)
    style = draw(st.sampled_from((*LINE_ENDS, "mixed")))
    if style == "mixed":
        ends = draw(st.lists(st.sampled_from(LINE_ENDS), min_size=3, max_size=7))
        lines = text.split("\n")
        text = "".join(
            line + (ends[number % len(ends)] if number < len(lines) - 1 else "")
            for number, line in enumerate(lines)
        )
    else:
        text = text.replace("\n", style)
    ending = draw(st.sampled_from(("", "", "\n", "\r\n", "\r", "\n\n", "  \n")))
    return text + ending
