"""Makes masked_reconstruction.safetensors: the joint masked objective's losses and gradients, by torch's own layers.

    python make_masked_fixture.py        # torch 2.15.0, safetensors 0.8.0, CPU

Pictures: B = 3 of H × W = 20 × 27 pixels, one square of each set to zero; a tower's grid of 3 × 4 cells of 8 pixels
(the last ones reach beyond the picture) with rows of width 10 stands for the tower; a linear head gives each cell's
pixels; torch.nn.functional.l1_loss over the hidden pixels. Texts: 4 captions laid end to end, rows of width 10, some
tokens hidden; a linear head gives the token's embedding (l1_loss against the detached row of the table) or its
logits over V = 23 (cross_entropy). The losses are means; gradients are those of the mean.

Metadata `shapes` (JSON): height, width, grid_rows, grid_columns, cell_size, row_width, vocabulary.
Tensors (fp64 results of fp32 inputs):
  images [B, 3, H, W], masked_images; regions [B, 3] (top, left, side); grid [B·rows·columns, W']
  image.weight [3·s², W'], image.bias; image.loss; image.d_grid, image.d_weight, image.d_bias
  places [M], targets [M]; tokens [R, W']; table [V, W']
  l1.* and cross_entropy.*: weight, bias, loss, d_tokens, d_weight, d_bias
"""
import json
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

SHAPES = {
    "height": 20,
    "width": 27,
    "grid_rows": 3,
    "grid_columns": 4,
    "cell_size": 8,
    "row_width": 10,
    "vocabulary": 23,
}
REGIONS = [(0, 0, 8), (3, 14, 13), (12, 19, 8)]
PLACES = [1, 2, 5, 9, 10, 12]
TOKENS = 15


def gradients(loss, **inputs):
    """The gradients of `loss` by name."""
    values = torch.autograd.grad(loss, inputs.values())
    return {f"d_{name}": value for name, value in zip(inputs, values)}


def image_case(generator):
    h, w, rows, columns, size, width = list(SHAPES.values())[:6]
    batch = len(REGIONS)
    images = torch.randn(batch, 3, h, w, generator=generator)
    hidden = torch.zeros(batch, 1, h, w, dtype=torch.bool)
    for picture, (top, left, side) in enumerate(REGIONS):
        hidden[picture, :, top : top + side, left : left + side] = True
    hidden = hidden.expand_as(images)
    inputs = {
        "grid": torch.randn(batch * rows * columns, width, generator=generator),
        "weight": torch.randn(3 * size * size, width, generator=generator) * 0.3,
        "bias": torch.randn(3 * size * size, generator=generator) * 0.1,
    }
    grid, weight, bias = (value.double().requires_grad_() for value in inputs.values())
    cells = F.linear(grid, weight, bias).view(batch, rows, columns, 3, size, size)
    canvas = cells.permute(0, 3, 1, 4, 2, 5).reshape(batch, 3, rows * size, columns * size)[..., :h, :w]
    loss = F.l1_loss(canvas[hidden], images.double()[hidden])
    tensors = {"images": images, "masked_images": images.masked_fill(hidden, 0), "regions": torch.tensor(REGIONS)}
    tensors |= {"grid": inputs["grid"], "image.weight": inputs["weight"], "image.bias": inputs["bias"]}
    found = gradients(loss, grid=grid, weight=weight, bias=bias)
    return tensors | {"image.loss": loss.detach()} | {f"image.{name}": value for name, value in found.items()}


def text_case(generator, kind, tokens, table, targets):
    width = SHAPES["row_width"]
    outputs = width if kind == "l1" else SHAPES["vocabulary"]
    weight = torch.randn(outputs, width, generator=generator) * 0.3
    bias = torch.randn(outputs, generator=generator) * 0.1
    rows, w, b = (value.double().requires_grad_() for value in (tokens, weight, bias))
    predictions = F.linear(rows[PLACES], w, b)
    if kind == "l1":
        loss = F.l1_loss(predictions, table.double()[targets])
    else:
        loss = F.cross_entropy(predictions, targets)
    tensors = {"weight": weight, "bias": bias, "loss": loss.detach()}
    tensors |= gradients(loss, tokens=rows, weight=w, bias=b)
    return {f"{kind}.{name}": value for name, value in tensors.items()}


def main():
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(4)
    tensors = image_case(generator)
    tokens = torch.randn(TOKENS, SHAPES["row_width"], generator=generator)
    table = torch.randn(SHAPES["vocabulary"], SHAPES["row_width"], generator=generator) * 0.5
    targets = torch.randint(SHAPES["vocabulary"], (len(PLACES),), generator=generator)
    tensors |= {"tokens": tokens, "table": table, "places": torch.tensor(PLACES), "targets": targets}
    for kind in ("l1", "cross_entropy"):
        tensors |= text_case(generator, kind, tokens, table, targets)
    path = pathlib.Path(__file__).with_name("masked_reconstruction.safetensors")
    tensors = {name: value.contiguous() for name, value in tensors.items()}
    save_file(tensors, path, metadata={"shapes": json.dumps(SHAPES)})
    print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
