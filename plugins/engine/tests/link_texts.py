"""Pages made of everything in which a link may stand, or may only seem to."""

from __future__ import annotations

from hypothesis import strategies as st

#: Blocks as people write them. Addresses that begin with "no" are in none of the page's links.
BLOCKS = (
    "text [a](b1) and [[W1]] here",
    "line one\nline two [x](y)  \nline *three*",
    "# Head [h](h1)",
    "## Sub `c` and _emph_ [[T|P]]",
    "Setext [s](s1)\n===",
    "Sub\n---",
    "***",
    "- item [i](i1)\n- item two [[W3]]\n  - nested [n](n1)\n    more",
    "1. one [o](o1)\n2. two\n\n   para [p](p1)",
    "> quote [q](q1)\n> more\n>\n> - list [l](l1)",
    ">! spoil ![im](im1)\n>! more",
    ">| # fold\n>| f [f](f1)",
    "> [!NOTE]\n> alert [[W4]]",
    "```py\ncode [x](no1)\n[[no2]]\n```",
    "~~~\n[[no]]\n~~~",
    "    code [x](no3)",
    "$$\nx [m](no4)\n$$",
    "a $x [m](no5)$ b",
    "::: info\n# box [b](no6)\ntext [bb](bb1)\n:::",
    "| a | b |\n|---|:-:|\n| [[T|P]] | [l](l1) |\n| `a \\| b` | ![i](im) |",
    "a | b\n--|--\n[n](n1) | c",
    '[ref]: /refd "title"',
    "see [r][ref] and [ref] and [ref][]",
    "[^1]: note [fn](fn1)",
    "see [^1]",
    "*[HTML]: abbr [ab](no7)",
    '<div><a href="/h1">x</a>\n[no](no8)\n</div>',
    "<!-- [[no9]]\n\n[x](no10) -->",
    "text <span>[in](sp1)</span> `code [[no11]]` \\[esc](no12)",
    '<img src="/Page/file.png" width="10"> and <!-- [x](no13) -->',
    "{{InfoBox\n|k=v [opt](o2)\nbody [bo](bo1)\n}}",
    "- [ ] task [ta](ta1)\n- [x] done",
    '![img](./rel.png "t") [l](./rel) [u](../up) [d](sub/page.md#x)',
    "<https://a.b/c> https://x.y/z?q=1&r=2.",
    "[Multi\nline](url)",
    "[![i](im2)](lk2)",
    "Term with `tick and [a](b`c) x",
    "~~del [d](d1)~~ ==mark [m](mk1)==",
    '[a](</x y> "t") [b](x\\)y) [c](a(b)c) [d](a&amp;b)',
    "[[Page#Some Section]] [[#local]] [[a/b/c|Text]] [[/abs|x]]",
    "[mail](mailto:a@b.c) <x@y.z>",
    "[js](javascript:alert) [rel](foo:bar)",
    "[é](/Öl%20und/Wässer) [[Öl & Wasser]]",
)
PIECES = (
    *"[ [ ] ] ( ) [[ ]] | ! ` `` $ $$ \\ < > \" ' ~~ == * _ ** a b /x #f : é".split(" "),
    *(" ", "\n", "c d", "http://e.x", "https://e.x/p.", '<a href="/h">', "</a>", "<b>", "</b>"),
    *("<!--", "-->", "<http://u.v>", "<m@n.op>", "[a](b)", "![i](j)", "[[W]]", "[[T|P]]", "[r]"),
    *("[^1]", "(./rel)", "&amp;", "%20"),
)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Blocks, most of them with blank lines between them."""
    parts = []
    for block in draw(st.lists(st.sampled_from(BLOCKS), min_size=1, max_size=6)):
        parts += [block, draw(st.sampled_from(("\n\n", "\n\n", "\n\n", "\n")))]
    text = "".join(parts)
    if draw(st.integers(0, 4)) == 0:
        text = "---\ntitle: x\n---\n\n" + text
    return text.replace("\n", draw(st.sampled_from(("\n", "\n", "\r\n"))))


@st.composite
def paragraphs(draw: st.DrawFn) -> str:
    """One paragraph of pieces in any order, and what its references may refer to."""
    pieces = draw(st.lists(st.sampled_from(PIECES), min_size=2, max_size=14))
    lines = "".join(pieces).strip().split("\n")
    text = "\n".join(f"q {line}" for line in lines if line.strip())
    return text + draw(st.sampled_from(("", "\n\n[r]: /ref\n[^1]: note [n](m)\n")))
