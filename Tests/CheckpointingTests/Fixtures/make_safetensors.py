"""Writes python.safetensors, for SafetensorsReaderTests. Made with safetensors 0.8.0 and torch 2.15.0.

python make_safetensors.py
python make_safetensors.py check FILE     holds a file that SafetensorsWriterTests wrote against the same tensors
"""

import pathlib
import sys

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

TENSORS = {
    "f32": torch.arange(6, dtype=torch.float32).reshape(2, 3) / 8 - 0.25,
    "bf16": torch.tensor([1.0, -2.5, 3.0e38, 0.0078125, float("inf")], dtype=torch.bfloat16),
    "f16": torch.tensor([[0.5], [-65504.0], [6.103515625e-05]], dtype=torch.float16),
    "f64": torch.tensor([0.1, -1e300], dtype=torch.float64),
    "i64": torch.tensor(-7, dtype=torch.int64),
    "u8": torch.tensor([0, 127, 255], dtype=torch.uint8),
    "bool": torch.tensor([True, False]),
    "empty": torch.zeros(0, 4),
    '이름 "quoted"': torch.tensor([2.0]),
}
METADATA = {"format": "pt", "말": 'line\nand "quote" \\ \x01'}


def check(path):
    loaded = load_file(path)
    assert loaded.keys() == TENSORS.keys(), loaded.keys()
    for name, tensor in TENSORS.items():
        assert loaded[name].dtype == tensor.dtype and loaded[name].shape == tensor.shape, name
        assert torch.equal(loaded[name], tensor), name
    with safe_open(path, framework="pt") as file:
        assert file.metadata() == METADATA, file.metadata()
    print(f"{path}: the same {len(TENSORS)} tensors")


if len(sys.argv) == 3 and sys.argv[1] == "check":
    check(sys.argv[2])
else:
    save_file(TENSORS, pathlib.Path(__file__).with_name("python.safetensors"), METADATA)
