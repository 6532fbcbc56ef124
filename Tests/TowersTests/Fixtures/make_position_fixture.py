"""Makes positions.safetensors: DINO's position embeddings of a trained grid for pictures of other sizes.

    python make_position_fixture.py        # torch 2.15.0, safetensors 0.8.0, CPU

`interpolate_pos_encoding` is copied from facebookresearch/dino (vision_transformer.py, Apache 2.0), where `w` names a
picture's rows and `h` its columns. `kelip` below is navervision/KELIP's (kelip/model.py, Apache 2.0), which passes
them the other way round; the script checks that both agree on square pictures.

Tensors of case `SIDE_HEIGHTxWIDTH`, in grid cells (patches of 4 pixels), C = 5 columns:
  SIDE_….table   [SIDE², C] fp32, the trained positions without the class token's
  SIDE_….out     [HEIGHT·WIDTH, C], DINO's positions at the new grid
  SIDE_….dout    [HEIGHT·WIDTH, C] fp32, a gradient of those
  SIDE_….dtable  [SIDE², C], the table's

Computed in fp64 and stored as fp32.
"""
import math
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn

PATCH, WIDTH = 4, 5
# 7 → 3 is KELIP's 224 + 96 px at patch 32; 14 → 6 the same at patch 16. 2_1x4 has as many cells as its table.
CASES = [(7, 3, 3), (14, 6, 6), (7, 3, 5), (2, 5, 3), (4, 7, 9), (1, 2, 3), (3, 1, 1), (2, 1, 4), (5, 4, 6)]


def interpolate_pos_encoding(pos_embed, npatch, w, h):
    N = pos_embed.shape[1] - 1
    if npatch == N and w == h:
        return pos_embed
    class_pos_embed = pos_embed[:, 0]
    patch_pos_embed = pos_embed[:, 1:]
    dim = pos_embed.shape[-1]
    w0 = w // PATCH
    h0 = h // PATCH
    # we add a small number to avoid floating point error in the interpolation
    # see discussion at https://github.com/facebookresearch/dino/issues/8
    w0, h0 = w0 + 0.1, h0 + 0.1
    patch_pos_embed = nn.functional.interpolate(
        patch_pos_embed.reshape(1, int(math.sqrt(N)), int(math.sqrt(N)), dim).permute(0, 3, 1, 2),
        scale_factor=(w0 / math.sqrt(N), h0 / math.sqrt(N)),
        mode='bicubic',
    )
    assert int(w0) == patch_pos_embed.shape[-2] and int(h0) == patch_pos_embed.shape[-1]
    patch_pos_embed = patch_pos_embed.permute(0, 2, 3, 1).reshape(1, -1, dim)
    return torch.cat((class_pos_embed.unsqueeze(0), patch_pos_embed), dim=1)


def kelip(positional_embedding, npatch, h, w):
    N = positional_embedding.shape[0] - 1
    if npatch == N:
        return positional_embedding
    class_pos_embed = positional_embedding[0]
    patch_pos_embed = positional_embedding[1:]
    dim = positional_embedding.shape[-1]
    h0 = h // PATCH
    w0 = w // PATCH
    w0, h0 = w0 + 0.1, h0 + 0.1
    patch_pos_embed = nn.functional.interpolate(
        patch_pos_embed.reshape(1, int(math.sqrt(N)), int(math.sqrt(N)), dim).permute(0, 3, 1, 2),
        scale_factor=(w0 / math.sqrt(N), h0 / math.sqrt(N)),
        mode='bicubic',
    )
    assert int(w0) == patch_pos_embed.shape[-2] and int(h0) == patch_pos_embed.shape[-1]
    patch_pos_embed = patch_pos_embed.permute(0, 2, 3, 1).reshape(-1, dim)
    return torch.cat((class_pos_embed.unsqueeze(0), patch_pos_embed), dim=0)


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    tensors = {}
    for side, height, width in CASES:
        embedding = torch.randn(1 + side * side, WIDTH).double().requires_grad_()
        npatch = height * width
        out = interpolate_pos_encoding(embedding[None], npatch, height * PATCH, width * PATCH)[0]
        if height == width:
            assert torch.equal(out, kelip(embedding, npatch, height * PATCH, width * PATCH))
        gradient = torch.randn(npatch, WIDTH).double()
        (out[1:] * gradient).sum().backward()
        name = f"{side}_{height}x{width}"
        tensors[f"{name}.table"], tensors[f"{name}.out"] = embedding[1:], out[1:]
        tensors[f"{name}.dout"], tensors[f"{name}.dtable"] = gradient, embedding.grad[1:]
    path = pathlib.Path(__file__).with_name("positions.safetensors")
    save_file({name: value.detach().float().contiguous() for name, value in tensors.items()}, path)
    print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
