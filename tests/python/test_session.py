"""The accelerator as Python sees it: operands in, values, results and refusals out."""

import json
import os
import signal
import threading

import numpy as np
import pytest

import cairn


@pytest.fixture(params=["flow", "step"])
def session(request):
    return cairn.Session(cairn.load_machine("tpu-16x16"), request.param)


def test_a_product_has_values_and_cycles(session):
    a = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    b = np.arange(20, dtype=np.float32).reshape(1, 4, 5)
    out = session.run("p", cairn.Gemm(3, 5, 4), a, b)
    assert np.array_equal(out, a @ b)
    assert session.layers[0]["cycles"] == 4 + 3 + 5 + 3


def test_operands_may_have_any_strides_and_b_may_be_shared(session):
    a = np.arange(24, dtype=np.float32).reshape(2, 4, 3).transpose(0, 2, 1)
    b = np.arange(20, dtype=np.float32).reshape(1, 5, 4).transpose(0, 2, 1)
    out = session.run("p", cairn.Gemm(3, 5, 4, batch=2), a, b)
    assert np.array_equal(out, a @ b)


def test_without_operands_only_time_is_simulated(session):
    assert session.run("p", cairn.Gemm(3, 5, 4)) is None


@pytest.mark.parametrize(
    ("operation", "a_shape", "b_shape"),
    [
        (cairn.Gemm(3, 5, 4), (1, 3, 5), (1, 4, 5)),
        (cairn.Gemm(3, 5, 4), (3, 4), (4, 5)),
        (cairn.Gemm(3, 5, 4, batch=2), (2, 3, 4), (3, 4, 5)),
        (cairn.Conv(1, 2, 4, (5, 5), (3, 3)), (1, 2, 5, 6), (4, 2, 3, 3)),
        (cairn.Conv(1, 2, 4, (5, 5), (3, 3), groups=2), (1, 2, 5, 5), (4, 2, 3, 3)),
    ],
)
def test_operands_of_another_shape_are_refused(session, operation, a_shape, b_shape):
    with pytest.raises(cairn.CairnError, match=r"E302.*operand") as caught:
        session.run("p", operation, np.zeros(a_shape, np.float32), np.zeros(b_shape, np.float32))
    assert "the operation needs" in caught.value.diagnostics[0].remedy
    assert session.layers == []


def test_one_operand_alone_is_refused(session):
    with pytest.raises(cairn.CairnError, match=r"E302.*only one"):
        session.run("p", cairn.Gemm(2, 2, 2), np.zeros((1, 2, 2), np.float32))


def test_a_convolution_wants_dense_operands(session):
    x = np.zeros((1, 2, 5, 10), np.float32)[..., ::2]
    w = np.zeros((4, 2, 3, 3), np.float32)
    with pytest.raises(cairn.CairnError, match=r"E302.*row-major"):
        session.run("c", cairn.Conv(1, 2, 4, (5, 5), (3, 3)), x, w)


def test_other_types_are_not_converted_silently(session):
    a = np.zeros((1, 2, 2), np.float64)
    with pytest.raises(cairn.CairnError, match=r"U202.*float64"):
        session.run("p", cairn.Gemm(2, 2, 2), a, a)


def test_an_unknown_evaluator_is_refused():
    with pytest.raises(cairn.CairnError, match=r"E107.*'fast'"):
        cairn.Session(cairn.load_machine("tpu-16x16"), "fast")


def test_an_exception_in_the_progress_callback_ends_the_run():
    session = cairn.Session(cairn.load_machine("tpu-16x16"), "step")

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.run("p", cairn.Gemm(64, 64, 8), progress=stop)
    assert session.layers == []


def test_the_document_repeats_byte_for_byte(session):
    session.run("p", cairn.Gemm(40, 30, 20))
    text = session.document({"seed": 3})
    again = cairn.Session(session.machine, json.loads(text)["layers"][0]["evaluator"])
    again.run("p", cairn.Gemm(40, 30, 20))
    assert again.document({"seed": 3}) == text


def test_rows_of_a_result_have_the_unit_of_their_number(session):
    session.run("p", cairn.Gemm(40, 30, 20))
    document = json.loads(session.document({}))
    layer = document["layers"][0]
    figures = {**document["totals"], **layer, **layer["mapping"]}
    described = {"name", "operation", "sizes", "mapping", "chosen", "evaluator", "counters"}
    assert figures.keys() - described <= document["units"].keys()


def test_a_long_clocked_run_can_be_interrupted():
    session = cairn.Session(cairn.load_machine("tpu-16x16"), "step")
    # A shell has background jobs ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    alarm = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    alarm.start()
    with pytest.raises(KeyboardInterrupt):
        session.run("long", cairn.Gemm(100_000, 2_000, 200))
    alarm.join()
