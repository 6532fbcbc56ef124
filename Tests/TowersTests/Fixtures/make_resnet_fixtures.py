"""Makes resnet_*.safetensors: features, every gradient and running statistics of convolutional towers.

    python make_resnet_fixtures.py  # torch 2.15.0, torchvision 0.29.2, open_clip_torch 3.3.0, safetensors 0.8.0, CPU

Four files, with the tower's configuration as JSON in the metadata (the keys of vision_cfg, embed_dim, and
pictures: batch, height, width):
  resnet_tiny           torchvision's ResNet of bottlenecks, narrowed, on pictures of 48 × 40
  resnet_modified_tiny  open_clip's ModifiedResNet, narrowed, on pictures of 64 × 64
  resnet_50             torchvision.models.resnet50 with an `fc` to 64 dimensions, on pictures of 224 × 224
  resnet_modified_50    open_clip's ModifiedResNet with the sizes of RN50

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


def drawn_inputs(batch, height, width, embed_dim):
    images = 1.7 * draws(10_000, batch * 3 * height * width).reshape(batch, 3, height, width)
    return images.float(), draws(10_001, batch * embed_dim).reshape(batch, embed_dim)


def fixture(model, batch, height, width, embed_dim, whole_gradients):
    names = list(state(model))
    load(model, {name: drawn_value(name, value, seed).float()
                 for seed, (name, value) in enumerate(state(model).items())})
    found = results(model, *drawn_inputs(batch, height, width, embed_dim))
    if whole_gradients:
        return found
    for name in [name for name in found if name.startswith("grads.")]:
        found[name] = sampled(found[name], names.index(name.removeprefix("grads.")))
    return found


def save(name, config, pictures, model, whole_gradients):
    path = pathlib.Path(__file__).with_name(f"{name}.safetensors")
    batch, height, width = pictures
    tensors = fixture(model, batch, height, width, config["embed_dim"], whole_gradients)
    config = config | {"pictures": pictures}
    tensors = {key: value.detach().float().contiguous() for key, value in tensors.items()}
    save_file(tensors, path, metadata={"config": json.dumps(config)})
    print(f"{path.name}: {path.stat().st_size:,} bytes")


def main():
    torch.set_num_threads(1)
    small = {"layers": [1, 2, 1, 1], "width": 4, "embed_dim": 5}
    save("resnet_tiny", small | {"type": "resnet50", "image_size": 32}, (3, 48, 40),
         torchvision_resnet(**small), True)
    clip = {"layers": [1, 2, 1, 1], "width": 2, "head_width": 16, "image_size": 64, "embed_dim": 6}
    save("resnet_modified_tiny", clip, (2, 64, 64), modified_resnet(**clip), True)
    large = {"layers": [3, 4, 6, 3], "width": 64, "embed_dim": 64}
    save("resnet_50", large | {"type": "resnet50", "image_size": 224}, (2, 224, 224),
         torchvision_resnet(**large), False)
    clip = {"layers": [3, 4, 6, 3], "width": 64, "head_width": 64, "image_size": 224, "embed_dim": 64}
    save("resnet_modified_50", clip, (2, 224, 224), modified_resnet(**clip), False)


if __name__ == "__main__":
    main()
