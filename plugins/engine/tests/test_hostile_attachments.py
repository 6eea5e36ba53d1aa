"""Hostile files attached to pages: what is sent, and what is refused (checklist G3, G4, G5)."""

from __future__ import annotations

import io
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from served_wikis import Site, otterwiki_app, site  # noqa: F401  fixtures

from otterwiki_engine.attachment_types import (
    RASTER_FORMATS,
    ImageTooLarge,
    UnsuitableFile,
    check_upload,
    is_shown_in_place,
    name_problem,
    sent_type,
)

QUICK_SECONDS = 1.0
SCRIPT = b"<script>alert(1)</script>"


def image(kind: str, size: tuple[int, int] = (4, 4), **options: Any) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.new("RGB", size, "red").save(buffer, format=kind, **options)
    return buffer.getvalue()


IMAGES = {mimetype: image(kind) for mimetype, kind in RASTER_FORMATS.items()}
EXTENSIONS = {
    "image/avif": "avif",
    "image/gif": "gif",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
}
PDF = b"%PDF-1.4\n%%EOF\n"


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of a few KB whose header promises any number of pixels, all of them there."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    row = b"\0" * (1 + (width + 7) // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row * 1000) for _ in range(max(1, height // 1000)))
    data += packer.flush()
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


@pytest.fixture
def client(site: Site, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: F811
    monkeypatch.setitem(site.app.config, "SECURITY_HEADERS", False)
    site.put("page.md", "# Page\n")
    return site.pick("red")


def upload(client: Any, content: bytes, name: str, declared: str | None = None) -> Any:
    file = (io.BytesIO(content), name, declared) if declared else (io.BytesIO(content), name)
    return client.post("/Page/attachments", data={"file": file}, content_type="multipart/form-data")


@pytest.mark.parametrize("mimetype", IMAGES)
def test_g3_a_true_image_is_shown_in_place(client: Any, site: Site, mimetype: str) -> None:  # noqa: F811
    revision = site.put(f"page/a.{EXTENSIONS[mimetype]}", IMAGES[mimetype])
    for url in (f"/Page/a.{EXTENSIONS[mimetype]}", f"/Page/a/a.{EXTENSIONS[mimetype]}/{revision}"):
        headers = client.get(url).headers
        assert headers["Content-Type"] == mimetype
        assert headers["Content-Disposition"].startswith("inline")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")


def test_g3_a_true_pdf_is_shown_in_place(client: Any, site: Site) -> None:  # noqa: F811
    site.put("page/a.pdf", PDF)
    headers = client.get("/Page/a.pdf").headers
    assert headers["Content-Type"] == "application/pdf"
    assert headers["Content-Disposition"].startswith("inline")
    assert "default-src 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "name",
    [
        *(f"a.{extension}" for extension in EXTENSIONS.values()),
        *"a.pdf a.svg a.svgz a.html a.HTM a.xhtml a.xht a.xml a.xsl a.js a.mjs a.css".split(),
        *"a.json a.txt a.csv a.mp4 a.mp3 a.zip a.swf a.mhtml a.wasm a.ico a.unknown a".split(),
    ],
)
def test_g3_everything_else_is_downloaded(client: Any, site: Site, name: str) -> None:  # noqa: F811
    revision = site.put(f"page/{name}", SCRIPT)
    for url in (f"/Page/{name}", f"/Page/a/{name}", f"/Page/a/{name}/{revision}"):
        response = client.get(url)
        assert response.status_code == 200
        headers = response.headers
        assert headers["Content-Disposition"].startswith("attachment")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        if headers["Content-Type"].partition(";")[0] != "application/pdf":
            assert headers["Content-Security-Policy"].startswith("sandbox;")
        assert "allow-" not in headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", "a.js a.mjs a.css a.html a.xhtml a.xml a.wasm a.swf".split())
def test_g3_what_a_page_could_load_as_code_is_sent_as_octets(
    client: Any,
    site: Site,  # noqa: F811
    name: str,
) -> None:
    """A script element, a worker or a style sheet needs a type of its own (nosniff)."""
    site.put(f"page/{name}", b"alert(1)")
    assert client.get(f"/Page/{name}").headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize("mimetype", [*IMAGES, "application/pdf"])
def test_g4_content_decides_not_the_name(tmp_path: Path, mimetype: str) -> None:
    contents = {**IMAGES, "application/pdf": PDF}
    for true_type, content in contents.items():
        path = tmp_path / "file"
        path.write_bytes(content)
        assert is_shown_in_place(path, mimetype) == (true_type == mimetype)
        if true_type != mimetype:
            with pytest.raises(UnsuitableFile):
                check_upload(io.BytesIO(content), mimetype, None)
    for content in (SCRIPT, b"", b"GIF89a", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"):
        with pytest.raises(UnsuitableFile):
            check_upload(io.BytesIO(content), mimetype, None)


def test_g4_the_declared_type_has_to_agree(client: Any, site: Site) -> None:  # noqa: F811
    png = IMAGES["image/png"]
    refused = upload(client, png, "a.png", "text/html")
    assert refused.status_code == 415
    assert "text/html" in refused.get_data(as_text=True)
    for declared in ("image/png", "image/x-png", "application/octet-stream"):
        assert upload(client, png, "a.png", declared).status_code == 302


@pytest.mark.parametrize(
    ("content", "name"),
    [(SCRIPT, "a.png"), (IMAGES["image/gif"], "a.png"), (SCRIPT, "a.pdf"), (b"", "a.webp")],
)
def test_g4_an_upload_that_is_not_what_it_says_is_refused_in_words(
    client: Any,
    site: Site,  # noqa: F811
    content: bytes,
    name: str,
) -> None:
    before = site.head()
    page = upload(client, content, name)
    assert page.status_code == 415
    assert "Nothing was uploaded" in page.get_data(as_text=True)
    script = client.post(
        "/Page/inline_attachment",
        data={"file": (io.BytesIO(content), name)},
        content_type="multipart/form-data",
    )
    assert script.status_code == 415
    assert "its content is no" in script.json["detail"]
    assert site.head() == before


def bombs() -> dict[str, bytes]:
    frames = [PIL.Image.new("P", (2, 2), number % 2) for number in range(10_000)]
    gif = io.BytesIO()
    frames[0].save(gif, format="GIF", save_all=True, append_images=frames[1:], optimize=False)
    return {
        "pixels.png": png_claiming(50_000, 50_000),
        "wide.png": png_claiming(2_000_000, 1_000),
        "frames.gif": gif.getvalue(),
        "flat.webp": image("WEBP", (8_000, 8_000), lossless=True, quality=0, method=0),
    }


@pytest.fixture(scope="module")
def bomb_files() -> dict[str, bytes]:
    return bombs()


@pytest.mark.parametrize(
    ("name", "status"),
    [("pixels.png", 422), ("wide.png", 422), ("frames.gif", 200), ("flat.webp", 422)],
)
def test_g4_a_bomb_gets_a_quick_clean_answer(
    client: Any,
    site: Site,  # noqa: F811
    bomb_files: dict[str, bytes],
    name: str,
    status: int,
) -> None:
    site.put(f"page/{name}", bomb_files[name])
    for url in (f"/Page/t/{name}", f"/Page/{name}?thumbnail", f"/Page/{name}?width=100000"):
        began = time.thread_time()
        response = client.get(url)
        assert time.thread_time() - began < QUICK_SECONDS
        assert response.status_code == status
        if status == 422:
            assert "million pixels" in response.get_data(as_text=True)
    assert client.get("/Page").status_code == 200
    if status == 422:
        with pytest.raises(ImageTooLarge):
            check_upload(io.BytesIO(bomb_files[name]), "image/" + name.rpartition(".")[2], None)


@pytest.mark.parametrize("query", ["width=99999999", "height=99999999", "thumbnail=99999999"])
def test_g4_no_url_asks_for_a_huge_thumbnail(client: Any, site: Site, query: str) -> None:  # noqa: F811
    site.put("page/a.png", image("PNG", (40, 10)))
    response = client.get(f"/Page/a.png?{query}")
    assert response.status_code == 200
    made = PIL.Image.open(io.BytesIO(response.data))
    assert max(made.size) <= 2000


@pytest.mark.parametrize("query", ["width=0", "width=-5", "height=-1", "thumbnail=0", "size=-1"])
def test_g4_no_size_breaks_a_thumbnail(client: Any, site: Site, query: str) -> None:  # noqa: F811
    site.put("page/a.png", image("PNG", (40, 10)))
    assert client.get(f"/Page/a.png?{query}").status_code == 200


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.png", image("PNG", (400, 400))[:-300]),
        ("cut.jpg", image("JPEG", (400, 400))[:300]),
        ("eps.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
    ],
)
def test_g4_a_damaged_image_has_no_thumbnail(
    client: Any,
    site: Site,  # noqa: F811
    name: str,
    content: bytes,
) -> None:
    site.put(f"page/{name}", content)
    assert client.get(f"/Page/t/{name}").status_code == 422


@pytest.mark.parametrize(
    "name", ["a\r\nSet-Cookie: x=y.txt", "a\x00.txt", "gpj.\u202eexe", "a\u200b.txt", "a\u2028.txt"]
)
def test_g5_names_that_deceive_are_refused_in_words(name: str) -> None:
    assert name_problem(name)


@pytest.mark.parametrize("name", ["a.txt", "Übung 日本.txt", "👨‍👩‍👧.png", 'it\'s "so"; x=y.txt'])
def test_g5_ordinary_names_are_not(name: str) -> None:
    assert name_problem(name) is None


def test_g5_an_upload_under_a_deceiving_name_is_refused(client: Any, site: Site) -> None:  # noqa: F811
    before = site.head()
    response = upload(client, b"x", "gpj.\u202eexe.txt")
    assert response.status_code == 403
    assert "invisible characters" in response.get_data(as_text=True)
    assert site.head() == before


@pytest.mark.parametrize(
    "name", ['日 "quoted"; x=y.html', "it's; filename=evil.html", "a%0d%0ab.txt"]
)
def test_g5_names_in_headers_stay_in_their_field(client: Any, site: Site, name: str) -> None:  # noqa: F811
    site.put(f"page/{name}", b"x")
    response = client.get("/Page/a/" + name.replace("%", "%25"))
    assert response.status_code == 200
    disposition = response.headers["Content-Disposition"]
    assert disposition.startswith("attachment; filename")
    disposition.encode("latin-1")
    assert "\r" not in disposition
    assert "\n" not in disposition
    from werkzeug.http import parse_options_header

    _, options = parse_options_header(disposition)
    assert options["filename"] == name


def test_g3_the_type_sent_is_one_no_element_runs() -> None:
    for mimetype in ("text/javascript", "text/css", "text/html", "multipart/related", "x/y"):
        assert sent_type(mimetype, in_place=False) == "application/octet-stream"
    assert sent_type("image/svg+xml", in_place=False) == "image/svg+xml"
