"""Makes tiny_openclip*.safetensors: features, loss and every gradient of small open_clip CLIP models.

    python make_openclip_fixture.py        # torch 2.15.0, open_clip_torch 3.3.0, safetensors 0.8.0, CPU

Two models, with the configuration (open_clip's keys) as JSON in the file's `config` metadata:
  tiny_openclip.safetensors       QuickGELU, 32-px images in 4×4 patches (17 tokens), two layers a tower
  tiny_openclip_gelu.safetensors  exact GELU, 15-px images in 3×3 patches of 5 (10 tokens), heads of odd width

Tensors (B = 6 pairs, T = context, D = embed_dim):
  weights.NAME    every parameter under open_clip's name, with biases and gains away from 0 and 1
  images          [B, 3, S, S] fp32, already normalised
  texts           [B, T] int64, `… EOT 0 0`, EOT being the largest id; lengths from 2 to T
  image_features  [B, D] encode_image(normalize=False)
  text_features   [B, D] encode_text(normalize=False)
  loss            [] ClipLoss of the normalised features at exp(logit_scale)
  grads.NAME      the loss's gradient of every parameter

Computed in fp64 and stored as fp32, so that the whole tolerance belongs to the program under test.
"""
import json
import pathlib

import open_clip
import torch
from open_clip.loss import ClipLoss
from safetensors.torch import save_file

BATCH = 6
MODELS = {
    "tiny_openclip": {
        "embed_dim": 24,
        "quick_gelu": True,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "patch_size": 8, "head_width": 16},
        "text_cfg": {"context_length": 12, "vocab_size": 40, "width": 24, "heads": 3, "layers": 2},
    },
    "tiny_openclip_gelu": {
        "embed_dim": 20,
        "quick_gelu": False,
        "vision_cfg": {"image_size": 15, "layers": 1, "width": 28, "patch_size": 5, "head_width": 7},
        "text_cfg": {"context_length": 9, "vocab_size": 31, "width": 22, "heads": 2, "layers": 2},
    },
}


def captions(context, vocab):
    """Texts of varied length: the first fills the context, the second is the empty caption."""
    lengths = [context, 2, 3, context - 1, context // 2, 4]
    texts = torch.zeros(BATCH, context, dtype=torch.long)
    for row, length in enumerate(lengths):
        texts[row, :length] = torch.randint(1, vocab - 2, (length,))
        texts[row, 0], texts[row, length - 1] = vocab - 2, vocab - 1
    return texts


def perturb(model):
    """Moves what starts at 0 or 1 away from it, or an omitted bias or gain would go unseen."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith("bias"):
                value.add_(torch.randn_like(value) * 0.1)
            elif "ln_" in name:
                value.add_(torch.randn_like(value) * 0.2)
            elif name != "logit_scale":
                value.add_(torch.randn_like(value) * 0.02)


def fixture(config, seed):
    torch.manual_seed(seed)
    model = open_clip.CLIP(**config)
    perturb(model)
    size, text = config["vision_cfg"]["image_size"], config["text_cfg"]
    images = torch.randn(BATCH, 3, size, size)
    texts = captions(text["context_length"], text["vocab_size"])
    tensors = {"images": images, "texts": texts}
    tensors |= {f"weights.{name}": value.detach().clone() for name, value in model.named_parameters()}

    model.double().eval()
    image_features = model.encode_image(images.double(), normalize=False)
    text_features = model.encode_text(texts, normalize=False)
    unit = torch.nn.functional.normalize
    loss = ClipLoss()(unit(image_features, dim=-1), unit(text_features, dim=-1), model.logit_scale.exp())
    loss.backward()
    results = {"image_features": image_features, "text_features": text_features, "loss": loss}
    results |= {f"grads.{name}": value.grad for name, value in model.named_parameters()}
    return tensors | {name: value.detach().float().contiguous() for name, value in results.items()}


def main():
    torch.set_num_threads(1)
    for seed, (name, config) in enumerate(MODELS.items()):
        path = pathlib.Path(__file__).with_name(f"{name}.safetensors")
        save_file(fixture(config, seed), path, metadata={"config": json.dumps(config)})
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
