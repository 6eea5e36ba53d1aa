"""The patterns by which a line of text is divided: the renderer's own, and in its order."""

from __future__ import annotations

import re
import string

from .link_syntax import LINK_LABEL

_PUNCTUATION = "[" + re.escape(string.punctuation) + "]"
_TAG_NAME = r"[A-Za-z][A-Za-z0-9-]*"
_ATTRIBUTES = (
    r"(?:\s+[A-Za-z_:][A-Za-z0-9_.:-]*"
    r"(?:\s*=\s*(?:[^ !\"'=<>`]+|'[^']*'|\"[^\"]*\"))?)*"
)
TOKEN = re.compile(
    rf"(?P<escape>(?:\\{_PUNCTUATION})+)"
    r"|(?P<code>`+)"
    rf"|(?P<mark>==(?=[^\s=])(?:\\=|[^=])*(?:\\{_PUNCTUATION}|[^\s=])==)"
    r"|(?P<strike>~~(?=[^\s~]))"
    rf"|(?P<footnote>\[\^{LINK_LABEL}\])"
    r"|(?P<wiki>\[\[)"
    r"|(?P<link>!?\[)"
    r"|(?P<auto><[A-Za-z][A-Za-z0-9.+-]{1,31}:[^<>\x00-\x20]*>)"
    r"|(?P<email><[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*>)"
    rf"|(?P<tag><{_TAG_NAME}{_ATTRIBUTES}\s*/?>|</{_TAG_NAME}\s*>)"
    r"|(?P<special><!--(?!>|->)|<\?|<!\[CDATA|<![A-Z])"
    r"|(?P<newline>\\?\n\s*)"
    r"|(?P<url>https?://[^\s<]+[^<.,:;\"')\]\s])"
    r"|(?P<display_math>\$\$(?:\\\$|[^$])+\$\$)"
    rf"|(?P<math>\$(?=[^\s$])(?:\\\$|[^$])*(?:\\{_PUNCTUATION}|[^\s$])\$)"
)
# Where a token may begin: a set of characters is looked for faster than all their patterns.
TRIGGER = re.compile(r"[\\`=~\[!<\n$]|https?://")
BEFORE_LINKS = re.compile(
    rf"(?P<code>`+)|(?P<auto><[A-Za-z][A-Za-z\d.+-]{{1,31}}:)|(?P<tag></?{_TAG_NAME}|<!|<\?)"
)
