"""Makes adam_trajectory.safetensors: ten clipped steps of torch.optim.Adam under CosineAnnealingLR stepped once an epoch.

    python make_adam_fixture.py        # torch 2.15.0, safetensors 0.8.0, CPU

Parameters and gradients are made as in make_adamw_fixture.py. Epochs last 2.5 steps: their steps are 3, 2, 3 and 2.
After each epoch the scheduler steps once.

Metadata `hyperparameters` (JSON): lr, beta1, beta2, eps, weight_decay, grad_clip_norm, steps, decay (names), t_max,
min_lr, steps_per_epoch.
Tensors (K = 10 steps):
  initial.NAME   [...]     before the first step
  grads.NAME     [K, ...]  gradients before clipping
  after.NAME     [K, ...]  the parameter after each step
  lr             [K]       fp64
  grad_norm      [K]       fp64, before clipping
  annealing      [25]      fp64, the rate of each epoch of CosineAnnealingLR(T_max=10), well past its end
"""
import json
import pathlib

import torch
from make_adamw_fixture import GRADIENT_SCALES, SHAPES
from safetensors.torch import save_file
from torch.optim.lr_scheduler import CosineAnnealingLR

HYPERPARAMETERS = {
    "lr": 3e-3,
    "beta1": 0.9,
    "beta2": 0.999,
    "eps": 1e-8,
    "weight_decay": 0.1,
    "grad_clip_norm": 1.0,
    "steps": 10,
    "decay": ["matrix", "conv"],
    "t_max": 3,
    "min_lr": 2e-4,
    "steps_per_epoch": 2.5,
}
EPOCHS = [3, 2, 3, 2]


def make_optimizer(parameters):
    h = HYPERPARAMETERS
    groups = [
        {"params": [p for n, p in parameters.items() if n in h["decay"]], "weight_decay": h["weight_decay"]},
        {"params": [p for n, p in parameters.items() if n not in h["decay"]], "weight_decay": 0.0},
    ]
    return torch.optim.Adam(groups, lr=h["lr"], betas=(h["beta1"], h["beta2"]), eps=h["eps"])


def trajectory(parameters, grads):
    """Steps the parameters in place; yields each step's rate and gradient norm."""
    optimizer = make_optimizer(parameters)
    scheduler = CosineAnnealingLR(optimizer, T_max=HYPERPARAMETERS["t_max"], eta_min=HYPERPARAMETERS["min_lr"])
    step = 0
    for length in EPOCHS:
        for _ in range(length):
            for name, parameter in parameters.items():
                parameter.grad = grads[name][step].to(parameter.dtype)
            norm = torch.nn.utils.clip_grad_norm_(parameters.values(), HYPERPARAMETERS["grad_clip_norm"])
            optimizer.step()
            step += 1
            yield scheduler.get_last_lr()[0], norm.item()
        scheduler.step()


def annealing(epochs=25):
    """The rates of an annealing that goes on past T_max."""
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=HYPERPARAMETERS["lr"])
    scheduler = CosineAnnealingLR(optimizer, T_max=10, eta_min=HYPERPARAMETERS["min_lr"])
    rates = []
    for _ in range(epochs):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return torch.tensor(rates, dtype=torch.double)


def main():
    torch.set_num_threads(1)
    torch.manual_seed(1)
    scales = torch.tensor(GRADIENT_SCALES)
    initial = {name: torch.randn(shape) for name, shape in SHAPES.items()}
    grads = {
        name: torch.randn(len(scales), *shape) * scales.view(-1, *[1] * len(shape)) for name, shape in SHAPES.items()
    }
    # fp64, so that the whole tolerance belongs to the program under test.
    parameters = {name: torch.nn.Parameter(value.double()) for name, value in initial.items()}
    after = {name: [] for name in SHAPES}
    rates, norms = [], []
    for rate, norm in trajectory(parameters, grads):
        rates.append(rate)
        norms.append(norm)
        for name, parameter in parameters.items():
            after[name].append(parameter.detach().float().clone())

    tensors = {f"initial.{name}": value for name, value in initial.items()}
    tensors |= {f"grads.{name}": value for name, value in grads.items()}
    tensors |= {f"after.{name}": torch.stack(values) for name, values in after.items()}
    tensors |= {"lr": torch.tensor(rates, dtype=torch.double), "grad_norm": torch.tensor(norms, dtype=torch.double)}
    tensors |= {"annealing": annealing()}
    path = pathlib.Path(__file__).with_name("adam_trajectory.safetensors")
    save_file(tensors, path, metadata={"hyperparameters": json.dumps(HYPERPARAMETERS)})
    print(f"{path.name}: {path.stat().st_size:,} bytes; rates {rates}")


if __name__ == "__main__":
    main()
