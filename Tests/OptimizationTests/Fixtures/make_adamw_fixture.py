"""Makes adamw_trajectory.safetensors: ten steps of clipped, scheduled torch.optim.AdamW on given gradients; and
stable_adamw_trajectory.safetensors: the same with update clipping (Wortsman et al. 2023, algorithm 2), for which each
tensor is a group whose rate is divided by max(1, RMS) before torch.optim.AdamW steps.

    python make_adamw_fixture.py        # torch 2.15.0, safetensors 0.8.0, CPU

Four parameters, two of them with weight decay (`matrix`, `conv`), two without (`bias`, `scale`, the latter a
scalar). Each step: clip_grad_norm_ over all gradients, learning rate by linear warm-up and cosine, AdamW.

    lr(k) = base·(k+1)/warmup                                     for k < warmup, k = 0 … steps-1
    lr(k) = base·½·(1 + cos(π·(k-warmup)/(steps-warmup)))         after

Metadata `hyperparameters` (JSON): lr, beta1, beta2, eps, weight_decay, grad_clip_norm, warmup, steps, decay (names).
Tensors (K = 10 steps):
  initial.NAME   [...]     before the first step
  grads.NAME     [K, ...]  gradients before clipping; some steps lie under the limit, most above
  after.NAME     [K, ...]  the parameter after each step
  lr             [K]       fp64
  grad_norm      [K]       fp64, before clipping
"""
import json
import math
import pathlib

import torch
from safetensors.torch import save_file

HYPERPARAMETERS = {
    "lr": 2e-3,
    "beta1": 0.9,
    "beta2": 0.98,
    "eps": 1e-6,
    "weight_decay": 0.2,
    "grad_clip_norm": 1.0,
    "warmup": 3,
    "steps": 10,
    "decay": ["matrix", "conv"],
}
SHAPES = {"matrix": (7, 5), "conv": (3, 2, 4, 4), "bias": (11,), "scale": ()}
#: Size of each step's gradients; the small ones leave the norm under the limit.
GRADIENT_SCALES = [1.0, 0.01, 0.5, 3.0, 0.05, 1e-4, 0.3, 10.0, 0.2, 1.0]


def learning_rate(step):
    base, warmup, steps = (HYPERPARAMETERS[key] for key in ("lr", "warmup", "steps"))
    if step < warmup:
        return base * (step + 1) / warmup
    return base * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def make_optimizer(parameters):
    h = HYPERPARAMETERS
    groups = [
        {"params": [p for n, p in parameters.items() if n in h["decay"]], "weight_decay": h["weight_decay"]},
        {"params": [p for n, p in parameters.items() if n not in h["decay"]], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=h["lr"], betas=(h["beta1"], h["beta2"]), eps=h["eps"])


def make_clipped_optimizer(parameters):
    """A group for each tensor, so that each can have its own rate."""
    h = HYPERPARAMETERS
    groups = [
        {"params": [p], "weight_decay": h["weight_decay"] if n in h["decay"] else 0.0} for n, p in parameters.items()
    ]
    return torch.optim.AdamW(groups, lr=h["lr"], betas=(h["beta1"], h["beta2"]), eps=h["eps"])


def update_rms(optimizer, parameter, step):
    """The root of the mean of g²/max(v̂, eps²), with v̂ as the step to come will have it."""
    h = HYPERPARAMETERS
    squared = parameter.grad.square()
    before = optimizer.state[parameter].get("exp_avg_sq", torch.zeros_like(squared))
    second = (h["beta2"] * before + (1 - h["beta2"]) * squared) / (1 - h["beta2"] ** (step + 1))
    return (squared / second.clamp(min=h["eps"] ** 2)).mean().sqrt().item()


def trajectory(parameters, grads, clips_updates=False):
    """Steps the parameters in place; yields each step's rate and gradient norm."""
    optimizer = make_clipped_optimizer(parameters) if clips_updates else make_optimizer(parameters)
    for step in range(HYPERPARAMETERS["steps"]):
        for name, parameter in parameters.items():
            parameter.grad = grads[name][step].to(parameter.dtype)
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), HYPERPARAMETERS["grad_clip_norm"])
        for group in optimizer.param_groups:
            rms = update_rms(optimizer, group["params"][0], step) if clips_updates else 0
            group["lr"] = learning_rate(step) / max(1, rms)
        optimizer.step()
        yield learning_rate(step), norm.item()


def make(name, clips_updates):
    torch.manual_seed(0)
    scales = torch.tensor(GRADIENT_SCALES)
    initial = {name: torch.randn(shape) for name, shape in SHAPES.items()}
    grads = {
        name: torch.randn(len(scales), *shape) * scales.view(-1, *[1] * len(shape)) for name, shape in SHAPES.items()
    }
    # fp64, so that the whole tolerance belongs to the program under test.
    parameters = {name: torch.nn.Parameter(value.double()) for name, value in initial.items()}
    after = {name: [] for name in SHAPES}
    rates, norms = [], []
    for rate, norm in trajectory(parameters, grads, clips_updates):
        rates.append(rate)
        norms.append(norm)
        for key, parameter in parameters.items():
            after[key].append(parameter.detach().float().clone())

    tensors = {f"initial.{key}": value for key, value in initial.items()}
    tensors |= {f"grads.{key}": value for key, value in grads.items()}
    tensors |= {f"after.{key}": torch.stack(values) for key, values in after.items()}
    tensors |= {"lr": torch.tensor(rates, dtype=torch.double), "grad_norm": torch.tensor(norms, dtype=torch.double)}
    path = pathlib.Path(__file__).with_name(f"{name}_trajectory.safetensors")
    save_file(tensors, path, metadata={"hyperparameters": json.dumps(HYPERPARAMETERS)})
    print(f"{path.name}: {path.stat().st_size:,} bytes; norms {[round(norm, 4) for norm in norms]}")


def main():
    torch.set_num_threads(1)
    make("adamw", clips_updates=False)
    make("stable_adamw", clips_updates=True)


if __name__ == "__main__":
    main()
