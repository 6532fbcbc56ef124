"""Makes resnet_*.safetensors: features, every gradient and running statistics of convolutional towers.

    python make_resnet_fixtures.py  # torch 2.15.0, torchvision 0.29.2, open_clip_torch 3.3.0, safetensors 0.8.0, CPU

Six files, with the tower's configuration as JSON in the metadata (the keys of vision_cfg, embed_dim, and
pictures: batch, height, width, seed):
  resnet_tiny               torchvision's ResNet of bottlenecks, narrowed, on pictures of 48 × 40
  resnet_modified_tiny      open_clip's ModifiedResNet, narrowed, on pictures of 64 × 64
  resnet_50                 torchvision.models.resnet50 with an `fc` to 64 dimensions, on pictures of 64 × 64
  resnet_modified_50        open_clip's ModifiedResNet with the sizes of RN50, on pictures of 64 × 64
  resnet_50_224             the same two on pictures of 224 × 224, features alone: in 32 bits a few of the many ReLUs
  resnet_modified_50_224    fall on the other side of 0, and torch's own gradients are 5e-3 off those in 64 bits

The seeds of the full ones' small pictures are ones where no ReLU changes sides in 32 bits, with torch or with kelip.

Tensors (B pictures, D = embed_dim, names under `visual.`):
  features.eval      [B, D] by the running statistics
  features.train     [B, D] by the batch's
  grads.NAME         the gradient g in training mode of every parameter, for the loss Σ features · probe;
                     of the full ones only [‖g‖, g at 64 drawn elements]
  after.NAME         the running statistics after that forward pass

Weights, statistics, pictures and the probe are in no file: both sides draw them by `draws` from a seed (the place in the
sorted list of names) and the element, and round them to fp32.

Computed in fp64 and stored as fp32, so that the whole tolerance belongs to the program under test.
"""
import json
import pathlib

import numpy as np
import open_clip
import torch
import torchvision
from safetensors.torch import save_file
from torchvision.models.resnet import Bottleneck, ResNet


def draws(seed, count):
    """Uniform in [−1, 1): SplitMix64 of (seed, element), the upper 24 bits."""
    with np.errstate(over="ignore"):
        z = (np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
             + np.uint64(seed) * np.uint64(0xD1342543DE82EF95))
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return torch.from_numpy((z >> np.uint64(40)).astype(np.float64) / 2.0**23 - 1.0)


def drawn_like(tensor, seed):
    """Draws over and over in a period that no layer's sizes share: large tensors cost the tests little."""
    values = draws(seed, min(tensor.numel(), 4093))
    return values.repeat(tensor.numel() // 4093 + 1)[:tensor.numel()].reshape(tensor.shape)


def sampled(gradient, seed):
    """[‖g‖, g at 64 drawn elements]."""
    places = ((draws(seed + 20_000, 64) + 1) / 2 * gradient.numel()).long()
    return torch.cat([gradient.norm()[None], gradient.flatten()[places]])


def drawn_value(name, tensor, seed):
    """A value in reason for what the name says; the tests have the same rule."""
    draw = drawn_like(tensor, seed)
    if name.endswith("num_batches_tracked"):
        return torch.zeros_like(tensor)
    if name.endswith("running_var"):
        return 1 + 0.2 * draw
    if tensor.dim() == 1 and name.endswith("weight"):
        return (0.3 if "bn3" in name else 1) * (1 + 0.2 * draw)
    if tensor.dim() <= 1:
        return 0.1 * draw
    fan_in = tensor.numel() // tensor.shape[0]
    return draw * (3.0 / fan_in) ** 0.5 * (2**0.5 if tensor.dim() == 4 else 1)


def torchvision_resnet(layers, width, embed_dim):
    if width == 64:
        model = torchvision.models.ResNet(Bottleneck, layers)
    else:
        model = ResNet(Bottleneck, [1, 1, 1, 1])
        model.inplanes = width
        model.conv1 = torch.nn.Conv2d(3, width, 7, 2, 3, bias=False)
        model.bn1 = torch.nn.BatchNorm2d(width)
        for stage, count in enumerate(layers):
            stride = 1 if stage == 0 else 2
            layer = model._make_layer(Bottleneck, width << stage, count, stride=stride)
            setattr(model, f"layer{stage + 1}", layer)
    model.fc = torch.nn.Linear(width * 32, embed_dim)
    return model


def modified_resnet(embed_dim, **vision):
    text = {"context_length": 4, "vocab_size": 8, "width": 8, "heads": 1, "layers": 1}
    return open_clip.CLIP(embed_dim=embed_dim, vision_cfg=vision, text_cfg=text).visual


def state(model):
    return {f"visual.{name}": value for name, value in sorted(model.state_dict().items())}


def results(model, images, probe):
    """Features by running and by batch statistics, gradients in training mode, statistics afterwards."""
    model.double().eval()
    found = {"features.eval": model(images.double()).detach()}
    model.train()
    features = model(images.double())
    (features * probe).sum().backward()
    found["features.train"] = features.detach()
    found |= {f"grads.visual.{name}": value.grad for name, value in model.named_parameters()}
    return found | {f"after.visual.{name}": value for name, value in model.named_buffers()}


def load(model, weights):
    model.load_state_dict({name.removeprefix("visual."): value for name, value in weights.items()})


def drawn_inputs(batch, height, width, seed, embed_dim):
    images = 1.7 * draws(seed, batch * 3 * height * width).reshape(batch, 3, height, width)
    return images.float(), draws(10_001, batch * embed_dim).reshape(batch, embed_dim)


def fixture(model, pictures, embed_dim, kind):
    names = list(state(model))
    load(model, {name: drawn_value(name, value, seed).float()
                 for seed, (name, value) in enumerate(state(model).items())})
    found = results(model, *drawn_inputs(*pictures, embed_dim))
    if kind == "features":
        return {name: value for name, value in found.items() if name.startswith("features.")}
    if kind == "samples":
        for name in [name for name in found if name.startswith("grads.")]:
            found[name] = sampled(found[name], names.index(name.removeprefix("grads.")))
    return found


def save(name, config, pictures, kind, model):
    path = pathlib.Path(__file__).with_name(f"{name}.safetensors")
    tensors = fixture(model, pictures, config["embed_dim"], kind)
    tensors = {key: value.detach().float().contiguous() for key, value in tensors.items()}
    save_file(tensors, path, metadata={"config": json.dumps(config | {"pictures": pictures})})
    print(f"{path.name}: {path.stat().st_size:,} bytes")


def save_torchvision(name, sizes, image_size, pictures, kind):
    config = sizes | {"type": "resnet50", "image_size": image_size}
    save(name, config, pictures, kind, torchvision_resnet(**sizes))


def save_open_clip(name, sizes, image_size, pictures, kind):
    config = sizes | {"image_size": image_size}
    save(name, config, pictures, kind, modified_resnet(**config))


def main():
    torch.set_num_threads(1)
    small = {"layers": [1, 2, 1, 1], "width": 4, "embed_dim": 5}
    save_torchvision("resnet_tiny", small, 32, (3, 48, 40, 10_000), "whole")
    small = {"layers": [1, 2, 1, 1], "width": 2, "head_width": 16, "embed_dim": 6}
    save_open_clip("resnet_modified_tiny", small, 64, (2, 64, 64, 10_000), "whole")
    large = {"layers": [3, 4, 6, 3], "width": 64, "embed_dim": 64}
    save_torchvision("resnet_50", large, 64, (2, 64, 64, 10_002), "samples")
    save_torchvision("resnet_50_224", large, 224, (2, 224, 224, 10_000), "features")
    large |= {"head_width": 64}
    save_open_clip("resnet_modified_50", large, 64, (2, 64, 64, 10_007), "samples")
    save_open_clip("resnet_modified_50_224", large, 224, (2, 224, 224, 10_000), "features")


if __name__ == "__main__":
    main()
