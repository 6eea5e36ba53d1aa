"""Edits of a part of a page: nothing outside of what is named changes, and nobody is in the way."""

from __future__ import annotations

import re
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .rest_clients import Api, RestFarm

PAGE = (
    "---\ntags: [x]\n---\r\nIntro\r\n\r\n# One\r\n\r\nfirst\r\n\r\nTwo\r\n---\r\n\r\nsecond\r\n"
    "\r\n```\r\n# not a heading\r\n```\r\n\r\n# Three\r\n\r\nthird"
)


@pytest.fixture
def api(shared: RestFarm) -> Api:
    return shared.api("alice")


def edit(api: Api, page: str, action: str, **body: object) -> dict[str, object]:
    answer = api.post(f"/pages/{page}/edit", {"action": action, **body})
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json)


def test_append_creates_and_goes_on(api: Api) -> None:
    assert edit(api, "log", "append", text="- first\n")["created"] is True
    assert edit(api, "log", "append", text="- second\n")["created"] is False
    assert api.text("log") == "- first\n- second\n"
    refused = api.post("/pages/nolog/edit", {"action": "append", "text": "x", "create": False})
    assert refused.status_code == 404


def test_prepend_goes_behind_the_front_matter(api: Api) -> None:
    api.make("top", "---\ntags: [x]\n---\n# Top\n")
    edit(api, "top", "prepend", text="First of all.\n")
    assert api.text("top").startswith("---\ntags: [x]\n---\n")
    assert api.text("top").index("First of all.") < api.text("top").index("# Top")


def test_a_section_is_replaced_and_nothing_else(api: Api) -> None:
    revision = api.make("parts", PAGE)
    done = edit(
        api, "parts", "replace_section", section="One > Two", text="Two\n---\n\nnew\n",
        revision=revision,
    )  # fmt: skip
    text = api.text("parts")
    before, _, rest = PAGE.partition("Two\r\n---")
    assert text.startswith(before)
    assert text.endswith(PAGE[PAGE.index("# Three") :])
    assert "second" in rest
    assert "second" not in text
    assert "-second" in str(done["diff"])
    stale = {"action": "replace_section", "section": "Three", "text": "x", "revision": revision}
    refused = api.post("/pages/parts/edit", stale)
    assert (refused.status_code, refused.json["code"]) == (409, "conflict")
    merged = api.post("/pages/parts/edit", {**stale, "merge": True, "keep_heading": True})
    assert (merged.status_code, merged.json["merged"]) == (200, True)
    assert api.text("parts").endswith("# Three\r\n\r\nx")
    unsaid = api.post(
        "/pages/parts/edit", {"action": "replace_section", "section": "One", "text": ""}
    )
    assert (unsaid.status_code, unsaid.json["code"]) == (409, "revision_required")


def test_text_is_put_before_and_behind_a_section(api: Api) -> None:
    api.make("around", "# A\n\na\n\n## B\n\nb\n\n# C\n")
    edit(api, "around", "insert_before", section="B", text="before B\n")
    edit(api, "around", "insert_after", section="A", text="after A\n")
    edit(api, "around", "append", section="B", text="more b\n")
    lines = [line for line in api.text("around").splitlines() if line]
    assert lines == ["# A", "a", "before B", "## B", "b", "after A", "more b", "# C"]
    missing = api.post(
        "/pages/around/edit", {"action": "insert_after", "section": "D", "text": "x"}
    )
    assert (missing.status_code, missing.json["code"]) == (404, "section_not_found")


def test_an_exact_replacement_needs_its_base(api: Api) -> None:
    revision = api.make("exact", "one two\n")
    body = {"action": "replace", "old_string": "two", "new_string": "three"}
    assert api.post("/pages/exact/edit", body).status_code == 422
    assert api.post("/pages/exact/edit", {**body, "revision": revision}).status_code == 200
    assert api.text("exact") == "one three\n"


def test_an_unknown_action_says_which_there_are(api: Api) -> None:
    refused = api.post("/pages/exact/edit", {"action": "explode", "text": "x"})
    assert refused.status_code == 422
    assert "replace_section" in refused.json["detail"]
    assert refused.json["errors"][0]["field"] == "action"


def test_two_agents_that_append_at_once_both_land(farm: RestFarm) -> None:
    """Each of two threads appends twenty lines; none is lost and none is refused."""
    farm.api("alice").make("shared-log", "# Log\n")
    problems: list[str] = []
    begin = threading.Barrier(2)

    def agent(name: str) -> None:
        api = farm.api("alice")
        begin.wait()
        for number in range(20):
            answer = api.post(
                "/pages/shared-log/edit", {"action": "append", "text": f"- {name} {number}\n"}
            )
            if answer.status_code != 200:
                problems.append(answer.text)

    agents = [threading.Thread(target=agent, args=(name,)) for name in ("ann", "ben")]
    for thread in agents:
        thread.start()
    for thread in agents:
        thread.join()
    assert problems == []
    lines = farm.api("alice").text("shared-log").splitlines()[1:]
    assert sorted(filter(None, lines)) == sorted(
        f"- {name} {number}" for name in ("ann", "ben") for number in range(20)
    )
    for name in ("ann", "ben"):
        own = [line for line in lines if line.startswith(f"- {name}")]
        assert own == [f"- {name} {number}" for number in range(20)], "each in its own order"


def test_failure_14_two_writers_of_one_revision_are_never_both_right(farm: RestFarm) -> None:
    """Check and write are one step: of two saves on one base exactly one succeeds."""
    api = farm.api("alice")
    revision = api.make("race", "# Race\n")
    other = farm.api("robert").make("race", "# Race\n")
    for turn in range(10):
        answers: list[tuple[str, int, str]] = []
        begin = threading.Barrier(2)

        def save(
            name: str, base: str = revision, turn: int = turn, begin: threading.Barrier = begin,
            answers: list[tuple[str, int, str]] = answers,
        ) -> None:  # fmt: skip
            writer = farm.api("alice")
            begin.wait()
            body = {"content": f"# Race\n\n{name} {turn}\n", "revision": base}
            answer = writer.put("/pages/race", body)
            answers.append((name, answer.status_code, answer.json.get("revision", "")))

        threads = [threading.Thread(target=save, args=(name,)) for name in ("ann", "ben")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(status for _, status, _ in answers) == [200, 409]
        (winner,) = [answer for answer in answers if answer[1] == 200]
        assert api.text("race") == f"# Race\n\n{winner[0]} {turn}\n"
        revision = winner[2]
    unchanged = farm.api("robert").get("/pages/race").json
    assert (unchanged["revision"], unchanged["content"]) == (other, "# Race\n")


_LINE_END = re.compile(r"\r\n|\r|\n")
_WORDS = st.text(alphabet=st.sampled_from("ab \n\r\té€𝄞#-`|*[]"), max_size=12)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(before=_WORDS, old=_WORDS.filter(bool), after=_WORDS, new=_WORDS)
def test_patch_changes_what_was_named_and_nothing_around_it(
    api: Api, before: str, old: str, after: str, new: str
) -> None:
    """Whatever the texts are: exactly one match is replaced, else nothing at all is changed.

    The new text gets the page's line ends where that has one kind of them.
    """
    text = f"<{before}{old}{after}>"
    now = api.get("/pages/property")
    base = {} if now.status_code == 404 else {"revision": now.json["revision"]}
    revision = api.put("/pages/property", {"content": text, **base}).json["revision"]
    body = {"revision": revision, "old_string": old, "new_string": new}
    answer = api.patch("/pages/property", body)
    found = sum(text.startswith(old, place) for place in range(len(text)))
    if answer.status_code == 200:
        assert found == 1
        changed, start, end = api.text("property"), f"<{before}", f"{after}>"
        assert changed.startswith(start)
        assert changed.endswith(end)
        middle = changed[len(start) : len(changed) - len(end)]
        assert _LINE_END.sub("\n", middle) == _LINE_END.sub("\n", new)
    else:
        assert answer.status_code == 422
        assert answer.json["code"] == "edit_ambiguous"
        assert found > 1
        assert api.text("property") == text
