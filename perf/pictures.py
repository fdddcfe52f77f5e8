"""Measure what large pictures cost before the language model: decoding, tiles, packing, the vision tower.

Draws pages of several sizes, up to 2520 x 8526 pixels. Each goes through the encoder, a pack and the vision
tower of InternVL3-1B (InternViT-300M with random weights, 32 bits, one thread), in its own process. The pack
has one prompt with eight responses of 512 tokens. Prints processor seconds, and the peak memory without and
with the tower.

    python perf/pictures.py [--largest 2520x8526]
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))
sys.path.insert(0, str(Path(__file__).parent))

SIZES = ((13, 3), (448, 448), (900, 600), (1344, 896), (1792, 1344), (2520, 8526))
RESPONSES, LENGTH = 8, 512


def draw_page(width: int, height: int, path: Path) -> None:
    """Draw a page of lines of text with a drawing, like a scanned question."""
    from PIL import Image, ImageDraw

    page = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(page)
    for line in range(height // 24):
        pen.text(
            (8, 24 * line), f"{line}. Find the area of triangle ABC. " * (width // 160), "black"
        )
    pen.ellipse((width // 4, height // 4, width // 2, height // 2), outline="blue", width=3)
    page.save(path)


def measure(folder: Path, picture: Path) -> dict:
    """Return the seconds of each step for one picture, tiles and tokens, and peak memory in MiB."""
    import torch

    from r1v3.base.memory import peak_rss
    from r1v3.model.encode import Encoder
    from r1v3.model.load import load_model, load_processor
    from r1v3.model.packed import Group, embed, pack_groups
    from r1v3.recipe.schema.recipe import Images

    torch.set_num_threads(1)
    seconds = {}

    def timed(name: str, work):
        begun = time.process_time()
        result = work()
        seconds[name] = round(time.process_time() - begun, 3)
        return result

    encoder = Encoder(
        load_processor(folder), Images(min_tiles=1, max_tiles=12, max_pixels=50_000_000)
    )
    timed("decode", lambda: encoder.check([picture]))
    prompt = timed("encode", lambda: encoder.prompt("<image>\nw1 w2 w3", [picture]))
    responses = (encoder.text_ids("w1")[:1] * LENGTH,) * RESPONSES
    pack = timed("pack", lambda: pack_groups([Group(prompt.prompt_ids, responses, prompt.tiles)]))
    read = peak_rss() / 2**20
    model = load_model(folder, dtype="float32")
    with torch.no_grad():
        timed("tower", lambda: embed(model, pack.input_ids_T, pack.tiles))
    return {
        "tiles": len(prompt.tiles),
        "tokens": len(pack.input_ids_T),
        "seconds": seconds,
        "mib_read": round(read),
        "mib_tower": round(peak_rss() / 2**20),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--largest", default="2520x8526", help="leave out pictures with more pixels"
    )
    parser.add_argument("--measure", nargs=2, type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(*args.measure)))
        return
    from machine import told_busy
    from train_model import SHAPES, build

    width, height = map(int, args.largest.split("x"))
    sizes = [size for size in SIZES if size[0] * size[1] <= width * height]
    print(told_busy())
    print(
        "| picture | tiles | tokens | decode | encode | pack | tower | MiB read | MiB with tower |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    with TemporaryDirectory() as folder:
        vision, (text, _, *rest), _ = SHAPES["1B"]
        SHAPES["tower"] = (vision, (text, 1, *rest), 2000)
        build(Path(folder), "tower", 1, 64)
        for width, height in sizes:
            page = Path(folder) / f"{width}x{height}.png"
            draw_page(width, height, page)
            done = subprocess.run(
                [sys.executable, __file__, "--measure", Path(folder) / "start", page],
                env={**os.environ, "TOKENIZERS_PARALLELISM": "false"},
                check=True,
                capture_output=True,
                text=True,
            )
            found = json.loads(done.stdout.splitlines()[-1])
            spent = " | ".join(f"{found['seconds'][name]} s" for name in found["seconds"])
            print(
                f"| {width} x {height} | {found['tiles']} | {found['tokens']} | {spent} "
                f"| {found['mib_read']} | {found['mib_tower']} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
