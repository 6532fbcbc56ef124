"""Makes weight_names.json and rounding.safetensors: what other libraries call their weights, and how torch rounds.

    python make_weight_names.py    # torch 2.15.0, torchvision 0.29.2, open_clip_torch 3.3.0, transformers 5.23.0

weight_names.json: the names and shapes of small models' state dictionaries, by the format that kelip calls them.
rounding.safetensors: `source` fp32 (random bit patterns, ties, subnormals, the ends of half precision), `half` and
`bfloat16` the same values in torch's types.
"""
import json
import pathlib

import open_clip
import torch
import torchvision
import transformers
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
VISION = {"image_size": 32, "layers": 2, "width": 32, "patch_size": 8, "head_width": 16}
TEXT = {"context_length": 12, "vocab_size": 40, "width": 24, "heads": 3, "layers": 2}


def shapes(model):
    return {name: list(value.shape) for name, value in model.state_dict().items()}


def bert(kind):
    config = transformers.BertConfig(
        vocab_size=40, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=16)
    return shapes(kind(config))


def names():
    clip = shapes(open_clip.CLIP(embed_dim=24, vision_cfg=VISION, text_cfg=TEXT))
    resnet = {"image_size": 64, "layers": [1, 1, 1, 1], "width": 16, "head_width": 16, "patch_size": None}
    return {
        "open_clip": clip,
        "open_clip ModifiedResNet": shapes(open_clip.CLIP(embed_dim=24, vision_cfg=resnet, text_cfg=TEXT)),
        "open_clip-custom-text": shapes(open_clip.CustomTextCLIP(embed_dim=24, vision_cfg=VISION, text_cfg=TEXT)),
        "kelip": {f"model.{name}": shape for name, shape in clip.items()},
        "huggingface-bert": bert(transformers.BertModel),
        "huggingface-bert BertForPreTraining": bert(transformers.BertForPreTraining),
        "torchvision-resnet50": shapes(torchvision.models.resnet50()),
    }


def rounding():
    torch.manual_seed(0)
    bits = torch.randint(-2**31, 2**31, (2000,), dtype=torch.int64).to(torch.int32).view(torch.float32)
    ties = torch.tensor([0x3F808000, 0x3F818000, 0x3F808001, 0x3F807FFF, 0x7F7F8000, 1], dtype=torch.int32)
    ends = torch.tensor([65504.0, 65519.0, -65519.9, 2**-24, 2**-25, 2**-25 * 1.01, 2**-14, 0.0, -0.0])
    small = torch.randn(500) * torch.logspace(-9, 4, 500)
    source = torch.cat([bits[bits.abs() < 65519], ties.view(torch.float32)[:4], ends, small])
    source = source[torch.isfinite(source)]
    return {"source": source, "half": source.half(), "bfloat16": source.bfloat16()}


def main():
    (HERE / "weight_names.json").write_text(json.dumps(names(), separators=(",", ":")) + "\n")
    save_file(rounding(), HERE / "rounding.safetensors")


if __name__ == "__main__":
    main()
