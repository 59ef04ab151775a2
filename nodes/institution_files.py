"""Files between an institution and its region: 9101, 9102, and the zipped tables of 3202.

A file is known by the number its upload got, and to its institution alone; a name is only a
label and never a path. Files are bounded in size and number, and go after a week. An archive is
read with a limit, whatever it claims of itself; what is written is stored rather than deflated,
so that it is the same on every machine. Source: interface (c) 9101, 9102, 3202; bad-input H13,
W27.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

from yidi.nodes.institution_state import StoredFile, institution_of, once
from yidi.protocol import transactions as t
from yidi.protocol.envelope import Envelope
from yidi.protocol.errors import DecodeError, ErrorCode
from yidi.protocol.instants import DAY, Instant
from yidi.protocol.messages_institution import FileContent, FileQuery, FileResult, FileUpload

if TYPE_CHECKING:
    from yidi.nodes.treatment_region import TreatmentRegion

KEPT_FOR = 7 * DAY
FILES_MAX = 16
"""Files of one institution; the oldest makes room."""
REGION_BYTES_MAX = 33_554_432
"""Files of a whole region, which are part of its memory; beyond it new ones are E_BUSY."""
PLAIN_BYTES_MAX = 1_048_576
"""What an archive may come to. Source: bad-input W27."""
_NAME = re.compile(r"[^\x00-\x1f\x7f/\\%:*?\"<>|]{1,200}\Z")
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first day an archive can name: written files carry no clock."""


class Files:
    """The files of a treatment region."""

    def __init__(self, region: TreatmentRegion) -> None:
        self.region = region
        region.requests[t.FILE_UPLOAD] = once(region, self._on_upload)
        region.requests[t.FILE_DOWNLOAD] = self._on_download

    def _on_upload(self, envelope: Envelope, body: FileUpload, now: Instant) -> list[Envelope]:
        region, institution = self.region, institution_of(envelope)
        if institution not in region.config.institutions:
            return region.refuse(envelope, ErrorCode.E_INSTITUTION_UNKNOWN, now)
        if not is_plain_name(body.filename):
            return region.refuse(envelope, ErrorCode.E_NAME, now, at="$.filename")
        if not body.content:
            return region.refuse(envelope, ErrorCode.E_FRAME_EMPTY, now, at="$.content")
        if self.is_full(now):
            return region.refuse(envelope, ErrorCode.E_BUSY, now)
        # From here the operation succeeds.
        kept = self.keep(institution, body.filename, body.content, now)
        return region.answer(envelope, kept, now)

    def is_full(self, now: Instant) -> bool:
        """Whether the region keeps as much as it may."""
        files = self.region.state.desk.files.values()
        return sum(len(one.content) for one in files if one.until > now) >= REGION_BYTES_MAX

    def keep(self, institution: str, filename: str, content: bytes, now: Instant) -> FileResult:
        """Keep a file; the institution's oldest one makes room."""
        files = self.region.state.desk.files
        for number in [number for number, one in files.items() if one.until <= now]:
            del files[number]
        own = [number for number, one in files.items() if one.institution == institution]
        if len(own) >= FILES_MAX:
            del files[own[0]]
        number, until = self.region.mint(now), now + KEPT_FOR
        files[number] = StoredFile(
            institution=institution, filename=filename, content=content, until=until
        )
        return FileResult(file_no=number, filename=filename, until=until)

    def find(self, institution: str, number: str, now: Instant) -> StoredFile | None:
        """An institution's own file; another's is as unknown as one that never was."""
        found = self.region.state.desk.files.get(number)
        if found is None or found.institution != institution or found.until <= now:
            return None
        return found

    def _on_download(self, envelope: Envelope, body: FileQuery, now: Instant) -> list[Envelope]:
        found = self.find(institution_of(envelope), body.file_no, now)
        if found is None or body.filename not in ("", found.filename):
            return self.region.refuse(envelope, ErrorCode.E_NOT_FOUND, now, at="$.file_no")
        content = FileContent(filename=found.filename, content=found.content)
        return self.region.answer(envelope, content, now)


def is_plain_name(name: str) -> bool:
    """Whether a file's name is a label and nothing else: no path, no escape, no dots alone."""
    return bool(_NAME.match(name)) and bool(name.strip(" .")) and ".." not in name


def unzipped(data: bytes) -> bytes:
    """The one file inside an archive.

    Raises:
        DecodeError: `E_DECODE`, or `E_DECOMPRESS_LIMIT` once it has grown beyond the limit.
    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            (inside,) = archive.infolist()
            if inside.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise DecodeError(ErrorCode.E_DECODE, want="a deflated archive")
            with archive.open(inside) as file:
                plain = file.read(PLAIN_BYTES_MAX + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, OSError):
        # RuntimeError: an encrypted archive; NotImplementedError, which is one: an unknown version.
        raise DecodeError(ErrorCode.E_DECODE, want="a zip archive of one file") from None
    if len(plain) > PLAIN_BYTES_MAX:
        raise DecodeError(ErrorCode.E_DECOMPRESS_LIMIT, limit=PLAIN_BYTES_MAX)
    return plain


def zipped(name: str, plain: bytes) -> bytes:
    """An archive of one file, the same bytes on every machine."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(name, _EPOCH), plain)
    return buffer.getvalue()
