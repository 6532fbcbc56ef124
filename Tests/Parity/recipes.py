#!/usr/bin/env python3
"""Every recipe is exact: on 1, 2 and 3 ranks, and killed and resumed on another number of them.

Small models of each kind of tower and each objective, in fp32: the paper's two stages with two sizes of crops and dropped
patches, the brief's joint objective with six crops, trained and frozen, CLIP's ResNet, and batches in two passes. The
same sample keys, losses within 1e-5 and all weights as one vector within 1e-4 of one rank's; the loss falls. The worst
tensor is shown, not barred: a batch norm's bias begins at zero and is small after so few steps, and Adam has divided the
rounding noise of its gradient by itself.

Small batch norms make some recipes chaotic: a sum rounded otherwise grows tenfold a step. So where a loss is off by more
than 1e-5, one rank runs again with OpenBLAS's kernels for another processor, which round otherwise too, and the
other number of ranks may be off by four times as much as one rank is from itself. Needs Python's standard library, mpirun and the program.
"""
import os
import shutil

import harness
import ranks
import resume

LOSS_BAR, WEIGHT_BAR = 1e-5, 1e-4
# How far another number of ranks may be, beside one rank that rounds otherwise.
CONTROL_FACTOR = 4
WORLDS = (1, 2, 3)
# Numbers of ranks in turn, and the steps after which all but the last are killed. Of the paper's, steps 1 … 8 are masked
# autoencoding: killed in the first stage and again in the second.
RESUMED = {"paper": ((2, 3, 1), (5, 12)), "brief": ((2, 1), (4,))}

CROPS = [
    {"name": "global", "scale": [0.4, 1.0], "flip": 0.5},
    {"name": "local", "size": 32, "scale": [0.05, 0.4], "flip": 0.5},
]
JITTER = {"flip": 0.5, "colour_jitter": [0.4, 0.4, 0.4, 0.4]}
BRIEF_CROPS = [
    {"name": "whole", "augmentation": "none"},
    {"name": "large", "count": 2, "scale": [0.4, 1.0], **JITTER},
    {"name": "small", "size": 32, "resize_to": 64, "scale": [0.05, 0.4], **JITTER},
]
PAPER = {
    "stages": ["mae", "contrastive"], "mae.steps": 8, "mae.lr": 1e-3, "mae.decoder_layers": 1,
    "augmentation.crops": CROPS, "model.patch_dropout": 0.25, "optimizer.steps": 10,
}
BRIEF = {
    "stages": ["joint"], "augmentation.crops": BRIEF_CROPS, "objective.learn_temperature": False,
    "optimizer.kind": "adam", "optimizer.lr": 1e-4, "optimizer.schedule": "cosine_annealing",
    "optimizer.t_max_epochs": 100, "optimizer.warmup": 0, "optimizer.weight_decay": 0.0,
    "optimizer.beta2": 0.999, "optimizer.eps": 1e-8, "masked.image_sides": [16, 32],
    "masked.text_tokens": [1, 3], "parallel.sync_batch_norm": True, "optimizer.steps": 8,
}


def bert(options):
    """One id more than the tokenizer has stands for hidden tokens."""
    return {
        "type": "bert", "context_length": 32, "vocab_size": harness.vocabulary_size(options.tokenizer) + 1,
        "width": 96, "heads": 4, "layers": 2, "max_positions": 32,
    }


def recipes(options):
    """Name → (model, changes of the configuration)."""
    small = harness.model_config(options.tokenizer)
    brief = small | {
        "vision_cfg": {"type": "resnet50", "image_size": 64, "layers": [1, 1, 1, 1], "width": 16},
        "text_cfg": bert(options),
    }
    clip = small | {
        "vision_cfg": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 16, "head_width": 32}}
    mask = {"masked.mask_token": str(harness.vocabulary_size(options.tokenizer))}
    return {
        "paper": (small, PAPER),
        "paper-micro": (small, PAPER | {"parallel.micro_batch_size": 3}),
        "brief": (brief, BRIEF | mask),
        "brief-frozen": (
            brief, BRIEF | mask | {"model.freeze_image": "body", "model.freeze_text": "body", "optimizer.lr": 1e-2}),
        "locked-image": (small, {"model.freeze_image": "tower", "model.freeze_text": "1", "optimizer.steps": 10}),
        "clip-resnet": (clip, {"parallel.sync_batch_norm": True, "optimizer.steps": 8}),
    }


def settings(options, name, directory):
    model, changes = recipes(options)[name]
    path = harness.write_yaml(options.work / f"{name}-model.yaml", model)
    common = {
        "optimizer.warmup": 2, "checkpoint.every_steps": 3, "augmentation.train": "random_resized_crop",
    }
    return harness.run_config(options, path, directory) | common | changes


def steps(config):
    return config.get("mae.steps", 0) + config["optimizer.steps"]


class Outcome:
    def __init__(self, directory, count):
        metrics = harness.read_metrics(directory, count)
        self.keys = harness.read_keys(directory, count)
        self.losses = harness.column(metrics, "loss")
        self.stages = [record.get("stage") for record in metrics]
        self.weights = ranks.Weights(harness.weights_path(directory, count))

    def falls(self):
        """In every stage the mean of the last three losses is below the first."""
        ends = []
        for stage in dict.fromkeys(self.stages):
            losses = [loss for loss, own in zip(self.losses, self.stages) if own == stage]
            ends.append(sum(losses[-3:]) / 3 < losses[0])
        return all(ends)


def unbroken(options, name, world, suffix=""):
    directory = options.work / f"{name}-{world}{suffix}"
    config = settings(options, name, directory)
    harness.train(options, f"{name}-{world}{suffix}", world, config)
    return Outcome(directory, steps(config))


def resumed(options, name, worlds, kills):
    """The first of `worlds` until it is killed, the next from its last checkpoint on, and so on."""
    directory = options.work / f"{name}-resumed"
    shutil.rmtree(directory, ignore_errors=True)
    config = settings(options, name, directory)
    path = harness.write_yaml(options.work / f"{name}-resumed.yaml", harness.sections(config))
    path.with_suffix(".log").unlink(missing_ok=True)
    for world, kill_at in zip(worlds, [*kills, None]):
        step = resume.attempt(options, world, directory, path, kill_at)
        print(f"  {name}: {world} rank(s), {'to the end' if step is None else f'killed at step {step}'}", flush=True)
    return Outcome(directory, steps(config))


def loss_bar(options, name, loss, reference):
    """1e-5, or what this recipe's own sensitivity to rounding makes of it."""
    if loss <= LOSS_BAR:
        return LOSS_BAR
    os.environ["OPENBLAS_CORETYPE"] = "Haswell"
    try:
        control = unbroken(options, name, 1, suffix="-rounded-otherwise")
    finally:
        del os.environ["OPENBLAS_CORETYPE"]
    drift, step = harness.worst_relative(control.losses, reference.losses)
    print(f"  {name}: one rank that rounds otherwise is off by {drift:.2e} at step {step}", flush=True)
    return max(LOSS_BAR, CONTROL_FACTOR * drift)


def compare(options, verdict, name, label, outcome, reference):
    loss, step = harness.worst_relative(outcome.losses, reference.losses)
    bar = loss_bar(options, name, loss, reference)
    together, each, tensor, _ = outcome.weights.distance(reference.weights)
    same = outcome.keys == reference.keys
    verdict.add(
        same and loss <= bar and together <= WEIGHT_BAR and outcome.falls(), f"{name}, {label}",
        "identical" if same else "differ", loss, step, together, each, tensor, "falls" if outcome.falls() else "DOES NOT")


def check(options):
    verdict = harness.Verdict(
        "recipe", "sample keys", "loss (≤ 1e-5)", "at step", "all weights (≤ 1e-4)", "worst tensor", "of", "loss")
    references = {}
    for name in options.only or recipes(options):
        references[name] = unbroken(options, name, 1)
        for world in WORLDS[1:]:
            compare(options, verdict, name, f"{world} ranks", unbroken(options, name, world), references[name])
    for name, (worlds, kills) in RESUMED.items():
        if name in references:
            label = ", ".join(map(str, worlds)) + " ranks"
            compare(options, verdict, name, label, resumed(options, name, worlds, kills), references[name])
    verdict.finish("every recipe is exact")


if __name__ == "__main__":
    parser = harness.arguments(__doc__)
    parser.add_argument("--only", nargs="*", help="names of recipes; all without it")
    harness.checked(check, parser.parse_args())
