"""The section on energy and area of docs/validation/use-case-1.md."""

import json
from collections.abc import Mapping
from typing import Any

import cairn
from cairn import energy
from cairn.suites import models, paper, report
from pages import table

TABLES = ("stonne", "cmos-45nm")
# The areas of the paper in mm2, digitised (0.01 lost), by the slot of the part.
AREAS = {
    "TPU": {"total": 2.42, "reduction": 0.28, "multiplier": 0.14, "memory": 2.0},
    "MAERI": {
        **{"total": 2.83, "reduction": 0.55, "multiplier": 0.26, "memory": 2.0},
        "distribution": 0.02,
    },
    "SIGMA": {
        **{"total": 2.57, "reduction": 0.29, "multiplier": 0.26, "memory": 2.0},
        "distribution": 0.02,
    },
}
SLOTS = ("memory", "distribution", "multiplier", "reduction")
MICROJOULES = 1e-6  # of a picojoule
CLOSE = 0.08  # to a bar that is digitised

Document = Mapping[str, Any]
# Model, role and table -> microjoules by slot and in all.
Figures = dict[tuple[str, str, str], dict[str, float]]


def weighted(result: Document) -> dict[str, float]:
    """Add up the energy of the layers of weights, by slot and in all, in microjoules if in pJ."""
    sums = {"total": 0.0, **dict.fromkeys(SLOTS, 0.0)}
    for layer in filter(report.is_weighted, result["layers"]):
        sums["total"] += layer["energy"]["total"] * MICROJOULES
        for slot in SLOTS:
            part = layer["energy"]["parts"][slot]
            sums[slot] += (part["dynamic"] + part["static"]) * MICROJOULES
    return sums


def figures(document: Document, machines: Mapping[str, str]) -> Figures:
    """Price every model on the machines of the three roles by both tables."""
    found: Figures = {}
    for model in document["models"]:
        for result in model["comparison"]["results"]:
            roles = [
                x for x, name in machines.items() if name == result["context"]["machine"]["name"]
            ]
            for name in TABLES if roles else ():
                priced = energy.price(dict(result), cairn.load_energy_table(name))
                found[model["name"], roles[0], name] = weighted(priced)
    return found


def bars(found: Figures, machines: Mapping[str, str]) -> str:
    header = ["model"]
    for role in paper.ROLES:
        header += [f"{role}, paper", f"`{machines[role]}`", "here / paper: all, RN"]
    body = []
    for name, about in paper.PAPER.items():
        row = [name]
        for role in paper.ROLES:
            own, (all_of_it, network) = found[name, role, "stonne"], about["energy"][role]
            ratios = (own["total"] / all_of_it, own["reduction"] / network)
            row += [f"{all_of_it} ({network})", f"{own['total']:.0f} ({own['reduction']:.0f})"]
            row.append(", ".join(f"{each:.2f}" for each in ratios))
        body.append(row)
    return table(header, body)


def spread(values: list[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f}"


def ratios(found: Figures, role: str, slot: str, apart: tuple[str, ...] = ()) -> list[float]:
    """Return here / paper by model, without those that are told apart."""
    at = 0 if slot == "total" else 1
    return [
        found[name, role, "stonne"][slot] / about["energy"][role][at]
        for name, about in paper.PAPER.items()
        if name not in apart
    ]


def verdict(found: Figures, linked: Figures) -> str:
    """Say what fits the bars, and what does not."""
    networks = {
        f"{name} on {role}": found[name, role, "stonne"]["reduction"] / about["energy"][role][1]
        for name, about in paper.PAPER.items()
        for role in paper.ROLES
    }
    apart = [name for name, each in networks.items() if abs(each - 1) > CLOSE]
    bert = ratios(found, "TPU", "reduction")[[*paper.PAPER].index("BERT")]
    least = {
        name: min(paper.ROLES, key=lambda r: found[name, r, "stonne"]["total"])
        for name in paper.PAPER
    }
    sigma = sum(role == "SIGMA" for role in least.values())
    return (
        "* **The unit.** The reference's table does not state its unit of energy. Read as "
        "picojoules it gives the paper's microjoules: nothing was fitted, and any other unit would "
        "be off by a factor of a thousand.\n"
        f"* **Reduction networks.** {len(networks) - len(apart)} of the {len(networks)} parts (RN) "
        f"are within {CLOSE:.0%} of the bars, which are digitised to 3 %; not {', '.join(apart)}. "
        "VGG-16 on SIGMA is apart in its cycles as well.\n"
        f"* **TPU.** Totals are {spread(ratios(found, 'TPU', 'total', ('BERT',)))} of the bars "
        "without BERT.\n"
        f"* **BERT.** Its bars are those of {models.TOKENS / bert:.0f} tokens rather than of "
        f"{models.TOKENS}: energy grows with them, the cycles of the TPU hardly do. The cycles of "
        "the MAERI bar rule so many out (see Shapes).\n"
        f"* **SIGMA.** Totals are {spread(ratios(found, 'SIGMA', 'total'))} of the bars; it takes "
        f"the least energy on {sigma} of {len(least)} models, as in the paper on all.\n"
        "* **MAERI does not fit.** Its reduction network does "
        f"({spread(ratios(found, 'MAERI', 'reduction'))}), its total does not "
        f"({spread(ratios(found, 'MAERI', 'total'))}): a tree with a link for every multiplier, "
        "which its cycles need, has no switches and hardly any energy of distribution. With the "
        f"128 links of `maeri-256` it is {spread(ratios(linked, 'MAERI', 'total'))}. So cycles and "
        "energy of these bars are not those of one machine that is known here.\n"
    )


def better_founded(found: Figures, machines: Mapping[str, str]) -> str:
    body = []
    for name in paper.PAPER:
        row = [name]
        for role in paper.ROLES:
            own = found[name, role, "cmos-45nm"]
            shares = (own[slot] / own["total"] for slot in SLOTS)
            row += [f"{own['total'] / 1000:.3g}", ", ".join(f"{each:.0%}" for each in shares)]
        body.append(row)
    header = ["model"]
    for role in paper.ROLES:
        header += [f"`{machines[role]}`, mJ", "GB, DN, MN, RN"]
    return table(header, body)


def areas(machines: Mapping[str, str]) -> str:
    body = []
    for role, name in machines.items():
        row = [f"{role}: `{name}`", _areas(AREAS[role])]
        for each in TABLES:
            session = cairn.Session(cairn.load_machine(name), energy=cairn.load_energy_table(each))
            area = json.loads(session.document({}))["area"]
            row.append(
                _areas({"total": area["total"] / 1e6} | {k: area["parts"][k] / 1e6 for k in SLOTS})
            )
        body.append(row)
    return table(["machine", "paper", *(f"`{each}`" for each in TABLES)], body)


def _areas(parts: Mapping[str, float]) -> str:
    known = [f"{parts[slot]:.2f}" if slot in parts else "-" for slot in SLOTS]
    return f"{parts['total']:.2f} ({', '.join(known)})"


def section(document: Document) -> str:
    """Return the section: both tables beside the paper's bars."""
    presets, of_bars = (each["machines"] for each in document["orders"])
    found, linked = figures(document, of_bars), figures(document, presets)
    ours = {
        role: sum(found[name, role, "cmos-45nm"]["total"] for name in paper.PAPER) / 1000
        for role in paper.ROLES
    }
    least = min(ours, key=ours.__getitem__)
    return (
        "## Energy and area\n\n"
        "Energy of the layers of weights in microjoules, that of the reduction network (RN) in "
        "brackets. Here it is by the table of the public reference, `stonne`, read as picojoules:"
        "\n\n"
        + bars(found, of_bars)
        + "\n"
        + verdict(found, linked)
        + "\nBy `cmos-45nm`, for fp32 and a buffer of 1 MiB, in millijoules, with the shares of "
        "the global buffer, distribution, multipliers and reduction:\n\n"
        + better_founded(found, of_bars)
        + "\nThat is some hundred times as much, and another picture. The reference's "
        "multiplication (0.0074) costs a five-hundredth of one of fp32 in 45 nm, a word of its "
        "buffer (0.044) a thousandth of one from 1 MiB, an addition (0.111) an eighth; so there "
        "adders decide, here the buffer and the multipliers. Over all models "
        f"{', '.join(f'{role} takes {total:.0f} mJ' for role, total in ours.items())}; {least} "
        "takes the least. SIGMA reads its streaming operand again for every fold: from a buffer "
        "whose words have a price, that outweighs the multiplications that it saves.\n\n"
        "Areas in mm2: in all (global buffer, distribution, multipliers, reduction):\n\n"
        + areas(of_bars)
        + "\nThe reference's table has the networks of the bars: MAERI's 0.55 is a tree of 255 "
        "adders and 255 accumulators. Its buffer is a single macro of 0.115 mm2, of which the "
        "bars have 17.4; the multipliers of the TPU's bar, 0.14, are not in it. `cmos-45nm` is "
        "for fp32 in 45 nm, where a multiplier is 7,700 um2 instead of 1,001.\n\n"
    )
