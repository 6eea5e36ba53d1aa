"""The policy: which sources a page of the wiki may use. Knows no web framework."""

from __future__ import annotations

from .settings import Settings

#: Otterwiki's video embedding makes frames of this one host.
VIDEO_HOSTS = ("https://www.youtube.com",)
#: Where Otterwiki's MathJax gets its fonts from. A font runs nothing.
MATHJAX_FONTS = "https://cdn.jsdelivr.net/npm/@mathjax/"

#: For answers that are no pages (feeds, style sheets, JSON) and say nothing themselves: should a
#: browser show one as a document after all, nothing in it runs. A picture, video or PDF is shown
#: by a document that the browser makes around it, which needs the sources named here.
FILE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "img-src 'self' data:",
        "media-src 'self'",
        "object-src 'self'",
        "style-src 'unsafe-inline'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)


class PagePolicy:
    """The policy of pages under `settings`; all that no answer changes is written down once."""

    def __init__(self, settings: Settings) -> None:
        directives = {
            # Pages may style their text (the sanitiser lets style attributes through), and MathJax,
            # Mermaid and the editor make style elements as they go: no nonce covers an attribute.
            "style-src": ("'self'", "'unsafe-inline'"),
            # Wikis show pictures and films of other sites; over a safe connection only.
            "img-src": ("'self'", "data:", "https:"),
            "media-src": ("'self'", "https:"),
            "font-src": ("'self'", "data:", MATHJAX_FONTS),
            "connect-src": ("'self'", *settings.script_hosts),
            "frame-src": VIDEO_HOSTS,
            # MathJax prepares its descriptions for screen readers in a worker made of a blob. Only
            # a script that runs already can make one, and it may import no more than this page.
            "worker-src": ("blob:",),
            "manifest-src": ("'self'",),
            "object-src": ("'none'",),
            "base-uri": ("'none'",),
            "form-action": ("'self'", *settings.form_hosts),
            "frame-ancestors": ("'self'",),
        }
        self._hosts = "".join(f" {host}" for host in settings.script_hosts)
        self._rest = "".join(f"; {name} {' '.join(by)}" for name, by in directives.items())

    def header(self, nonce: str, loaded_scripts: str) -> str:
        """The header's value for a page whose scripts carry `nonce`.

        `loaded_scripts` is the one source from which scripts may load further scripts, as host and
        path ("wiki.example.org/static/mathjax/"), "" where it can't be named: MathJax fetches parts
        of itself when they are needed. Not 'self', for attachments are served from there, and not
        'strict-dynamic', which extends a script's trust to whatever it is talked into loading.
        """
        loaded = f" {loaded_scripts}" if loaded_scripts else ""
        return f"default-src 'none'; script-src 'nonce-{nonce}'{loaded}{self._hosts}{self._rest}"
