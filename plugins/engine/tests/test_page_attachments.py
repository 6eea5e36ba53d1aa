"""Attachments through the page service."""

# ruff: noqa: F811 - fixtures are imported, and named again where they are used
from __future__ import annotations

import io

import PIL.Image
import pytest
from page_services import (  # noqa: F401  fixtures
    BY_ALICE,
    BY_BOB,
    bare_service,
    files,
    other_service,
    put,
    raw,
    service,
)

from otterwiki_engine.errors import BadRevision, QuotaExceeded
from otterwiki_engine.pages import attaching, attachments
from otterwiki_engine.pages.errors import (
    AttachmentNotFound,
    BadPageName,
    PageExists,
    PageNotFound,
    StaleBase,
    UnsuitableAttachment,
)
from otterwiki_engine.pages.service import PageService

pytestmark = pytest.mark.usefixtures("other_service")


def png() -> bytes:
    file = io.BytesIO()
    PIL.Image.new("RGB", (2, 2)).save(file, "PNG")
    return file.getvalue()


def test_a_file_is_attached_read_replaced_and_deleted(service: PageService) -> None:
    service.write("Notes/todo", "# Todo\n", by=BY_ALICE)
    image = png()
    made = service.write_attachment("notes/todo", "plan.png", image, by=BY_ALICE)
    assert made.created and made.changed and made.file == "Notes/todo/plan.png"
    assert made.info is not None and made.info.mime_type == "image/png"
    assert made.info.size_bytes == len(image) and made.info.revision == made.revision
    read = service.read_attachment("Notes/todo", "plan.png")
    assert read.content == image and read.info == made.info
    with pytest.raises(PageExists) as refusal:
        service.write_attachment("Notes/todo", "plan.png", image, by=BY_BOB)
    assert refusal.value.page == "Notes/todo/plan.png"
    assert refusal.value.current_revision == made.revision
    other = png() + b"tail"
    again = service.write_attachment("Notes/todo", "plan.png", other, base=made.revision, by=BY_BOB)
    assert not again.created and raw(service, "Notes/todo/plan.png") == other
    with pytest.raises(StaleBase):
        service.write_attachment("Notes/todo", "plan.png", image, base=made.revision, by=BY_ALICE)
    service.write_attachment("Notes/todo", "plan.png", image, overwrite=True, by=BY_ALICE)
    assert service.read_attachment("Notes/todo", "plan.png", made.revision).content == image
    with pytest.raises(StaleBase):
        service.delete_attachment("Notes/todo", "plan.png", base=again.revision, by=BY_ALICE)
    gone = service.delete_attachment("Notes/todo", "plan.png", by=BY_ALICE)
    assert gone.changed and gone.info is None
    with pytest.raises(AttachmentNotFound):
        service.read_attachment("Notes/todo", "plan.png")
    assert service.read_attachment("Notes/todo", "plan.png", again.revision).content == other


def test_the_attachments_of_a_page_are_not_those_of_its_sub_pages(service: PageService) -> None:
    put(
        service,
        {
            "A.md": "a",
            "A/b.txt": "b",
            "A/img/c.txt": "c",
            "A/Sub.md": "sub",
            "A/Sub/d.txt": "d",
            "root.txt": "r",
        },
    )
    assert [info.filename for info in service.attachments("A")] == ["b.txt", "img/c.txt"]
    assert [info.filename for info in service.attachments("A/Sub")] == ["d.txt"]
    assert service.read_attachment("A", "img/c.txt").content == b"c"
    for name in ("Sub/d.txt", "Sub.md", "../root.txt", "img", "", "nope.txt"):
        with pytest.raises(AttachmentNotFound):
            service.read_attachment("A", name)
        with pytest.raises(AttachmentNotFound):
            service.delete_attachment("A", name, by=BY_ALICE)
    with pytest.raises(PageNotFound):
        service.attachments("Missing")
    with pytest.raises(PageNotFound):
        service.write_attachment("Missing", "x.txt", b"x", by=BY_ALICE)
    with pytest.raises(BadRevision):
        service.attachments("A", "-x")


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x.txt",
        "a/b.txt",
        "a\\b.txt",
        ".git",
        ".GIT ",
        "git~1",
        ".gitmodules",
        "x\0.txt",
        "x\n.txt",
        "x\u202egpj.exe",
        " x.txt",
        "page.md",
        "PAGE.MD",
        "x" * 256,
    ],
)
def test_f2_hostile_names_are_refused(bare_service: PageService, name: str) -> None:
    first = bare_service.write("A", "a", by=BY_ALICE)
    with pytest.raises(UnsuitableAttachment):
        bare_service.write_attachment("A", name, b"x", by=BY_ALICE)
    assert bare_service.wiki.repository.head() == first.revision


def test_g4_a_file_is_what_its_name_says(bare_service: PageService) -> None:
    bare_service.write("A", "a", by=BY_ALICE)
    for name, content, declared in (
        ("x.png", b"<html>", None),
        ("x.pdf", b"GIF89a", None),
        ("x.png", png(), "text/html"),
    ):
        with pytest.raises(UnsuitableAttachment):
            bare_service.write_attachment("A", name, content, declared_type=declared, by=BY_ALICE)
    assert bare_service.write_attachment(
        "A", "x.png", png(), declared_type="image/png", by=BY_ALICE
    ).created


def test_i1_an_attachment_has_a_size(
    bare_service: PageService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attaching, "MOST_ATTACHMENT_BYTES", 10)
    bare_service.write("A", "a", by=BY_ALICE)
    with pytest.raises(QuotaExceeded) as refusal:
        bare_service.write_attachment("A", "x.bin", b"x" * 11, by=BY_ALICE)
    assert refusal.value.what == "attachment_bytes" and refusal.value.is_size


def test_names_are_composed(bare_service: PageService) -> None:
    bare_service.write("A", "a", by=BY_ALICE)
    made = bare_service.write_attachment("A", "Cafe\u0301.txt", b"x", by=BY_ALICE)
    assert made.filename == "Caf\u00e9.txt" and files(bare_service) == ["A.md", "A/Caf\u00e9.txt"]


def test_sizes_are_right_loose_and_packed(bare_service: PageService) -> None:
    contents = {"A/empty.bin": b"", "A/one.bin": b"1", "A/zero.bin": bytes(100_000)}
    put(bare_service, {"A.md": "a", **contents})
    sizes = {path: len(content) for path, content in contents.items()}
    assert {info.file: info.size_bytes for info in bare_service.attachments("A")} == sizes
    bare_service.wiki.repository.git("gc", "--quiet")
    attachments._sizes.clear()
    assert {info.file: info.size_bytes for info in bare_service.attachments("A")} == sizes


def test_a_name_in_either_unicode_form_finds_its_file(service: PageService) -> None:
    put(service, {"A.md": "a", "A/Cafe\u0301.txt": "decomposed", "B.md": "b"})
    service.write_attachment("B", "Cafe\u0301.txt", b"composed", by=BY_ALICE)
    for name in ("Cafe\u0301.txt", "Caf\u00e9.txt"):
        assert service.read_attachment("B", name).content == b"composed"
    assert service.read_attachment("A", "Cafe\u0301.txt").content == b"decomposed"
    with pytest.raises(PageExists):
        service.write_attachment("A", "Cafe\u0301.txt", b"new", by=BY_ALICE)
    service.write_attachment("A", "Cafe\u0301.txt", b"new", overwrite=True, by=BY_ALICE)
    assert raw(service, "A/Cafe\u0301.txt") == b"new"
    service.delete_attachment("A", "Cafe\u0301.txt", by=BY_ALICE)
    service.delete_attachment("B", "Cafe\u0301.txt", by=BY_ALICE)
    assert files(service) == ["A.md", "B.md"]


def test_a_base_of_an_attachment_that_is_not_there_is_stale(service: PageService) -> None:
    first = service.write("A", "a", by=BY_ALICE)
    with pytest.raises(StaleBase, match="does not exist") as refusal:
        service.write_attachment("A", "x.txt", b"x", base=first.revision, by=BY_ALICE)
    assert refusal.value.current_revision is None and files(service) == ["A.md"]


def test_no_attachment_takes_the_place_of_a_pages_folder(service: PageService) -> None:
    head = put(service, {"A.md": "a", "A/Plan.md": "p", "A/img/x.txt": "x", "A/LICENSE": "l"})
    put(service, {"A/LICENSE.md": "a page beside a file"})
    for name, words in (("Plan", "is a page"), ("plan", "is a page"), ("img", "is a folder")):
        with pytest.raises(UnsuitableAttachment, match=words):
            service.write_attachment("A", name, b"x", by=BY_ALICE)
    with pytest.raises(UnsuitableAttachment, match="'A/LICENSE' is an attachment"):
        service.write_attachment("A/LICENSE", "x.txt", b"x", by=BY_ALICE)
    for make in (service.write, service.append):
        with pytest.raises(BadPageName, match="'A/LICENSE' is an attachment"):
            make("A/LICENSE/new", "x", by=BY_ALICE)
    with pytest.raises(BadPageName, match="'A/LICENSE' is an attachment"):
        service.rename("A/Plan", "A/LICENSE/plan", by=BY_ALICE)
    again = service.write_attachment("A", "LICENSE", b"new", base=head, by=BY_ALICE)
    assert again.changed and service.write_attachment("A", "README", b"x", by=BY_ALICE).created
