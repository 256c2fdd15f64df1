"""Operations from the numbers of the command line."""

from __future__ import annotations

from collections.abc import Mapping

import typer

import cairn
from cairn import errors
from cairn.cli import options


def _countable(named: Mapping[str, int]) -> None:
    """Refuse sizes that do not even fit the core's 64-bit integers (U203), all at once."""
    faults = [
        errors.diagnostic("U203", name, f"{value} is too large to count", "use smaller sizes")
        for name, value in named.items()
        if abs(value) >= 1 << 63
    ]
    if faults:
        raise cairn.CairnError(faults)


def gemm_of(m: int, n: int, k: int, batch: int) -> cairn.Gemm:
    """Make a GEMM from the numbers of the command line."""
    _countable({"--M": m, "--N": n, "--K": k, "--batch": batch})
    return cairn.Gemm(m, n, k, batch)


def conv_of(size: str, counts: Mapping[str, int], spatial: Mapping[str, str]) -> cairn.Conv:
    """Make a convolution; a single number in ``spatial`` counts for every dimension of ``size``."""
    return cairn.Conv(**_counted(counts), **_windows(size, spatial))


def maxpool_of(
    size: str, counts: Mapping[str, int], spatial: Mapping[str, str], ceil_mode: bool
) -> cairn.MaxPool:
    """Make a max-pooling, its sizes written as those of a convolution."""
    return cairn.MaxPool(**_counted(counts), **_windows(size, spatial), ceil_mode=ceil_mode)


def _counted(counts: Mapping[str, int]) -> Mapping[str, int]:
    _countable({f"--{name}": value for name, value in counts.items()})
    return counts


def _windows(size: str, spatial: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    """Parse what a convolution and max-pooling have of each spatial dimension."""
    image = options.sizes(size)

    def each(name: str, text: str) -> tuple[int, ...]:
        given = options.sizes(text)
        if len(given) not in (1, len(image)):
            dimensions = f"{len(image)} dimensions like --input {size}"
            raise typer.BadParameter(f"--{name} {text} must have 1 number, or {dimensions}")
        return given * len(image) if len(given) == 1 else given

    begin, _, end = spatial["pad"].partition(":")
    return {
        "input": image,
        "kernel": each("kernel", spatial["kernel"]),
        "stride": each("stride", spatial["stride"]),
        "dilation": each("dilation", spatial["dilation"]),
        "pad_begin": each("pad", begin),
        "pad_end": each("pad", end or begin),
    }
