"""Texts that run a script where a sanitiser is missing: one for each known hole, and more.

``FIRE`` in a payload stands for a call that a test can see; :func:`armed` puts it in. Every payload
is shown to work by a test that takes the guards away (tests/browser/test_hostile_content.py) or is
marked as one that never works in today's browsers and is kept for the mutations.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRE = "FIRE"


@dataclass(frozen=True)
class Payload:
    """One page: `name`, which advisory it stands for, and its Markdown.

    `runs`: it runs in a browser once the guards are gone. `attachments` are files it needs beside
    it. `stock_runs`: it runs in Otterwiki 2.26.1 without the engine, so our own guard stops it.
    """

    name: str
    advisory: str
    markdown: str
    runs: bool = True
    attachments: tuple[tuple[str, str], ...] = ()
    stock_runs: bool = False

    def armed(self, call: str) -> str:
        """The Markdown with `call`, a JavaScript expression without quotes, in it."""
        return self.markdown.replace(FIRE, call)


_IMG = "<img src=x onerror=FIRE>"
_SCRIPT = "<script>FIRE</script>"


def _of(advisory: str, **payloads: str) -> tuple[Payload, ...]:
    return tuple(Payload(name, advisory, text) for name, text in payloads.items())


def _dead(advisory: str, **payloads: str) -> tuple[Payload, ...]:
    return tuple(Payload(name, advisory, text, runs=False) for name, text in payloads.items())


BODIES: tuple[Payload, ...] = (
    # Otterwiki 2.26.2: math blocks and MathJax links (the .git paths are tested beside F2)
    Payload("math_block", "2.26.2", f"```math\n{_IMG}\n```\n", stock_runs=True),
    Payload("math_block_numbered", "2.26.2", f"```math=\n{_SCRIPT}\n```\n", stock_runs=True),
    Payload(
        "math_link",
        "2.26.2",
        "$`\\href{javascript:FIRE}{x}`$\n\n$$\\href{javascript:FIRE}{y}$$\n",
        stock_runs=True,
    ),
    Payload(
        "math_link_in_plain_text",
        "2.26.2",
        "$$z$$\n\n\\\\(\\\\href{javascript:FIRE}{x}\\\\)\n",
        stock_runs=True,
    ),
    Payload(
        "math_required_script",
        "MathJax \\require",
        "$$\\require{../../../../../math_required_script/evil}x$$\n",
        runs=False,  # MathJax 4.1.1 takes no path there
        attachments=(("evil.js", "FIRE"),),
    ),
    Payload(
        "youtube_id", "2.26.1", '{{Video\nhttps://youtu.be/x" onload="FIRE//\n}}\n', stock_runs=True
    ),
    Payload(
        "unfinished_block",
        "2.26.1",
        "<p onmouseover=FIRE x=\n\ntext\n",
        stock_runs=True,
    ),
    Payload(
        "unfinished_in_quote",
        "2.26.1",
        "> <p onmouseover=FIRE x=\n\ntext\n",
        stock_runs=True,
    ),
    *_of(
        "2.26.0",
        comment="<!--><script>FIRE</script>-->\n",
        comment_bang="<!-- --!><script>FIRE</script> -->\n",
        comment_dash="<!---><img src=x onerror=FIRE>-->\n",
        cdata="<![CDATA[><script>FIRE</script>]]>\n",
        instruction="<?x><script>FIRE</script>?>\n",
        declaration="<!A><script>FIRE</script>\n",
        in_comment_across_lines="<!-- a\n\n<!--><script>FIRE</script>\n\n-->\n",
    ),
    *_of(
        "2.24.0",
        entity_tab='<a href="jav&#x09;ascript:FIRE">x</a>\n',
        entity_newline='<a href="java&#10;script:FIRE">x</a>\n',
        entity_colon='<a href="javascript&colon;FIRE">x</a>\n',
        entity_control='<a href="&#1;javascript:FIRE">x</a>\n',
        link_colon="[a](javascript&colon;FIRE)\n",
        link_case="[a](JaVaScRiPt:FIRE)\n",
        link_reference="[a][r]\n\n[r]: javascript:FIRE\n",
        link_angle="<javascript:FIRE>\n",
    ),
    *_of(
        "2.23.0",
        frame_caption=f"{{{{ImageFrame\n|caption={_IMG}\n}}}}\n",
        frame_src='{{ImageFrame\n|src=https://e.test/a.png" onerror="FIRE\n}}\n',
        frame_alt='{{ImageFrame\n|src=https://e.test/a.png\n|alt=x" onerror="FIRE\n}}\n',
        frame_style='{{ImageFrame\n|style=color:red" onmouseover="FIRE\nx\n}}\n',
        video_src='{{Video\n|src=x.mp4"><img src=x onerror=FIRE>\n}}\n',
        video_width='{{Video\n|width=1" onmouseover="FIRE\n|src=/x.mp4\n}}\n',
        fold_header=f">| # {_IMG}\n>| x\n",
        info_key="{{InfoBox\n|<img src\\=x onerror\\=FIRE>=x\n}}\n",
        info_value=f"{{{{InfoBox\n|k={_IMG}\n}}}}\n",
        info_style='{{InfoBox\n|style=color:red" onmouseover="FIRE\nx\n}}\n',
        figure_caption=f"{{{{Figure\n|caption={_IMG}\nx\n}}}}\n",
        figure_style='{{Figure\n|style=color:red" onmouseover="FIRE\nx\n}}\n',
    ),
    *_dead(
        "2.20.7",  # browsers of today run no script from a style
        style_url='<p style="background:url(jav\\61script:FIRE)">x</p>\n',
        style_expression='<p style="width:expr/**/ession(FIRE)">x</p>\n',
        style_binding='<p style="-moz-binding:url(data:text/xml,FIRE)">x</p>\n',
    ),
    *_of(
        "2.20.7",
        style_breaks_out='<p style="color:red" onmouseover="FIRE">x</p>\n',
    ),
    *_of(
        "mermaid",
        mermaid_label='```mermaid\nflowchart TD\nA["</pre><img src=x onerror=FIRE>"]\n```\n',
    ),
    *_dead(
        "mermaid",  # its own sanitiser, which the test does not take away, stops these
        mermaid_click='```mermaid\nflowchart TD\nA[x]\nclick A "javascript:FIRE"\n```\n',
        mermaid_loose=(
            '```mermaid\n%%{init: {"securityLevel": "loose"}}%%\nflowchart TD\n'
            'A["<img src=x onerror=FIRE>"]\nclick A href "javascript:FIRE"\n```\n'
        ),
        mermaid_front_matter=(
            "```mermaid\n---\nconfig:\n  securityLevel: loose\n  htmlLabels: true\n---\n"
            'flowchart TD\nA["<img src=x onerror=FIRE>"]\n```\n'
        ),
    ),
    *_of(
        "mistune",
        heading=f"# a {_IMG}\n",
        heading_entities="# &lt;img src=x onerror=FIRE&gt; <b>x</b>\n\n{{PageIndex}}\n\n"
        f"## {_IMG}\n",
        image_alt='![x" onerror="FIRE](x)\n',
        image_title="![x](x 'y\" onerror=\"FIRE')\n",
        link_title="[x](/x 'y\" onmouseover=\"FIRE')\n",
        abbreviation='*[HTML]: x" onmouseover="FIRE\n\nHTML\n',
        footnote=f"[^a]\n\n[^a]: {_IMG}\n",
        code_language=f"```{_IMG.replace(' ', chr(9))}\nx\n```\n",
        code_text="```\n</pre><img src=x onerror=FIRE>\n```\n",
        code_span=f"`{_IMG}`\n",
        fancy_family='::: x" onmouseover="FIRE//\ntext\n:::\n',
        fancy_header=f"::: info\n# {_IMG}\ntext\n:::\n",
        front_matter=f"---\ntitle: x\nother: </pre>{_IMG}\n---\ntext\n",
        front_matter_title=f'---\ntitle: "{_IMG}"\n---\ntext\n',
        wiki_link_text=f"[[{_IMG}|Home]]\n",
        failing_embedding=f"{{{{datatable\n|src={_IMG}.csv\n}}}}\n",
        include_missing=f"{{{{include|src={_IMG}}}}}\n",
        table_cell=f"| a |\n|---|\n| {_IMG} |\n",
        data_table_caption=(
            "{{datatable\n|caption=</script><img src=x onerror=FIRE>\n| a |\n|---|\n| b |\n}}\n"
        ),
        spoiler=f">! {_IMG}\n",
        alert=f"> [!NOTE]\n> {_IMG}\n",
        task=f"- [ ] {_IMG}\n",
    ),
    *_of(
        "elements",
        script=f"{_SCRIPT}\n",
        image=f"{_IMG}\n",
        svg="<svg onload=FIRE>\n",
        svg_animate="<svg><animate onbegin=FIRE attributeName=x dur=1s>\n",
        svg_link='<svg><a xlink:href="javascript:FIRE"><text y=20>x</text></a></svg>\n',
        details="<details open ontoggle=FIRE>\n",
        frame='<iframe src="javascript:parent.FIRE"></iframe>\n',
        frame_document='<iframe srcdoc="<script>parent.FIRE</script>"></iframe>\n',
        form="<form action=javascript:FIRE><input type=submit></form>\n",
        button='<form><button formaction="javascript:FIRE">x</button></form>\n',
        input_focus="<input autofocus onfocus=FIRE>\n",
        object_data='<object data="javascript:FIRE"></object><img src=x onerror=FIRE>\n',
        math_ml='<math><mi xlink:href="javascript:FIRE">x</mi></math><img src=x onerror=FIRE>\n',
    ),
    *_dead(
        "mistune",  # an argument that is not shown, an address that is percent-encoded
        unknown_embedding=f"{{{{nothing {_IMG}}}}}\n",
        link_entity="[a](jav&Tab;ascript:FIRE)\n",
    ),
    *_dead(
        "elements",  # these lead elsewhere, change how a page is read, or are put right by parsing
        meta_refresh='<meta http-equiv=refresh content="0;url=javascript:FIRE">\n',
        nested_parsers="<math><mtext><table><mglyph><style><img src=x onerror=FIRE>\n",
        template_content='<noscript><p title="</noscript><img src=x onerror=FIRE>">\n',
        textarea="<textarea><img title='</textarea><img src=x onerror=FIRE>'>\n",
        title_across_paragraphs='<div title="a\n\n<img src=x onerror=FIRE>\n">\n',
        base='<base href="https://e.test/">\n',
        link_import='<link rel=stylesheet href="data:text/css,FIRE">\n',
        data_link='<a href="data:text/html,<script>FIRE</script>">x</a>\n',
    ),
)
#: What goes into a name, a message or any other field that is shown outside of a page's text.
FIELD = _IMG
