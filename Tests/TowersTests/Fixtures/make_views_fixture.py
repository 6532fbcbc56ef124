"""Makes views.safetensors: open_clip's vision transformer on pictures of other sizes and on some of their patches.

    python make_views_fixture.py        # torch 2.15.0, open_clip_torch 3.3.0, safetensors 0.8.0, CPU

The weights are tiny_openclip_gelu's (make_openclip_fixture.py): 3×3 patches of 5 pixels. open_clip interpolates
positions only when it loads a checkpoint and draws dropped patches itself, so the forward pass is written out over its
modules, with DINO's interpolation (make_position_fixture.py) and given patches (FLIP, Li et al. 2023: dropped after the
positions are added, the class token always kept).

Tensors of each case, B = 4:
  CASE.images    [B, 3, H, W] fp32
  CASE.kept      [B, K] int64, ascending; only where patches are dropped
  CASE.dout      [B, D] fp32, a gradient of the features
  CASE.features  [B, D], not normalised
  CASE.grads.NAME  of every parameter of the tower

Computed in fp64 and stored as fp32.
"""
import json
import pathlib

import open_clip
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from make_position_fixture import interpolate_pos_encoding

BATCH, PATCH = 4, 5
# Height and width in patches, patches kept of each picture.
CASES = {"wide": (2, 4, None), "kept": (3, 3, 4), "tall_kept": (4, 2, 3), "one": (1, 1, None)}
HERE = pathlib.Path(__file__).parent


def forward(visual, images, kept):
    x = visual.conv1(images)
    rows, columns = x.shape[2:]
    x = x.flatten(2).transpose(1, 2)
    x = torch.cat([visual.class_embedding.expand(len(x), 1, -1), x], dim=1)
    # In units of make_position_fixture's patches.
    x = x + interpolate_pos_encoding(visual.positional_embedding[None], rows * columns, rows * 4, columns * 4)
    if kept is not None:
        rows = torch.gather(x[:, 1:], 1, kept[..., None].expand(-1, -1, x.shape[-1]))
        x = torch.cat([x[:, :1], rows], dim=1)
    x = visual.transformer(visual.ln_pre(x))
    return visual.ln_post(x)[:, 0] @ visual.proj


def main():
    torch.set_num_threads(1)
    torch.manual_seed(3)
    source = HERE / "tiny_openclip_gelu.safetensors"
    with safe_open(source, "pt") as file:
        config = json.loads(file.metadata()["config"])
    weights = {name[len("weights."):]: value for name, value in load_file(source).items() if name.startswith("weights.")}
    model = open_clip.CLIP(**config)
    model.load_state_dict(weights)
    visual = model.double().eval().visual
    tensors = {}
    whole = torch.randn(BATCH, 3, 15, 15).double()
    assert torch.allclose(forward(visual, whole, None), model.encode_image(whole), atol=1e-12)
    for name, (rows, columns, keep) in CASES.items():
        images = torch.randn(BATCH, 3, rows * PATCH, columns * PATCH)
        kept = None
        if keep:
            kept = torch.stack([torch.randperm(rows * columns)[:keep].sort().values for _ in range(BATCH)])
            tensors[f"{name}.kept"] = kept
        gradient = torch.randn(BATCH, config["embed_dim"])
        model.zero_grad()
        features = forward(visual, images.double(), kept)
        (features * gradient.double()).sum().backward()
        tensors |= {f"{name}.images": images, f"{name}.dout": gradient, f"{name}.features": features.detach().float()}
        tensors |= {f"{name}.grads.visual.{key}": value.grad.float().clone()
                    for key, value in visual.named_parameters()}
    path = HERE / "views.safetensors"
    save_file({name: value.contiguous() for name, value in tensors.items()}, path)
    print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
