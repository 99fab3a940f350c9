#!/usr/bin/python3
"""Writes images of every kind and what PIL makes of them, for image_tests to compare with.

usage: make_pil_references.py OUTPUT_FOLDER [PHOTO...]

Everything is derived from fixed seeds. Tables, tab separated, without a header:
  decode.tsv      file, width, height, orientation, largest difference allowed; pixels in file.rgb
  preprocess.tsv  name, file, rule, resize_to, crop_fraction, filter, height, width; pixels in name.rgb
  photos.tsv      the same for the PHOTOs
  bad.tsv         file, words expected in the error
"""

import io
import pathlib
import shutil
import struct
import sys
import zlib

import numpy
from PIL import Image, ImageOps

ORIENTATION = 0x0112


def photo(width, height, seed):
    """Something with the traits of a photo: shading, hard edges, texture."""
    random = numpy.random.RandomState(seed)
    y, x = numpy.mgrid[0:height, 0:width] / max(width, height)
    channels = []
    for _ in range(3):
        a, b, c = random.uniform(1, 9, 3)
        channels.append(128 + 90 * numpy.sin(a * x + b * y + c) * numpy.cos(b * x - c * y))
    pixels = numpy.stack(channels, axis=-1)
    for _ in range(12):
        left, top = random.randint(0, width), random.randint(0, height)
        right, bottom = left + random.randint(1, width + 1), top + random.randint(1, height + 1)
        pixels[top:bottom, left:right] += random.uniform(-120, 120, 3)
    pixels += random.normal(0, 6, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8), "RGB")


def alpha(width, height):
    y, x = numpy.mgrid[0:height, 0:width]
    return Image.fromarray(((x * 7 + y * 5) % 256).astype(numpy.uint8), "L")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(samples, depth, color_type, interlaced=False, extra=b"", surplus=b""):
    """A PNG file of kinds PIL cannot write. `samples`: height x width x channels."""
    height, width, _ = samples.shape
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
                  (0, 1, 1, 2)]
    raw = b""
    for left, top, step_x, step_y in passes:
        part = samples[top::step_y, left::step_x]
        if part.size == 0:
            continue
        for row in part.reshape(part.shape[0], -1):
            bits = "".join(format(int(v), f"0{depth}b") for v in row)
            bits += "0" * (-len(bits) % 8)
            raw += b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra +
            chunk(b"IDAT", zlib.compress(raw + surplus)) + chunk(b"IEND", b""))


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def exif(orientation):
    block = Image.Exif()
    block[ORIENTATION] = orientation
    return block.tobytes()


def riff_chunk(kind, data):
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def u24(value):
    return struct.pack("<I", value)[:3]


def offset_animation(frame, canvas_width, canvas_height, x, y):
    """An animated WebP whose first frame leaves a part of the canvas bare. x and y are even."""
    payload = saved(frame, "WEBP", lossless=True)[12:]
    head = (u24(x // 2) + u24(y // 2) + u24(frame.width - 1) + u24(frame.height - 1) + u24(100) +
            b"\0")
    body = (b"WEBP" + riff_chunk(b"VP8X", b"\x02\0\0\0" + u24(canvas_width - 1) +
                                 u24(canvas_height - 1)) +
            riff_chunk(b"ANIM", b"\xff\xff\xff\xff\0\0") + riff_chunk(b"ANMF", head + payload))
    return b"RIFF" + struct.pack("<I", len(body)) + body


def decode_cases():
    """Yields file, content, orientation, tolerance, and pixels where PIL's are not the reference."""
    small, random = photo(61, 43, 1), numpy.random.RandomState(2)
    cmyk = saved(photo(53, 37, 3).convert("CMYK"), "JPEG", quality=90)
    adobe = cmyk.index(b"Adobe") + 11  # its colour transform: 0 is CMYK, 2 is YCCK
    assert cmyk[adobe] == 0
    jpegs = {
        "420": saved(photo(123, 77, 4), "JPEG", quality=85),
        "422": saved(photo(124, 79, 5), "JPEG", quality=85, subsampling=1),
        "444": saved(photo(64, 48, 6), "JPEG", quality=95, subsampling=0),
        "progressive": saved(photo(101, 67, 7), "JPEG", progressive=True),
        "gray": saved(small.convert("L"), "JPEG"),
        "cmyk": cmyk,
        "ycck": cmyk[:adobe] + b"\x02" + cmyk[adobe + 1:],
        "one_pixel": saved(photo(1, 1, 8), "JPEG"),
    }
    # Damage that costs no pixel: stray bytes between two segments.
    jpegs["stray_bytes"] = jpegs["444"][:20] + b"\x11\x22\x33" + jpegs["444"][20:]
    for name, content in jpegs.items():
        yield name + ".jpg", content, 1, 0, None

    palette = small.quantize(200)
    pngs = {
        "rgb": saved(small, "PNG"),
        "rgba": saved(Image.merge("RGBA", (*small.split(), alpha(61, 43))), "PNG"),
        "gray": saved(small.convert("L"), "PNG"),
        "gray_alpha": saved(Image.merge("LA", (small.convert("L"), alpha(61, 43))), "PNG"),
        "bilevel": saved(small.convert("1"), "PNG"),
        "palette": saved(palette, "PNG"),
        "palette_4bit": saved(small.quantize(13), "PNG", bits=4),
        "palette_transparent": saved(palette, "PNG", transparency=bytes(range(200))),
        "rgb_transparent": saved(small, "PNG", transparency=small.getpixel((3, 3))),
        "gray_2bit": png(random.randint(0, 4, (19, 23, 1)), 2, 0),
        "gray_4bit_interlaced": png(random.randint(0, 16, (19, 23, 1)), 4, 0, interlaced=True),
        "rgb_16bit": png(random.randint(0, 65536, (19, 23, 3)), 16, 2),
        "rgba_16bit_interlaced": png(random.randint(0, 65536, (19, 23, 4)), 16, 6, interlaced=True),
        "gray_alpha_16bit": png(random.randint(0, 65536, (19, 23, 2)), 16, 4),
        "rgb_interlaced": png(numpy.asarray(small), 8, 2, interlaced=True),
        "interlaced_1x1": png(numpy.asarray(photo(1, 1, 40)), 8, 2, interlaced=True),
        "interlaced_2x3": png(numpy.asarray(photo(2, 3, 41)), 8, 2, interlaced=True),
        "interlaced_5x1": png(numpy.asarray(photo(5, 1, 42)), 8, 2, interlaced=True),
        "interlaced_1x9": png(numpy.asarray(photo(1, 9, 43)), 8, 2, interlaced=True),
        "rgb_gamma": png(numpy.asarray(small), 8, 2, extra=chunk(b"gAMA", struct.pack(">I", 10**5))),
        "rgb_surplus": png(numpy.asarray(small), 8, 2, surplus=bytes(1 << 22)),
        "one_pixel": saved(photo(1, 1, 9), "PNG"),
    }
    for name, content in pngs.items():
        yield name + ".png", content, 1, 0, None
    gray16 = random.randint(0, 65536, (19, 23, 1))  # PIL clips these to 255
    yield "gray_16bit.png", png(gray16, 16, 0), 1, 0, numpy.repeat(gray16 >> 8, 3, axis=2)

    frames = [photo(62, 44, seed) for seed in (10, 11, 12)]
    with_alpha = Image.merge("RGBA", (*frames[0].split(), alpha(62, 44)))
    webps = {
        "lossless": (saved(frames[0], "WEBP", lossless=True), 0),
        "lossless_alpha": (saved(with_alpha, "WEBP", lossless=True, exact=True), 0),
        "lossy": (saved(frames[0], "WEBP", quality=80), 2),
        "lossy_alpha": (saved(with_alpha, "WEBP", quality=80), 2),
        "animated": (saved(frames[0], "WEBP", lossless=True, save_all=True,
                           append_images=frames[1:], duration=40), 0),
        "animated_offset": (offset_animation(frames[1], 80, 60, 10, 6), 0),
        "one_pixel": (saved(photo(1, 1, 13), "WEBP", lossless=True), 0),
    }
    for name, (content, tolerance) in webps.items():
        yield name + ".webp", content, 1, tolerance, None

    for orientation in range(1, 9):
        upright = photo(90, 50, 20)
        yield (f"orientation_{orientation}.jpg",
               saved(upright, "JPEG", exif=exif(orientation)), orientation, 0, None)
    yield "orientation.png", saved(small, "PNG", exif=exif(6)), 6, 0, None
    yield "orientation.webp", saved(small, "WEBP", lossless=True, exif=exif(8)), 8, 0, None


def write_decode_cases(folder):
    with open(folder / "decode.tsv", "w") as table:
        for name, content, orientation, tolerance, pixels in decode_cases():
            (folder / name).write_bytes(content)
            image = Image.open(io.BytesIO(content))
            if pixels is None:
                pixels = numpy.asarray(image.convert("RGB"))
            (folder / (name + ".rgb")).write_bytes(pixels.astype(numpy.uint8).tobytes())
            print(name, image.width, image.height, orientation, tolerance, sep="\t", file=table)


def short_side_then_crop(image, resize_to, height, width, resample):
    """torchvision's Resize(resize_to) and CenterCrop((height, width)) of a PIL image."""
    short, long = sorted(image.size)
    resized_long = int(resize_to * long / short)
    size = (resize_to, resized_long) if image.width <= image.height else (resized_long, resize_to)
    image = image.resize(size, resample)
    left = int(round((image.width - width) / 2.0))
    top = int(round((image.height - height) / 2.0))
    return image.crop((left, top, left + width, top + height))


def crop_fraction(image, fraction, height, width, resample):
    """TF-slim's central_crop(fraction), then a resize."""
    left = int((image.width - image.width * fraction) / 2)
    top = int((image.height - image.height * fraction) / 2)
    box = (left, top, image.width - left, image.height - top)
    return image.crop(box).resize((width, height), resample)


def letterbox(image, height, width, resample):
    """Black to a centred square, then a resize."""
    side = max(image.size)
    square = Image.new("RGB", (side, side))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square.resize((width, height), resample)


def write_preprocess_cases(folder, table_name, photos, orientations=()):
    filters = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
    sizes = [(224, 224, 256), (96, 128, 144), (331, 331, 341)]
    with open(folder / table_name, "w") as table:

        def add(file, image, rule, resize_to, fraction, filter_name, height, width):
            resample = filters[filter_name]
            image = ImageOps.exif_transpose(image).convert("RGB")
            if rule == "short_side":
                expected = short_side_then_crop(image, resize_to, height, width, resample)
            elif rule == "fraction":
                expected = crop_fraction(image, fraction, height, width, resample)
            elif rule == "letterbox":
                expected = letterbox(image, height, width, resample)
            else:
                expected = image.resize((width, height), resample)
            name = f"{pathlib.Path(file).name}_{rule}_{fraction}_{filter_name}_{height}x{width}"
            (folder / (name + ".rgb")).write_bytes(numpy.asarray(expected).tobytes())
            print(name, file, rule, resize_to, fraction, filter_name, height, width, sep="\t",
                  file=table)

        for file in photos:
            image = Image.open(folder / file)
            for filter_name in filters:
                for height, width, resize_to in sizes:
                    for rule, fraction in (("short_side", 1), ("fraction", 0.875), ("stretch", 1)):
                        add(file, image, rule, resize_to, fraction, filter_name, height, width)
                for size in (128, 256):
                    add(file, image, "letterbox", size, 1, filter_name, size, size)
        for file in orientations:
            image = Image.open(folder / file)
            for rule, fraction in (("short_side", 1), ("fraction", 0.63), ("stretch", 1)):
                add(file, image, rule, 45, fraction, "bicubic", 32, 40)
            add(file, image, "letterbox", 45, 1, "bilinear", 40, 40)


def huge(content, offset, size):
    return content[:offset] + size + content[offset + len(size):]


def bad_cases():
    """Yields file, content, words of the error."""
    jpeg = saved(photo(40, 30, 30), "JPEG")
    size = jpeg.index(b"\xff\xc0") + 5
    yield "huge.jpg", huge(jpeg, size, struct.pack(">HH", 65500, 65500)), "65500 x 65500"
    yield "oversized.jpg", huge(jpeg, size, struct.pack(">HH", 65535, 65535)), "65500"
    yield "no_height.jpg", huge(jpeg, size, struct.pack(">HH", 0, 40)), "Empty"
    yield "headless.jpg", jpeg[:2] + jpeg[jpeg.index(b"\xff\xda"):], "SOS before SOF"
    yield "no_image.jpg", b"\xff\xd8\xff\xd9", "no image"
    progressive = saved(photo(40, 30, 31), "JPEG", progressive=True)
    scan = progressive.index(b"\xff\xda")
    next_scan = progressive.index(b"\xff\xc4", scan)
    scans = progressive[:scan] + progressive[scan:next_scan] * 200 + progressive[next_scan:]
    yield "scans.jpg", scans, "more than 100 scans"

    def with_header(width, height, interlaced=0):
        return (b"\x89PNG\r\n\x1a\n" +
                chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, interlaced)) +
                chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b""))

    yield "huge.png", with_header(65535, 65535), "65535 x 65535"
    yield "oversized.png", with_header(2**31 - 1, 1), "IHDR"
    yield "no_width.png", with_header(0, 5), "IHDR"
    yield "few_rows.png", with_header(20, 20), "ends early"
    yield "few_passes.png", with_header(6, 6, interlaced=1), "ends early"
    content = bytearray(saved(photo(40, 30, 32), "PNG"))
    content[len(content) // 2] ^= 1
    yield "flipped_bit.png", bytes(content), "cannot be decoded"

    lossless = saved(photo(40, 30, 33), "WEBP", lossless=True)
    yield "huge.webp", huge(lossless, 21, b"\xff\xff\xff\x0f"), "16384 x 16384"
    animated = offset_animation(photo(20, 20, 34), 40, 40, 0, 0)
    yield "huge_canvas.webp", huge(animated, 24, u24(65534) + u24(65534)), "65535 x 65535"
    yield "small_canvas.webp", huge(animated, 24, u24(9) + u24(9)), "cannot be decoded"


def write_bad_cases(folder):
    with open(folder / "bad.tsv", "w") as table:
        for name, content, words in bad_cases():
            (folder / ("bad_" + name)).write_bytes(content)
            print("bad_" + name, words, sep="\t", file=table)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write_decode_cases(folder)
    generated = []
    for name, width, height in (("landscape.jpg", 640, 427), ("portrait.png", 301, 523),
                                ("square.webp", 300, 300), ("tiny.png", 17, 11),
                                ("panorama.png", 1900, 41), ("column.png", 23, 1200)):
        image = photo(width, height, 100 + width)
        image.save(folder / name, lossless=True)
        generated.append(name)
    orientations = [f"orientation_{orientation}.jpg" for orientation in range(1, 9)]
    write_preprocess_cases(folder, "preprocess.tsv", generated, orientations)
    # Copied, since the tests may outlive the originals.
    (folder / "photos").mkdir(exist_ok=True)
    photos = []
    for file in sys.argv[2:]:
        copy = shutil.copyfile(file, folder / "photos" / pathlib.Path(file).name)
        photos.append(str(pathlib.Path(copy).relative_to(folder)))
    write_preprocess_cases(folder, "photos.tsv", photos)
    write_bad_cases(folder)


if __name__ == "__main__":
    main()
