"""Pages with dots and the like in their names are found by those names, in both wikis apart."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from served_wikis import Site, otterwiki_app, site  # noqa: F401  fixtures

NAMES = ["Release 1.2", "notes/v1.2", "C#", "Why?", "a|b", "Wow!", "US$ in 2026", "a.b/c.d"]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_opened_by_its_own_name(site: Site, name: str) -> None:  # noqa: F811
    client = site.pick("red")
    path = f"/{quote(name)}"
    assert client.get(path).status_code == 404
    site.put(f"{name.lower()}.md", "# The words of it\n")
    shown = client.get(path)
    assert shown.status_code == 200 and "The words of it" in shown.get_data(as_text=True)
    assert client.get(f"{path}/history").status_code == 200
    assert client.get(f"{path}/source").get_data(as_text=True).count("The words of it") == 1
    base = site.head()
    form = {"content": "# New words\n", "base": base, "commit": "edited"}
    assert client.post(f"{path}/save", data=form).status_code == 302
    assert site.read(f"{name.lower()}.md") == "# New words\n"
    assert site.pick("blue").get(path).status_code == 404


def test_a_name_without_a_page_is_cleaned_as_ever(site: Site) -> None:  # noqa: F811
    client = site.pick("red")
    site.put("release 12.md", "# Twelve\n")
    assert "Twelve" in client.get("/Release%201.2").get_data(as_text=True)
    form = {"content": "x", "base": site.head(), "commit": ""}
    assert client.post("/Made.Here/save", data=form).status_code == 302
    assert site.read("madehere.md") == "x\n" or site.read("madehere.md") == "x"


@pytest.mark.parametrize(
    "path", ["/..%2f..%2fetc.md", "/.git.", "/a%5Cb.c", "/%00.", "/" + "x." * 300]
)
def test_f2_paths_that_no_file_can_have_are_not_found(site: Site, path: str) -> None:  # noqa: F811
    assert site.pick("red").get(path).status_code in (302, 404)
