"""Results as tables in a notebook."""

from pathlib import Path

import cairn
from cairn import compare, notebook


def test_a_session_shows_its_layers():
    session = cairn.Session(cairn.load_machine("tpu-16x16"))
    assert "0 layers: 0 cycles" in session._repr_html_()
    session.run("a <layer>", cairn.Gemm(64, 64, 64))
    page = session._repr_html_()
    assert "a &lt;layer&gt;" in page and f"{session.layers[0]['cycles']:,}" in page
    assert page.count("<tr>") == 3


def test_a_model_and_a_comparison_show_themselves():
    model = Path(__file__).resolve().parents[2] / "examples/small-net.onnx"
    runs = [cairn.onnx.run(model, arch=arch) for arch in ("tpu-16x16", "sigma-64")]
    assert f"{runs[0].result['totals']['cycles']:,}" in runs[0]._repr_html_()
    page = notebook.html(compare.document([run.result for run in runs]))
    assert "sigma-64" in page and "<table>" in page
