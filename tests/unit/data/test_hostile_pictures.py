"""Hostile picture files: each is refused with its reason, whatever its name says, in bounded memory."""

import io
import os
import random
import struct
import zipfile
import zlib

import pytest
from data_fixtures import CLEANING
from picture_files import PNG, plain, saved
from PIL import Image

from r1v3.data.fields import Rejected
from r1v3.data.picture_files import PictureFiles
from r1v3.data.pictures import admit

LIMITS = CLEANING.limits
NONE = LIMITS.model_copy(update={"repair": []})


def huge_png(width: int, height: int) -> bytes:
    """Make a PNG whose header claims a size for which a decoder would need gigabytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(Image.new("RGB", (30, 20), "red"), "JPEG", exif=exif)


def animated() -> bytes:
    frames = [Image.new("RGB", (12, 12), colour) for colour in ("red", "blue")]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:])


REFUSED = {
    "truncated": (PNG[: len(PNG) // 2], None, "picture is damaged"),
    "truncated JPEG": (saved(plain(200), "JPEG")[:900], None, "picture is damaged"),
    "too many pixels": (huge_png(50_000, 50_000), None, "picture has too many pixels"),
    "wrong type by name": (PNG, "photo.jpg", "wrong type"),
    "wrong type by MIME": (PNG, "image/webp", "wrong type"),
    "HTML named as a picture": (b"<!DOCTYPE html><html>", "a.png", "not a picture"),
    "SVG": (b'<?xml version="1.0"?><svg xmlns="..."><script/></svg>', "a.svg", "not a picture"),
    "SVG without a head": (b"  \n<SVG onload='x'>", None, "not a picture"),
    "a script": (b"#!/bin/sh\nrm -rf /", "a.png", "not a picture"),
    "nothing": (b"", None, "not a picture"),
    "a format that is not allowed": (saved(plain(), "TIFF"), None, "not a picture"),
    "too many bytes": (PNG + bytes(LIMITS.max_bytes), None, "picture file is too large"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_hostile_picture_is_refused_with_its_reason(case):
    data, name, reason = REFUSED[case]
    with pytest.raises(Rejected) as refused:
        admit(data, name, LIMITS)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("data", "reason", "edit"),
    [
        (animated(), "animated picture", "first frame of an animation"),
        (rotated(), "rotated by EXIF", "turned as EXIF says"),
        (saved(Image.new("CMYK", (9, 9)), "JPEG"), "CMYK colours", "CMYK to RGB"),
    ],
)
def test_what_can_be_repaired_is_repaired_and_noted_or_refused(data, reason, edit):
    picture = admit(data, None, LIMITS)
    assert edit in picture.edits
    assert picture.suffix == "png"
    with Image.open(io.BytesIO(picture.data)) as again:
        assert again.mode == "RGB"
        assert not getattr(again, "is_animated", False)
    with pytest.raises(Rejected) as refused:
        admit(data, None, NONE)
    assert refused.value.reason == reason


def test_a_rotated_picture_stands_upright_afterwards():
    assert admit(rotated(), None, LIMITS).image.size == (20, 30)


def test_a_plain_picture_keeps_its_bytes():
    jpeg = saved(plain(), "JPEG")
    assert admit(PNG, "x.png", LIMITS).data == PNG
    assert admit(jpeg, "image/jpeg", LIMITS).data == jpeg
    assert admit(PNG, "x.png", LIMITS).edits == ()


def test_transparency_becomes_white():
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert admit(saved(image, "PNG"), None, LIMITS).image.getpixel((1, 1)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_any_damage_is_a_picture_or_a_refusal(kind):
    whole, rng = saved(plain(64), kind), random.Random(kind)
    outcomes = set()
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 12)):
            data[rng.randrange(min(len(data), 300))] = rng.randrange(256)
        cut = bytes(data[: rng.randrange(1, len(data) + 1)]) if rng.random() < 0.3 else bytes(data)
        try:
            assert admit(cut, None, LIMITS).image.mode == "RGB"
            outcomes.add("picture")
        except Rejected as refused:
            outcomes.add(refused.reason)
    assert {"not a picture", "picture is damaged"} & outcomes


@pytest.mark.parametrize(
    "name",
    ["../secret.png", "a/../../secret.png", "/etc/passwd", "..\\secret.png", "link.png",
     "dir/link/secret.png", "x\0.png", "~/secret.png", "", "pipe", "absent.png"],
)  # fmt: skip
def test_a_path_leads_nowhere_but_to_files_below_the_source(tmp_path, name):
    root = tmp_path / "root"
    (root / "dir").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(PNG)
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "dir" / "link").symlink_to(tmp_path)
    os.mkfifo(root / "pipe")
    with pytest.raises(Rejected):
        PictureFiles(root, scratch=tmp_path).read(name, LIMITS.max_bytes)


def test_a_zip_file_gives_its_members_and_no_bombs(tmp_path):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images/a.png", PNG)
        archive.writestr("images/bomb.png", bytes(LIMITS.max_bytes + 1))
        archive.writestr("../up.png", PNG)
    files = PictureFiles(None, [path], scratch=tmp_path)
    assert files.read("images/a.png", LIMITS.max_bytes) == PNG
    for name, reason in {
        "images/bomb.png": "picture file is too large",
        "../up.png": "path leads out of the source",
        "images/b.png": "picture is missing",
    }.items():
        with pytest.raises(Rejected) as refused:
            files.read(name, LIMITS.max_bytes)
        assert refused.value.reason == reason
    files.close()


REPAIRING = LIMITS.model_copy(update={"repair": ["animated", "rotated", "cmyk", "mislabelled"]})


def sixteen_bits(low: int, high: int) -> bytes:
    image = Image.new("I;16", (30, 20), high)
    image.paste(low, (0, 0, 15, 20))
    return saved(image, "PNG")


@pytest.mark.parametrize("name", ["a.png", "x/y.PNG", "image/png", "https://x.y/a.png"])
def test_a_lying_name_is_repaired_and_noted(name):
    data = saved(plain(), "JPEG")
    found = admit(data, name, REPAIRING)
    assert (found.data, found.suffix, found.edits) == (data, "jpg", ("named png, is JPEG",))


@pytest.mark.parametrize("name", ["figure.2", "v1.10", "a.b", "application/octet-stream", ".png"])
def test_a_name_that_claims_no_type_tells_no_lie(name):
    assert admit(PNG, name, LIMITS).edits == ()


def test_colours_of_print_become_those_of_a_screen():
    found = admit(saved(Image.new("CMYK", (30, 20), (0, 255, 255, 0)), "JPEG"), None, REPAIRING)
    red, green, blue = found.image.getpixel((3, 3))
    assert (red > 200, green < 60, blue < 60) == (True, True, True)
    assert found.edits == ("CMYK to RGB",)


@pytest.mark.parametrize("orientation", [0, 1, 9])
def test_an_orientation_that_turns_nothing_changes_nothing(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(Image.new("RGB", (30, 20), "red"), "JPEG", exif=exif)
    assert admit(data, None, LIMITS).data == data


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [(0, 65535, (0, 255)), (25700, 51400, (100, 200)), (0, 4095, (0, 255)), (0, 0, (0, 0))],
)
def test_of_sixteen_bits_the_upper_eight_are_kept_unless_only_lower_ones_are_used(low, high, shown):
    image = admit(sixteen_bits(low, high), None, LIMITS).image
    assert [image.getpixel(place) for place in ((2, 2), (20, 2))] == [
        (value,) * 3 for value in shown
    ]


def test_the_first_frame_of_an_animation_is_kept_and_noted():
    found = admit(animated(), None, REPAIRING)
    assert found.image.getpixel((3, 3))[0] > 250
    assert found.edits == ("first frame of an animation",)


def test_a_camera_s_jpeg_with_a_preview_behind_it_is_a_jpeg():
    data = saved(plain(), "MPO", save_all=True, append_images=[plain(20)])
    found = admit(data, "photo.jpg", REPAIRING)
    assert found.image.size == (40, 40)


def test_a_tiny_picture_is_kept_and_a_line_of_pixels_is_not():
    tiny = saved(Image.new("RGB", (13, 3), "red"), "PNG")
    assert admit(tiny, "a.png", LIMITS).data == tiny
    with pytest.raises(Rejected, match="too narrow"):
        admit(saved(Image.new("RGB", (1005, 5), "red"), "PNG"), None, LIMITS)
