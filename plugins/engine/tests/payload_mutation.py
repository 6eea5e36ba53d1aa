"""Endless variations of hostile texts, the same for the same seed."""

from __future__ import annotations

import random

from hostile_payloads import BODIES

_CALL = "alert(1)"
_SEEDS = tuple(payload.armed(_CALL) for payload in BODIES)
_FRAGMENTS = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>",
    "\" onmouseover=\"alert(1)", "' onfocus='alert(1)", "`onclick=alert(1)", "<a href='",
    "<a href=\"", "javascript:alert(1)", "jav\tascript:alert(1)", "&#106;avascript:alert(1)",
    "data:text/html,x", "<!--", "-->", "--!>", "<![CDATA[", "]]>", "<?", "?>", "<!x", "</", "/>",
    "<", ">", "&lt;", "&gt;", "&#60;", "&amp;lt;", "&quot;", "\"", "'", "=", "`", "```",
    "```math\n", "~~~", "$", "$$", "\\(", "\\)", "\\[", "[[", "]]", "|", "{{", "}}", "{{Video\n",
    "{{ImageFrame\n|src=", "{{InfoBox\n|", "{{datatable\n", "{{Figure\n|style=", ">|", ">!",
    "> [!NOTE]\n> ", ":::", "::: ", "\n", "\n\n", "    ", "\t", "\\", "[", "](", ")", "![",
    "[^1]", "[^1]: ", "*[x]: ", "# ", "---\n", "title: ", "- ", "- [ ] ", "1. ",
    "| a |\n|---|\n| ", "==", "~~", "**", "_", "<p>", "</p>", "<p style='", "<div title='",
    "<details><summary>", "<math>", "<mtext>", "<style>", "</style>", "<textarea>", "</textarea>",
    "<noscript>", "<title>", "<xmp>", "<template>", "<select>", "<table><tr><td>",
    "<input type=image src=", "<video poster=", "<source src=", "\x00", "\x0b", "\x0c", "\ufeff",
    "\u2028", "CuRsoRm4g1cW0Rd",
)  # fmt: skip
_WRAPPERS = (
    "{}", "{}", "{}", "- {}", "> {}", "# {}", "| a |\n|---|\n| {} |\n", "[{}](x)", "![{}](x)",
    "[x]({})", "[x](/ \"{}\")", "[[{}]]", "[[x|{}]]", "[^1]\n\n[^1]: {}", "**{}**", "=={}==",
    "`{}`", "```\n{}\n```", "```math\n{}\n```", "```python\n{}\n```", "${}$", "$${}$$",
    ">| # {}\n>| x", ">! {}", "> [!TIP]\n> {}", "::: {}\nx\n:::", "::: info\n# {}\n{}\n:::",
    "---\ntitle: {}\n---\nx", "{{{{InfoBox\n|k={}\n}}}}", "{{{{InfoBox\n|{}=v\n}}}}",
    "{{{{ImageFrame\n|src={}\n|alt={}\n}}}}", "{{{{ImageFrame\n|style={}\n|caption={}\n}}}}",
    "{{{{Video\n{}\n}}}}", "{{{{Video\n|width={}\n|src=https://youtu.be/{}\n}}}}",
    "{{{{Figure\n|width={}\n|height={}\n{}\n}}}}",
    "{{{{datatable\n|caption={}\n| a |\n|-|\n| {} |\n}}}}",
    "{{{{{}}}}}", "<p title=\"{}\">", "<a href=\"{}\">x</a>", "<a href='{}'>x</a>",
    "<div>\n{}\n</div>",
    "<p style=\"{}\">", "<!-- {} -->", "*[HTML]: {}\n\nHTML",
)  # fmt: skip


def _entity(character: str, random_: random.Random) -> str:
    code = ord(character)
    return random_.choice((f"&#{code};", f"&#x{code:x};", f"&#x{code:07X};", f"&#{code}"))


def _mutate(text: str, random_: random.Random) -> str:
    position = random_.randrange(len(text) + 1)
    kind = random_.randrange(8)
    if kind <= 2:
        return text[:position] + random_.choice(_FRAGMENTS) + text[position:]
    if kind == 3:
        return text[:position] + text[position + random_.randrange(1, 6) :]
    if kind == 4 and position < len(text):
        return text[:position] + _entity(text[position], random_) + text[position + 1 :]
    if kind == 5:
        return text[:position] + text[position : position + 8].swapcase() + text[position + 8 :]
    if kind == 6:
        blank = random_.choice(" \t\n\x0c\x00\x01/")
        return text[:position] + blank + text[position:]
    other = random_.choice(_SEEDS)
    return text[:position] + other[random_.randrange(len(other)) :]


def mutated(seed: int) -> str:
    """The hostile Markdown number `seed`."""
    random_ = random.Random(seed)
    text = random_.choice(_SEEDS) if random_.random() < 0.7 else random_.choice(_FRAGMENTS)
    for _ in range(random_.randrange(6)):
        text = _mutate(text, random_)
    for _ in range(random_.choice((0, 1, 1, 2))):
        wrapper = random_.choice(_WRAPPERS)
        text = wrapper.format(*[text] * wrapper.count("{}"))
    return text
