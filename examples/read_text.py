"""Read a line of a scanned page with a neural network on a simulated accelerator.

The recognition network of PP-OCR (inside rapidocr-onnxruntime) reads a line of the page that
scikit-image carries as test data. Every convolution and matrix product of the network runs on the
simulated machine; several machines are shown side by side.

    python examples/read_text.py --arch tpu-16x16,tpu-32x32 --evaluator flow --json result.json
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnx
import typer
from numpy.typing import NDArray

import cairn
import cairn.onnx
from cairn import compare, files, tables
from cairn.cli.progress import Progress
from cairn.errors import CairnError, refusal

# Lines of the page as (left, top, right, bottom) in pixels.
LINES = {"heading": (2, 8, 298, 35), "first": (2, 47, 378, 66)}
HEIGHT = 48  # of the images that the network was trained on


def packaged(package: str, path: str, install: str) -> Path:
    """Find a data file inside an installed package, without importing the package."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(folder) / path).is_file():
            return Path(folder) / path
    message = f"the package {package} with its {path} is not installed"
    raise refusal("E101", "", message, f"pip install --no-deps {install}")


def read_image(page: Path, box: tuple[int, int, int, int]) -> NDArray[np.float32]:
    """Crop a line and normalise it as PP-OCR expects: (1, 3, 48, width), values from -1 to 1."""
    packaged("PIL", "Image.py", "pillow")
    from PIL import Image

    line = Image.open(page).convert("RGB").crop(box)
    width = round(line.width * HEIGHT / line.height)
    pixels = np.asarray(line.resize((width, HEIGHT), Image.Resampling.BICUBIC), np.float32)
    return np.ascontiguousarray(((pixels / 255 - 0.5) / 0.5).transpose(2, 0, 1)[None])


def alphabet(model: Path) -> list[str]:
    """Return the characters of the network's classes; class 0 is the blank of CTC."""
    metadata = {each.key: each.value for each in onnx.load(model).metadata_props}
    return ["", *metadata["character"].splitlines(), " "]


def decode(scores: NDArray[np.float32], characters: list[str]) -> str:
    """Turn scores (1, steps, classes) into text: the best class of each step, repeats collapsed."""
    best = scores[0].argmax(axis=1)
    changes = np.flatnonzero(np.diff(best, prepend=-1))
    return "".join(characters[index] for index in best[changes])


def document(runs: list[cairn.onnx.Run]) -> dict[str, Any]:
    """Make the result document, or the comparison of several."""
    return compare.document([run.result for run in runs]) if len(runs) > 1 else runs[0].result


def show(runs: list[cairn.onnx.Run], characters: list[str]) -> None:
    """Print what was read on the machines and natively, and what it cost."""
    out = tables.console()
    view = tables.comparison if len(runs) > 1 else tables.result
    out.print(view(document(runs), out.width))
    read = {
        f"on {run.result['context']['machine']['name']}": decode(*run.outputs.values(), characters)
        for run in runs
    }
    read["by ONNX Runtime"] = decode(*runs[0].native_outputs.values(), characters)
    width = max(map(len, read)) + 1
    for where, text in read.items():
        out.print(f"read {where + ':':{width}} {text}")
    same = all(run.agrees for run in runs) and len(set(read.values())) == 1
    largest = max(run.max_abs_difference for run in runs)
    out.print(
        f"outputs: {'equal' if same else 'DIFFERENT'}, largest absolute difference {largest:.3g}"
    )


def main(
    arch: Annotated[str, typer.Option(help="Presets or machine files: A,B...")] = "tpu-16x16",
    evaluator: Annotated[str, typer.Option(help="flow or step.")] = "flow",
    line: Annotated[str, typer.Option(help="heading or first: the line of the page.")] = "heading",
    json_file: Annotated[str | None, typer.Option("--json", help="Write the result there.")] = None,
) -> None:
    """Read a line of text on a simulated accelerator, and natively."""
    try:
        if line not in LINES:
            raise refusal("E107", "--line", f"unknown line '{line}'", f"one of {', '.join(LINES)}")
        runs, characters = read(arch, evaluator, line, json_file)
    except CairnError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    show(runs, characters)
    raise typer.Exit(0 if all(run.agrees for run in runs) else 1)


def read(
    arch: str, evaluator: str, line: str, json_file: str | None
) -> tuple[list[cairn.onnx.Run], list[str]]:
    """Run the network on a line of the page, on every machine, and write the result document."""
    machines = [cairn.load_machine(each) for each in arch.split(",")]
    page = packaged("skimage", "data/page.png", "scikit-image")
    name = "models/ch_PP-OCRv4_rec_infer.onnx"
    model = packaged("rapidocr_onnxruntime", name, "rapidocr-onnxruntime")
    image = read_image(page, LINES[line])
    with files.Output(json_file) as output, Progress(quiet=False) as progress:
        workload = cairn.onnx.Workload(model, {"x": image})
        runs = [
            workload.run(
                machine, evaluator, progress=progress.turn(at, len(machines), machine.name)
            )
            for at, machine in enumerate(machines)
        ]
        output.write(json.dumps(document(runs), indent=2))
    return runs, alphabet(model)


if __name__ == "__main__":
    typer.run(main)
