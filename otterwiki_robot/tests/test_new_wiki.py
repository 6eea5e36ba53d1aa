"""The pages a new wiki starts with: everything they claim is looked for in the code that runs.

The claims are read out of the pages. What is bold must be a label somebody can see; what is a code
span must be an address, a link's syntax, a page name or one of the words in `WORDS`; every link
must lead to something. A claim that fits none of these fails too, so a new one needs a check.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import bs4
import pytest
from hypothesis import HealthCheck, example, given, strategies
from hypothesis import settings as hypothesis_settings
from werkzeug.test import Client, TestResponse

from otterwiki_engine.errors import BadPath
from otterwiki_engine.pagenames import check_page_file
from otterwiki_robot.demo import make_demo
from otterwiki_robot.installation import Installation, packaged_pages
from otterwiki_robot.new_wiki import plain_text, template_pages
from otterwiki_robot.root.app import create_root_app
from otterwiki_robot.settings import Settings, read_settings
from otterwiki_tenant import clock, names, users, wikis
from otterwiki_tenant.testing import identity_cookie
from otterwiki_tenant.wsgi import FarmMiddleware

HANDLE, SLUG = "ada.test", "ada"
NAME, PURPOSE = "Ada & friends", "Notes on robot arms."
ROOT, WIKI = "http://robot.localhost:8000", "http://ada.robot.localhost:8000"
FILES = ("Agent Guide.md", "Getting Started.md", "Home.md")
LEADS_TO = re.compile(r"^- `([^`\n]+)` leads to `([^`\n]+)`$", re.MULTILINE)
NAMED = re.compile(r"^- `([^`\n]+)` is (a good name|refused)\b", re.MULTILINE)


@dataclass
class Farm:
    """A served farm on which Ada has just made her wiki, and two browsers."""

    installation: Installation
    settings: Settings
    pages: dict[str, str]
    owner: Client
    program: Client
    app: Any
    token: str

    def get(self, path: str, base: str = WIKI) -> TestResponse:
        return self.owner.get(path, base_url=base)

    def ask(self, path: str, token: str | None = None, **options: Any) -> TestResponse:
        """A request of a program that has the wiki's bearer token."""
        headers = {"Authorization": f"Bearer {token or self.token}", **options.pop("headers", {})}
        return self.program.open(path, base_url=WIKI, headers=headers, **options)

    def rendered(self, text: str) -> bs4.Tag:
        """What the wiki makes of a page with that text."""
        answer = self.ask("/Rendered/save", method="POST", data={"content": text, "commit": "m"})
        assert answer.status_code == 302
        return article(self.get("/Rendered"))


def article(response: TestResponse) -> bs4.Tag:
    found = bs4.BeautifulSoup(response.data, "html.parser").find("article")
    assert isinstance(found, bs4.Tag), response.status
    return found


@pytest.fixture(scope="module")
def farm(made_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    home = tmp_path_factory.mktemp("new") / "home"
    shutil.copytree(made_home, home, symlinks=True)
    settings = read_settings({"ROBOT_DEV": "1", "ROBOT_HOME": str(home)})
    installation = Installation(settings)
    wiki_app = installation.load_otterwiki()
    registry = installation.farm
    registry.bcrypt_rounds = 4
    with registry.database.writing() as session:
        did = names.development_did(HANDLE)
        users.add(session, did=did, handle=HANDLE, now=clock.now())
    pages = template_pages(settings, slug=SLUG, name=NAME, purpose=PURPOSE, owner_handle=HANDLE)
    made = registry.create_wiki(SLUG, owner_did=did, display_name=NAME, template=pages)
    root_app = create_root_app(settings, registry)
    front_door = FarmMiddleware(
        registry,
        wiki_app=wiki_app.wsgi_app,
        root_app=root_app.wsgi_app,
        health_app=root_app.wsgi_app,
    )
    owner = Client(front_door)
    owner.set_cookie(
        "robot_identity",
        identity_cookie(registry, did),
        domain="robot.localhost",
        origin_only=False,
    )
    texts = {path: content.decode() for path, content in pages.items()}
    yield Farm(installation, settings, texts, owner, Client(front_door), wiki_app, made.token)
    installation.close()


def prose(text: str) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def code_spans(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", prose(text))


# ------------------------------------------------------------------ what is filled in


def test_the_template_is_these_pages(farm: Farm) -> None:
    assert tuple(sorted(farm.pages)) == FILES == tuple(sorted(packaged_pages("wiki_template")))
    for path, text in farm.pages.items():
        assert not re.search(r"\$\w", text), path
        for other in ("alice", "bob"):
            assert other not in text
        assert text.endswith("\n")


def test_name_purpose_owner_and_addresses_are_filled_in(farm: Farm) -> None:
    home = article(farm.get("/"))
    heading = home.find("h1")
    assert heading is not None
    assert heading.get_text().strip() == NAME
    assert PURPOSE in home.get_text()
    started = article(farm.get("/Getting Started"))
    assert HANDLE in started.get_text()
    assert WIKI + "/" in [a["href"] for a in started.find_all("a", href=True)]


def test_without_a_purpose_the_page_asks_for_one(farm: Farm) -> None:
    pages = template_pages(farm.settings, slug="x", name="X", purpose=" ", owner_handle=HANDLE)
    assert b"what this wiki is for" in pages["Home.md"]


HOSTILE = (
    "<script>alert(1)</script>",
    "[here](https://evil.example)",
    "[[Home]] [[a|b]]",
    "https://evil.example www.evil.example a@evil.example <https://evil.example>",
    "![x](https://evil.example/x.png)",
    "# Heading",
    "1. list",
    "- list",
    "> quote",
    "`code` **bold** _it_ ~~no~~ ==mark== $x$ $$y$$ ||spoiler||",
    "--- title: x ---",
    "| a | b |",
    "::: warning",
    ":::",
    "&lt;b&gt; &#60;",
    "[^1] [x]: https://evil.example",
    "{{Youtube|x}} {{ evil }} {%x%}",
    "$name $purpose $$ ${slug}",
    "a\nb\r\n\n# c",
    ":smile: @somebody #tag \\[x\\]",
    '" onmouseover="alert(1)',
    "javascript:alert(1)",
    "[]: # (x)",
    "    indented",
    "=====",
    "***",
    "+ x",
    "12) x",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_g1_what_a_person_typed_is_shown_as_it_is(farm: Farm, text: str) -> None:
    """For name, purpose and owner alike."""
    pages = template_pages(farm.settings, slug=SLUG, name=text, purpose=text, owner_handle=text)
    usual = farm.rendered(farm.pages["Home.md"])
    shown = farm.rendered(pages["Home.md"].decode())
    one_line = " ".join(text.split())
    heading, paragraph = shown.find("h1"), shown.find("p")
    assert isinstance(heading, bs4.Tag) and isinstance(paragraph, bs4.Tag)
    assert " ".join(heading.get_text().split()) == one_line
    assert " ".join(paragraph.get_text().split()) == one_line
    assert [child.name for child in paragraph.find_all()] == []
    assert [tag.name for tag in shown.find_all()] == [tag.name for tag in usual.find_all()]


@given(strategies.text(strategies.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))))
@example("![")
@hypothesis_settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_g1_no_text_becomes_markup(farm: Farm, text: str) -> None:
    from otterwiki.renderer import render

    one_line = " ".join(text.split())
    with farm.app.test_request_context():
        html = render.markdown(f"{plain_text(text)}\n\nend\n")[0]
    shown = bs4.BeautifulSoup(html, "html.parser")
    assert {tag.name for tag in shown.find_all()} <= {"p"}
    assert " ".join(shown.get_text().split()) == f"{one_line} end".strip()


def test_limits_are_the_settings(farm: Farm) -> None:
    changed = read_settings(
        {
            "ROBOT_DEV": "1",
            "ROBOT_MAX_WIKIS": "7",
            "ROBOT_MAX_PAGES": "1234",
            "ROBOT_MAX_COLLABORATORS": "9",
            "ROBOT_MAX_PAGE_BYTES": "2000001",
            "ROBOT_MAX_ATTACHMENT_BYTES": "2000002",
            "ROBOT_MAX_REPOSITORY_BYTES": "2000003",
        }
    )
    for settings in (farm.settings, changed):
        pages = template_pages(settings, slug=SLUG, name=NAME, purpose=PURPOSE, owner_handle=HANDLE)
        table = re.findall(r"^\| ([A-Z][^|]+) \| ([\d,]+) \|$", pages[FILES[1]].decode(), re.M)
        assert {what: int(number.replace(",", "")) for what, number in table} == {
            "Wikis of one person": settings.max_wikis,
            "Pages in a wiki": settings.max_pages,
            "Collaborators besides the owner": settings.max_collaborators,
            "Bytes in a page": settings.max_page_bytes,
            "Bytes in an attached file": settings.max_attachment_bytes,
            "Bytes in a wiki with its history": settings.max_repository_bytes,
        }
    for path, text in farm.pages.items():
        if path != FILES[1]:
            assert "ROBOT" not in text
            assert not re.search(r"\d,\d{3}", text), "a limit that no test compares"


# ------------------------------------------------------------------ labels and links


def labels(response: TestResponse) -> set[str]:
    """What somebody can read or hear on a page: texts, titles and names of its controls."""
    assert response.status_code == 200
    soup = bs4.BeautifulSoup(response.data, "html.parser")
    found = set()
    for tag in soup.find_all(["a", "button", "label", "summary", "h1", "h2"]):
        found.add(" ".join(tag.get_text().split()))
        found.update(str(tag.get(name, "")) for name in ("title", "aria-label"))
    return {re.sub(r" \(.\)$", "", label) for label in found}  # "Edit Page (e)"


@pytest.mark.parametrize("path", FILES)
def test_what_is_bold_is_a_label_in_the_wiki(farm: Farm, path: str) -> None:
    claimed = set(re.findall(r"\*\*([^*]+)\*\*", prose(farm.pages[path])))
    farm.rendered("---\ntitle: x\n---\n\ntext\n")
    seen = labels(farm.get("/Rendered"))
    seen |= labels(farm.get("/Home/edit"))
    assert claimed <= seen
    assert claimed or path == "Home.md"


@pytest.mark.parametrize("path", FILES)
def test_every_link_of_a_page_leads_to_something(farm: Farm, path: str) -> None:
    shown = article(farm.get("/" + path.removesuffix(".md")))
    inside = 0
    for link in shown.find_all("a", href=True):
        parts = urlsplit(str(link["href"]))
        if "anchor" in (link.get("class") or []):
            continue
        if not parts.netloc:
            assert f"{unquote(parts.path)[1:]}.md" in FILES, link
            inside += 1
            continue
        base = f"{parts.scheme}://{parts.netloc}"
        assert base in (ROOT, WIKI), link
        answer = farm.get(f"{parts.path}?{parts.query}", base)
        assert answer.status_code == 200, link
        words = set(bs4.BeautifulSoup(answer.data, "html.parser").get_text().split())
        if base == ROOT:
            assert link.get_text().split()[0] in words, "the page is called otherwise"
    assert inside or path == FILES[1]


def test_no_link_is_missing_its_page(farm: Farm) -> None:
    """Examples of links stand in code spans; every link outside of them is a real one."""
    for text in farm.pages.values():
        plain = re.sub(r"`[^`\n]+`", "", prose(text))
        for target in re.findall(r"\[\[([^\]]+)\]\]", plain):
            assert f"{target}.md" in FILES


# ------------------------------------------------------------------ code spans


def examples(farm: Farm) -> list[tuple[str, str]]:
    return [pair for text in farm.pages.values() for pair in LEADS_TO.findall(text)]


def test_link_syntax_leads_where_the_pages_say(farm: Farm) -> None:
    pairs = examples(farm)
    assert len(pairs) >= 7
    assert any("|" in syntax for syntax, _ in pairs)
    for syntax, target in pairs:
        link = farm.rendered(f"{syntax}\n").find("a")
        assert isinstance(link, bs4.Tag), syntax
        assert link["href"] == target
        words = re.match(r"\[\[([^|\]]+)|\[([^\]]+)\]", syntax)
        assert words is not None
        assert link.get_text() == (words.group(1) or words.group(2)), "the words come first"


def test_the_anchor_of_an_example_is_there(farm: Farm) -> None:
    anchors = [target for _, target in examples(farm) if "#" in target]
    assert anchors
    for target in anchors:
        path, _, anchor = target.partition("#")
        assert article(farm.get(unquote(path))).find(id=anchor) is not None


def test_names_are_good_or_refused_as_the_pages_say(farm: Farm) -> None:
    named = [pair for text in farm.pages.values() for pair in NAMED.findall(text)]
    assert {verdict for _, verdict in named} == {"a good name", "refused"}
    for name, verdict in named:
        if verdict == "refused":
            with pytest.raises(BadPath):
                check_page_file(f"{name}.md")
        else:
            check_page_file(f"{name}.md")


def is_page_name(farm: Farm, span: str) -> bool:
    """An example of a page's name: with a folder, and accepted."""
    if not re.fullmatch(r"[A-Z][\w-]*(?:/[A-Z0-9][\w -]*)+", span):
        return False
    check_page_file(f"{span}.md")
    return True


def is_address(farm: Farm, span: str) -> bool:
    """An address on the wiki, with Path for a page and WORDS for words to search; it answers."""
    if not span.startswith("/"):
        return False
    path = span.replace("Path", "Home").replace("WORDS", "limits")
    if path.endswith("/save"):
        adapter = farm.app.url_map.bind("ada.robot.localhost")
        assert adapter.match(path, method="POST")[0] == "save"
        return True
    answer = farm.ask(path)
    assert answer.status_code == 200, span
    if "WORDS" in span:
        assert "Getting Started" in answer.text
    return True


def editor_fields(farm: Farm) -> dict[str, str]:
    """The fields of the form that an address of the guide gives a program."""
    answer = farm.ask("/Home/edit")
    form = bs4.BeautifulSoup(answer.data, "html.parser").find("form", id="saveform")
    assert isinstance(form, bs4.Tag)
    fields = form.find_all("input", attrs={"name": True})
    return {str(field["name"]): str(field.get("value", "")) for field in fields}


def is_field(name: str) -> Callable[[Farm], None]:
    def check(farm: Farm) -> None:
        assert name in editor_fields(farm)

    return check


def check_header(farm: Farm) -> None:
    assert farm.ask("/Home/source?raw").status_code == 200
    assert farm.ask("/Home/source?raw", token="rbt_bad_token").status_code == 401
    assert farm.program.get("/Home/source?raw", base_url=WIKI).status_code == 302


def check_last_line(farm: Farm) -> None:
    lines = farm.ask("/Home/source?raw").text.rstrip("\n").split("\n")
    assert lines[-1].startswith("[]: #")
    assert "\n".join(lines[:-1]).rstrip("\n") == farm.pages["Home.md"].rstrip("\n")


def check_json(farm: Farm) -> None:
    text = "x" * (farm.settings.max_page_bytes + 1)
    options: dict[str, Any] = {"method": "POST", "data": {"content": text, "commit": "m"}}
    answer = farm.ask("/Large/save", headers={"Accept": "application/json"}, **options)
    assert answer.status_code == 413
    assert answer.json is not None
    assert answer.json["limit"] == farm.settings.max_page_bytes


#: What else stands in a code span, and how it is seen to be true.
WORDS: dict[str, Callable[[Farm], None]] = {
    "Authorization: Bearer TOKEN": check_header,
    "[]: #": check_last_line,
    "application/json": check_json,
    "base": is_field("base"),
    "commit": is_field("commit"),
    "content": is_field("content"),
}


def test_every_code_span_is_something_that_is_checked(farm: Farm) -> None:
    used = set()
    for path, text in farm.pages.items():
        known = {part for pair in LEADS_TO.findall(text) for part in pair}
        known |= {name for name, _ in NAMED.findall(text)}
        for span in set(code_spans(text)) - known:
            if span in WORDS:
                used.add(span)
                WORDS[span](farm)
            elif not is_address(farm, span) and not is_page_name(farm, span):
                pytest.fail(f"{path} claims `{span}`, and no test knows what it is")
    assert used == set(WORDS), "a check that nothing needs any more"


# ------------------------------------------------------------------ what the guide promises


def test_a_program_saves_as_the_guide_says(farm: Farm) -> None:
    def save(path: str, content: str, base: str) -> TestResponse:
        form = {"content": content, "base": base, "commit": "why"}
        return farm.ask(path, method="POST", data=form)

    start = "one\n\ntwo\n\nthree\n"
    assert farm.ask("/Home/save", method="POST", data={"content": start}).status_code == 302
    base = editor_fields(farm)["base"]
    assert farm.ask("/Home/source?raw").text.startswith(start)
    assert save("/Home/save", start.replace("one", "first"), base).status_code == 302
    merged = save("/Home/save", start.replace("three", "third"), base)
    assert merged.status_code == 302
    assert farm.ask("/Home/source?raw").text.startswith("first\n\ntwo\n\nthird\n")
    overlapping = save("/Home/save", start.replace("one", "eins"), base)
    assert overlapping.status_code == 409
    without = farm.ask("/Home/save", method="POST", data={"content": "overwritten"})
    assert without.status_code == 302
    assert farm.ask("/Home/source?raw").text.startswith("overwritten\n")
    restored = save("/Home/save", farm.pages["Home.md"], editor_fields(farm)["base"])
    assert restored.status_code == 302


def test_front_matter_is_shown_and_its_title_becomes_the_heading(farm: Farm) -> None:
    block = re.search(r"```yaml\n(.*?)```", farm.pages["Agent Guide.md"], re.DOTALL)
    assert block is not None
    shown = farm.rendered(block.group(1) + "\ntext\n")
    summary, heading = shown.find("summary"), shown.find("h1")
    assert summary is not None and summary.get_text() == "Properties"
    assert heading is not None and heading.get_text() == "Robot arm"
    shown = farm.rendered(block.group(1) + "\n# Another heading\n")
    assert [tag.get_text().strip() for tag in shown.find_all("h1")] == ["Another heading"]


def test_only_pages_count_towards_the_limit_on_pages(farm: Farm) -> None:
    with farm.installation.farm.database.reading() as session:
        record = wikis.get(session, SLUG)
    files = farm.installation.farm.opened(record).wiki.repository.snapshot().files()
    assert record.page_count == len([path for path in files if path.endswith(".md")])


def test_a_page_is_a_file_of_its_name(farm: Farm) -> None:
    """ "Its name is its path without the ending, and capital letters count.\""""
    save = {"method": "POST", "data": {"content": "x", "commit": "m"}}
    assert farm.ask("/Projects/Robot arm/save", **save).status_code == 302
    with farm.installation.farm.database.reading() as session:
        record = wikis.get(session, SLUG)
    snapshot = farm.installation.farm.opened(record).wiki.repository.snapshot()
    assert "Projects/Robot arm.md" in snapshot.entries


# ------------------------------------------------------------------ who uses it


def test_the_demo_replaces_its_untouched_template(tmp_path: Path) -> None:
    settings = read_settings({"ROBOT_DEV": "1", "ROBOT_HOME": str(tmp_path / "demo")})
    installation = Installation(settings)
    installation.bare_farm.bcrypt_rounds = 4
    assert make_demo(installation)
    with installation.farm.database.reading() as session:
        record = wikis.get(session, "demo")
    files = set(installation.farm.opened(record).wiki.repository.snapshot().files())
    assert set(packaged_pages("demo_pages")) <= files
    assert not files & {"Getting Started.md", "Agent Guide.md"}
    assert not make_demo(installation)
    installation.close()
