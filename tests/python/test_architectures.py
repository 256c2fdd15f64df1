"""Networks of many kinds, small and with random weights, run unmodified and agree with the CPU."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="pip install torch")
transformers = pytest.importorskip("transformers", reason="pip install transformers")

import cairn.torch  # noqa: E402

WORDS = 99
SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}
TEXT = {"vocab_size": WORDS, **SMALL}
CAUSAL = {**TEXT, "num_key_value_heads": 2, "head_dim": 8}
SPEECH = {"num_mel_bins": 8, "max_source_positions": 50, "d_model": 32, "vocab_size": WORDS}
SPEECH |= {f"{side}_layers": 1 for side in ("encoder", "decoder")}
SPEECH |= {f"{side}_attention_heads": 4 for side in ("encoder", "decoder")}
SPEECH |= {f"{side}_ffn_dim": 64 for side in ("encoder", "decoder")}
SPEECH |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
SOUND = {"conv_dim": (8, 8), "conv_stride": (5, 2), "conv_kernel": (10, 3)}
SOUND |= {"num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2}
SWIN = {"image_size": 32, "patch_size": 4, "embed_dim": 16, "depths": [1, 1], "num_heads": [2, 2]}


def ids():
    return torch.randint(3, WORDS, (2, 9))


def image(size=32):
    return torch.rand(1, 3, size, size)


# Model, configuration, its options, inputs.
KINDS = {
    "ViT": (
        "Model",
        {"image_size": 32, "patch_size": 8, **SMALL},
        lambda: {"pixel_values": image()},
    ),
    "Swin": ("Model", {**SWIN, "window_size": 4}, lambda: {"pixel_values": image()}),
    "ConvNext": (
        "Model",
        {"hidden_sizes": [8, 16, 16, 16], "depths": [1, 1, 1, 1]},
        lambda: {"pixel_values": image(64)},
    ),
    "DebertaV2": (
        "Model",
        {**TEXT, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
        lambda: {"input_ids": ids()},
    ),
    "T5": (
        "ForConditionalGeneration",
        {
            "vocab_size": WORDS,
            "d_model": 32,
            "d_kv": 8,
            "d_ff": 64,
            "num_layers": 2,
            "num_heads": 4,
        },
        lambda: {"input_ids": ids(), "decoder_input_ids": ids()},
    ),
    "Qwen3": ("ForCausalLM", CAUSAL, lambda: {"input_ids": ids()}),
    "Mixtral": ("ForCausalLM", {**CAUSAL, "num_local_experts": 4}, lambda: {"input_ids": ids()}),
    "Mamba": (
        "ForCausalLM",
        {"vocab_size": WORDS, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 4},
        lambda: {"input_ids": ids()},
    ),
    "Whisper": (
        "ForConditionalGeneration",
        SPEECH,
        lambda: {"input_features": torch.rand(1, 8, 100), "decoder_input_ids": ids()[:1]},
    ),
    "Wav2Vec2": (
        "Model",
        {**SMALL, **SOUND, "num_feat_extract_layers": 2},
        lambda: {"input_values": torch.rand(1, 400)},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_runs_whole_on_every_kind_of_machine(kind):
    what, options, inputs = KINDS[kind]
    torch.manual_seed(0)
    configuration = getattr(transformers, f"{kind}Config")(**options)
    model = getattr(transformers, f"{kind}{what}")(configuration)
    work = cairn.torch.Workload(model, inputs())
    runs = [work.run(arch) for arch in ("tpu-16x16", "maeri-64", "sigma-64")]
    assert all(run.agrees and run.notes == [] for run in runs)
    names = [[layer["name"] for layer in run.result["layers"]] for run in runs]
    assert names[0] == names[1] == names[2]
    modules = {path for path, _ in model.named_modules()}
    parameters = {path for path, _ in model.named_parameters()}
    assert {name.partition(":")[0] for name in names[0]} <= modules | parameters
