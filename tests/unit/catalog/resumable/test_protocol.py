"""The headers of tus, as clients send them and as they should not."""

import base64
import hashlib

import pytest

from services.catalog.resumable import protocol, stated
from services.core.errors import BadMetadata, ChecksumMismatch, TadaError
from tests.support.tus import metadata

MOST = 1000


@pytest.mark.parametrize(
    ("headers", "status", "said"),
    [
        ({}, 400, "Upload-Length is not a number of bytes."),
        ({"upload-length": "-1"}, 400, "Upload-Length is not a number of bytes."),
        ({"upload-length": "1e3"}, 400, "Upload-Length is not a number of bytes."),
        ({"upload-length": "٣"}, 400, "Upload-Length is not a number of bytes."),
        ({"upload-length": "9" * 5000}, 400, "Upload-Length is not a number of bytes."),
        ({"upload-length": "0"}, 400, "The file is empty."),
        ({"upload-length": "1001"}, 413, "The file has more than 1000 bytes."),
        ({"upload-defer-length": "1"}, 400, "The length cannot come later."),
    ],
)
def test_a_length_that_is_refused(headers: dict[str, str], status: int, said: str) -> None:
    with pytest.raises(TadaError) as refused:
        protocol.length(headers, MOST)
    assert (refused.value.status, refused.value.message) == (status, said)
    assert refused.value.hint


@pytest.mark.parametrize("said", [None, "0.2.2", "1.0", "2.0.0", ""])
def test_another_version_is_refused(said: str | None) -> None:
    with pytest.raises(TadaError) as refused:
        protocol.check_version({} if said is None else {"tus-resumable": said})
    assert refused.value.status == 412


@pytest.mark.parametrize("kind", ["application/offset+octet-stream", "Application/Offset+Octet-Stream; x=y"])
def test_bytes_of_a_file_are_taken(kind: str) -> None:
    protocol.check_body({"content-type": kind})


@pytest.mark.parametrize("kind", ["", "application/octet-stream", "multipart/form-data"])
def test_another_body_is_refused(kind: str) -> None:
    with pytest.raises(TadaError) as refused:
        protocol.check_body({"content-type": kind})
    assert refused.value.status == 415


@pytest.mark.parametrize("algorithm", protocol.ALGORITHMS)
def test_a_checksum_is_that_of_all_bytes_in_their_order(algorithm: str) -> None:
    known = {"crc32": (0x352441C2).to_bytes(4, "big")}
    expected = known.get(algorithm) or hashlib.new(algorithm, b"abc").digest()
    header = {"upload-checksum": f"{algorithm} {base64.b64encode(expected).decode()}"}
    right, wrong = protocol.checksum(header), protocol.checksum(header)
    assert right
    assert wrong
    for made, chunks in ((right, (b"ab", b"c")), (wrong, (b"c", b"ab"))):
        for chunk in chunks:
            made.update(chunk)
    right.check()
    with pytest.raises(ChecksumMismatch):
        wrong.check()


@pytest.mark.parametrize("said", ["", "sha1", "sha512 YQ==", "md5 ???", "md5 YQ", "md5 é", "md5  YQ==", "md5 YQ==\n"])
def test_a_checksum_that_is_not_valid(said: str) -> None:
    with pytest.raises(TadaError) as refused:
        protocol.checksum({"upload-checksum": said})
    assert refused.value.status == 400


def test_metadata_has_the_fields_of_a_form() -> None:
    told = metadata(filename="Kätzchen 1.jpg", filetype="image/jpeg", namespace="DEV", tags="a,b", relativePath="null")
    found = stated.read(f" {told} , empty", "token cms", "refuse")
    assert (found.given_name, found.declared_type) == ("Kätzchen 1.jpg", "image/jpeg")
    assert found.fields == {"namespace": "DEV", "tags": "a,b"}
    assert stated.Stated.of(found.stored()) == found


def test_shorter_names_stand_for_the_name_and_the_type() -> None:
    found = stated.read(metadata(name="cat.jpg", type="image/jpeg"), "", "refuse")
    assert (found.given_name, found.declared_type, found.fields) == ("cat.jpg", "image/jpeg", {})


@pytest.mark.parametrize(
    "told",
    [
        "",
        "filename",
        "filename ,namespace REVW",
        "namespace REVW",
        "filename Y2F0LmpwZw",
        "filename Y2F0LmpwZw==,filename Y2F0LmpwZw==",
        "filename Y2F0LmpwZw==,",
        "filename Y2F0LmpwZw==,,namespace REVW",
        "filename Y2F0 LmpwZw==",
        "filename /w==",
        "fil\u00e9name Y2F0",
        f"filename {'A' * 9000}",
    ],
)
def test_metadata_that_cannot_be_understood(told: str) -> None:
    with pytest.raises(BadMetadata) as refused:
        stated.read(told, "", "refuse")
    assert refused.value.hint
