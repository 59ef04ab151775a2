"""Files of an institution: kept by number, bounded, given to nobody else; archives read safely."""

from __future__ import annotations

import io
import zipfile

import pytest

from tests.nodes import visit_harness as h
from yidi.nodes.institution_files import FILES_MAX, KEPT_FOR, PLAIN_BYTES_MAX, unzipped, zipped
from yidi.protocol import transactions as t
from yidi.protocol.errors import DecodeError
from yidi.protocol.messages_institution import FileContent, FileQuery, FileUpload


def archive(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as out:
        for name, content in files:
            out.writestr(name, content)
    return buffer.getvalue()


def upload(net: h.Net, name: str = "明细.zip", content: bytes = b"abc"):
    """What 9101 answers."""
    return net.ask(t.FILE_UPLOAD, FileUpload(filename=name, content=content))


def test_a_file_comes_back_as_it_was():
    """By its number, with or without its name; the same upload is one file."""
    net = h.Net()
    request = net.request(t.FILE_UPLOAD, FileUpload(filename="明细.zip", content=b"abc"))
    kept, again = net.tell(request), net.tell(request)

    assert (kept, 1) == (again, len(net.treatment.state.desk.files))
    for name in ("", "明细.zip"):
        got = net.ask(t.FILE_DOWNLOAD, FileQuery(file_no=kept.file_no, filename=name))
        assert FileContent(filename="明细.zip", content=b"abc") == got


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "..", "a/b", "a\\b", "/etc/passwd", "%2e%2e%2f", "..%5c", "a\x00b", "",
     "  ", "a\nb", "C:x", "x.."],
)  # fmt: skip
def test_h13_a_name_is_a_label_and_never_a_path(name):
    """E_NAME for separators, escapes, dots, NUL and the rest."""
    answer = upload(h.Net(), name)

    assert ("E_NAME", "$.filename") == (answer.code, answer.at)


@pytest.mark.parametrize("number", ["T310000", "../1", "x" * 30])
def test_h13_only_numbers_that_were_given_out_are_served(number):
    """E_NOT_FOUND; a number that is no key does not get that far."""
    answer = h.Net().ask(t.FILE_DOWNLOAD, FileQuery(file_no=number))

    assert answer.code in ("E_NOT_FOUND", "E_KEY_FORMAT")


def test_another_institutions_file_is_as_unknown_as_none():
    """No existence leak: the same refusal, and the wrong name gets it, too."""
    net = h.Net()
    number = upload(net).file_no
    query = FileQuery(file_no=number)
    others = net.ask(t.FILE_DOWNLOAD, query, sender="institution:H31010100002")
    misnamed = net.ask(t.FILE_DOWNLOAD, FileQuery(file_no=number, filename="other.zip"))

    assert others == misnamed == net.ask(t.FILE_DOWNLOAD, FileQuery(file_no="X"))
    stranger = net.ask(t.FILE_UPLOAD, FileUpload(filename="a", content=b"1"),
                       sender="institution:H31010100002")  # fmt: skip
    assert "E_INSTITUTION_UNKNOWN" == stranger.code


def test_files_are_bounded_in_number_and_time():
    """The oldest makes room; after a week all are gone; an empty one is refused."""
    net = h.Net()
    numbers = [upload(net, f"{n}.zip").file_no for n in range(FILES_MAX + 1)]
    query = [FileQuery(file_no=numbers[n]) for n in (0, 1)]

    assert "E_NOT_FOUND" == net.ask(t.FILE_DOWNLOAD, query[0]).code
    assert isinstance(net.ask(t.FILE_DOWNLOAD, query[1]), FileContent)
    net.wait(KEPT_FOR)
    assert "E_NOT_FOUND" == net.ask(t.FILE_DOWNLOAD, query[1]).code
    upload(net)
    assert 1 == len(net.treatment.state.desk.files)
    assert "E_FRAME_EMPTY" == upload(net, content=b"").code


def test_a_region_keeps_so_much_and_no_more(monkeypatch):
    """E_BUSY until what is kept has run out."""
    monkeypatch.setattr("yidi.nodes.institution_files.REGION_BYTES_MAX", 3)
    net = h.Net()
    upload(net)

    assert "E_BUSY" == upload(net, "other.zip").code
    net.wait(KEPT_FOR)
    assert "other.zip" == upload(net, "other.zip").filename


def test_w27_an_archive_is_read_up_to_its_limit():
    """E_DECOMPRESS_LIMIT limit=1048576, whatever the archive says of itself."""
    bomb = archive(("a.txt", b" " * 50_000_000))
    with pytest.raises(DecodeError) as caught:
        unzipped(bomb)

    assert ("E_DECOMPRESS_LIMIT", PLAIN_BYTES_MAX) == (caught.value.code, caught.value.limit)
    assert b"x" * PLAIN_BYTES_MAX == unzipped(archive(("a.txt", b"x" * PLAIN_BYTES_MAX)))


GOOD = archive(("a.txt", b"text"))


@pytest.mark.parametrize(
    "data",
    [b"", b"no archive", GOOD[:-5], GOOD.replace(b"text", b"texx") if b"text" in GOOD else b"PK",
     archive(("a", b"1"), ("b", b"2")), archive(), archive(("a", b"1"), method=zipfile.ZIP_LZMA)],
    ids=["empty", "none", "torn", "changed", "two files", "no file", "lzma"],
)  # fmt: skip
def test_what_is_no_archive_of_one_file_is_refused(data):
    """E_DECODE for each of them."""
    with pytest.raises(DecodeError) as caught:
        unzipped(data)

    assert "E_DECODE" == caught.value.code


def test_a_written_archive_carries_no_clock():
    """The same bytes at any time, and readable."""
    assert zipped("a.txt", b"text") == zipped("a.txt", b"text")
    assert b"text" == unzipped(zipped("a.txt", b"text"))
