"""Whole models with their values stay within three native inferences and a second."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="pip install torch")
pytest.importorskip("pytorchcv")
pytest.importorskip("transformers")

import whole_models

from cairn.suites.models import MODELS


@pytest.mark.parametrize("name", MODELS)
def test_a_model_with_its_values_is_simulated_in_its_budget(name):
    for each in whole_models.measured(name):
        assert each.again <= each.budget, each
