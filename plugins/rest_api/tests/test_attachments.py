"""Files of pages: as JSON with base64, and their bytes as they are."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from .rest_clients import Api, RestFarm


@pytest.fixture
def api(shared: RestFarm) -> Api:
    return shared.api("alice")


def png() -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (4, 4), "teal").save(made, "PNG")
    return made.getvalue()


def test_a_file_goes_in_and_out_as_base64(api: Api) -> None:
    api.make("b64", "# B64\n")
    body = {"filename": "dot.png", "content": base64.b64encode(png()).decode()}
    made = api.post("/pages/b64/attachments", {**body, "commit_message": "a dot"})
    assert made.status_code == 201
    assert made.json["filename"] == "dot.png"
    assert (made.json["path"], made.json["mime_type"]) == ("b64", "image/png")
    assert made.json["size"] == len(png())
    listed = api.get("/pages/b64/attachments").json
    assert (listed["path"], listed["total"]) == ("b64", 1)
    assert listed["attachments"][0]["filename"] == "dot.png"
    assert listed["attachments"][0]["size"] == len(png())
    found = api.get("/pages/b64/attachments/dot.png").json
    assert base64.b64decode(found["content"]) == png()
    assert (found["mime_type"], found["revision"]) == ("image/png", made.json["revision"])
    again = api.post("/pages/b64/attachments", body)
    assert again.status_code == 409
    other = {**body, "filename": "dot.png", "overwrite": True}
    assert api.post("/pages/b64/attachments", other).status_code == 200
    gone = api.delete("/pages/b64/attachments/dot.png", {"commit_message": "away"})
    assert (gone.json["deleted"], gone.json["filename"]) == (True, "dot.png")
    missing = api.get("/pages/b64/attachments/dot.png")
    assert (missing.status_code, missing.json["code"]) == (404, "attachment_not_found")


def test_bytes_go_in_and_out_as_they_are(api: Api) -> None:
    api.make("raw", "# Raw\n")
    content = bytes(range(256)) * 40
    made = api.put("/pages/raw/attachments/data.bin", data=content)
    assert made.status_code == 201, made.text
    back = api.get("/pages/raw/attachments/data.bin/raw")
    assert back.data == content
    part = api.get("/pages/raw/attachments/data.bin/raw", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.data) == (206, content[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(content)}"
    beyond = api.get("/pages/raw/attachments/data.bin/raw", headers={"Range": "bytes=99999-"})
    assert (beyond.status_code, beyond.json["code"]) == (416, "bad_range")
    head = api.send("HEAD", "/pages/raw/attachments/data.bin/raw")
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(content)))


def test_an_old_version_can_be_read(api: Api) -> None:
    api.make("versions", "# Versions\n")
    first = api.put("/pages/versions/attachments/a.txt", data=b"one").json["revision"]
    api.put("/pages/versions/attachments/a.txt?overwrite=true", data=b"two")
    assert api.get(f"/pages/versions/attachments/a.txt/raw?revision={first}").data == b"one"
    assert api.get("/pages/versions/attachments/a.txt/raw").data == b"two"
    replaced = api.put(f"/pages/versions/attachments/a.txt?revision={first}", data=b"three")
    assert replaced.status_code == 409


@pytest.mark.parametrize(
    ("filename", "content", "sent", "is_shown"),
    [
        ("dot.png", png(), "image/png", True),
        ("page.html", b"<script>alert(1)</script>", "application/octet-stream", False),
        ("drawing.svg", b"<svg onload='alert(1)'/>", "image/svg+xml", False),
        ("script.js", b"alert(1)", "application/octet-stream", False),
        ("notes.txt", b"text", "text/plain", False),
    ],
)
def test_g3_nothing_in_a_file_runs_in_the_wikis_name(
    api: Api, filename: str, content: bytes, sent: str, is_shown: bool
) -> None:
    if api.get("/pages/served").status_code == 404:
        api.make("served", "# Served\n")
    made = api.put(f"/pages/served/attachments/{filename}?overwrite=true", data=content)
    assert made.status_code in (200, 201), made.text
    answer = api.get(f"/pages/served/attachments/{filename}/raw")
    assert answer.mimetype == sent
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    kind = answer.headers["Content-Disposition"].partition(";")[0]
    assert kind == ("inline" if is_shown else "attachment")
    assert answer.data == content


def test_g4_a_file_is_what_its_name_says(api: Api) -> None:
    api.make("liars", "# Liars\n")
    refused = api.put("/pages/liars/attachments/dot.png", data=b"<script>")
    assert (refused.status_code, refused.json["code"]) == (422, "unsuitable_file")
    declared = api.put(
        "/pages/liars/attachments/dot.png", data=png(), headers={"Content-Type": "text/html"}
    )
    assert declared.status_code == 422
    assert api.get("/pages/liars/attachments").json["total"] == 0


def test_g5_names_are_sent_as_the_standard_says(api: Api) -> None:
    api.make("named", "# Named\n")
    made = api.put("/pages/named/attachments/gr%C3%BC%C3%9Fe%20%22x%22.txt", data=b"x")
    assert made.status_code == 201, made.text
    name = made.json["filename"]
    answer = api.get(f"/pages/named/attachments/{name}/raw")
    assert "filename*=UTF-8''gr%C3%BC%C3%9Fe" in answer.headers["Content-Disposition"]
    assert "\n" not in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("name", ["..", "a%2Fb.txt", "a%0Ab.txt", "a%E2%80%AEtxt.exe", ".git"])
def test_f2_names_that_are_none_are_refused(api: Api, name: str) -> None:
    if api.get("/pages/badly").status_code == 404:
        api.make("badly", "# Badly\n")
    before = api.get("/changelog?limit=1").json["head"]
    answer = api.put(f"/pages/badly/attachments/{name}", data=b"x")
    assert answer.status_code in (404, 405, 415, 422), answer.text
    assert api.get("/changelog?limit=1").json["head"] == before


def test_forms_are_not_taken_for_files(api: Api) -> None:
    """curl calls a file a form unless it is told otherwise; what is in it would be lost."""
    api.make("curled", "# Curled\n")
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = api.put(
            "/pages/curled/attachments/a.txt", data=b"a=b", headers={"Content-Type": kind}
        )
        assert (answer.status_code, answer.json["code"]) == (415, "media_type")
    assert api.get("/pages/curled/attachments").json["total"] == 0


def test_an_empty_file_is_one_but_nothing_at_all_is_none(api: Api) -> None:
    api.make("emptied", "# Emptied\n")
    nothing = api.send(
        "PUT", "/pages/emptied/attachments/a.txt", environ_overrides={"CONTENT_LENGTH": ""}
    )
    assert (nothing.status_code, nothing.json["code"]) == (400, "no_body")
    empty = api.send(
        "PUT", "/pages/emptied/attachments/a.txt", environ_overrides={"CONTENT_LENGTH": "0"}
    )
    assert (empty.status_code, empty.json["size"]) == (201, 0), empty.text
    assert api.get("/pages/emptied/attachments/a.txt/raw").data == b""


def test_files_of_a_page_are_listed_in_parts(api: Api) -> None:
    api.make("many", "# Many\n")
    for number in range(5):
        api.put(f"/pages/many/attachments/{number}.txt", data=b"x")
    first = api.get("/pages/many/attachments?limit=2").json
    assert [one["filename"] for one in first["attachments"]] == ["0.txt", "1.txt"]
    rest = api.get(f"/pages/many/attachments?cursor={first['next_cursor']}").json
    assert [one["filename"] for one in rest["attachments"]] == ["2.txt", "3.txt", "4.txt"]
    assert (rest["total"], rest["next_cursor"]) == (5, None)
    api.make("few", "# Few\n")
    elsewhere = api.get(f"/pages/few/attachments?cursor={first['next_cursor']}")
    assert elsewhere.status_code == 422


def test_files_need_a_page(api: Api) -> None:
    assert api.get("/pages/nobody/attachments").status_code == 404
    assert api.put("/pages/nobody/attachments/a.txt", data=b"x").status_code == 404
    assert api.delete("/pages/nobody/attachments/a.txt").status_code == 404
