#!/usr/bin/env python3
"""Same as open_clip: the program and open_clip 3.3 from one set of initial weights over the same batches.

50 AdamW steps at global batch 24, in fp32 on 1 and 2 ranks and in bf16 on 1 rank. Compared with ClipLoss and
torch.optim.AdamW in fp32 on exactly the batches that samples.jsonl names, prepared by Pillow and tokenizers:

  loss        of every step: within 1e-4 relative in fp32, 2e-2 in bf16
  gradients   of the first step, every parameter: within 1e-4 relative norm. Read off the weights: AdamW's first
              update is u = lr·g / (|g| + eps), so with eps = 1 g = (u/lr) / (1 - |u/lr|)
  features    of a fixed batch by `kelip embed`, each row within 1e-4 relative norm: at the initial weights, at
              the final ones against torch's own final ones, and at the final ones loaded into open_clip

Beside each figure stands torch's own: fp32 against fp64, and autocast to bf16 against fp32.
"""
import shlex
import subprocess

import harness
import peer
import torch
from safetensors.torch import load_file, save_file

LOSS_BAR = {"fp32": 1e-4, "bf16": 2e-2}
GRADIENT_BAR = FEATURE_BAR = 1e-4
RUNS = (("fp32", 1), ("fp32", 2), ("bf16", 1))
#: Rates at which a weight moves far more than its rounding; logit_scale would be clamped at the first.
GRADIENT_RATES = {"weights": 1e3, "logit_scale": 1.0}


class Comparison:
    def __init__(self, options):
        self.options = options
        self.steps = options.steps
        self.config = harness.model_config(options.tokenizer)
        self.model_file = harness.write_yaml(options.work / "model.yaml", self.config)
        self.initial_file = options.work / "initial.safetensors"
        torch.manual_seed(17)
        self.initial = {k: v.contiguous() for k, v in peer.make_model(self.config).state_dict().items()}
        save_file(self.initial, self.initial_file)
        self.shards = peer.Shards(options.data / "train")
        self.batches = peer.Batches(self.shards, options.tokenizer, self.config)
        self.replays = {}
        self.verdict = harness.Verdict("what", "precision", "ranks", "worst", "bar", "where", "torch's own")

    def model(self, weights=None, dtype=torch.float32):
        return peer.make_model(self.config, self.initial if weights is None else weights, dtype)

    def settings(self, run, **changes):
        return harness.run_config(self.options, self.model_file, run, **{
            "model__init_from": self.initial_file, "optimizer__steps": self.steps, "optimizer__warmup": 10,
            # Pillow decodes at full scale.
            "data__jpeg_scaled_decode": False,
            "checkpoint__every_steps": self.steps} | changes)

    # --- Losses ---

    def replay(self, keys, settings):
        """Losses of fp32, fp64 and autocast training, and the final fp32 and fp64 models; once for each order."""
        order = tuple(map(tuple, keys))
        if order not in self.replays:
            batches = [self.batches(batch) for batch in keys]
            models = {name: self.model(dtype=torch.float64 if name == "fp64" else torch.float32)
                      for name in ("fp32", "fp64", "bf16")}
            records = {name: peer.train(model, batches, settings, autocast=name == "bf16")
                       for name, model in models.items()}
            self.replays[order] = records, models
        return self.replays[order]

    def compare_losses(self, precision, ranks):
        run = self.options.work / f"open-clip-{precision}-{ranks}"
        settings = self.settings(run, model__precision=precision)
        harness.train(self.options, run.name, ranks, settings)
        metrics = harness.read_metrics(run, self.steps)
        records, models = self.replay(harness.read_keys(run, self.steps), settings)
        loss = {name: [record["loss"] for record in rows] for name, rows in records.items()}
        own = loss["fp64"] if precision == "fp32" else loss["bf16"]

        worst, step = harness.worst_relative(harness.column(metrics, "loss"), loss["fp32"])
        self.verdict.add(
            worst <= LOSS_BAR[precision], f"loss of {self.steps} steps", precision, ranks, worst, LOSS_BAR[precision],
            f"step {step}", harness.worst_relative(own, loss["fp32"])[0])
        rates, at = harness.worst_relative(
            harness.column(metrics, "lr"), [record["lr"] for record in records["fp32"]])
        # The last rate is close to zero, so rounding of the cosine counts for more than in the others.
        self.verdict.add(rates <= 1e-4, "learning rate", precision, ranks, rates, 1e-4, f"step {at}", "-")
        norms, at = harness.worst_relative(
            harness.column(metrics, "grad_norm"), [record["grad_norm"] for record in records["fp32"]])
        print(f"  grad_norm: worst {norms:.2e} at step {at}; loss {loss['fp32'][0]:.4f} → {loss['fp32'][-1]:.4f}")
        return harness.weights_path(run, self.steps), models

    # --- Gradients ---

    def gradient_run(self, ranks, rate):
        """(gradients by the program's first update, keys of its batch)."""
        run = self.options.work / f"open-clip-gradients-{ranks}-{rate:g}"
        settings = self.settings(
            run, optimizer__steps=1, optimizer__warmup=1, optimizer__weight_decay=0.0, optimizer__eps=1.0,
            optimizer__lr=rate, checkpoint__every_steps=1)
        harness.train(self.options, run.name, ranks, settings)
        after = load_file(harness.weights_path(run, 1))
        moved = {name: (self.initial[name].double() - after[name].double()) / rate for name in self.initial}
        return {name: u / (1 - u.abs()) for name, u in moved.items()}, harness.read_keys(run, 1)[0]

    def compare_gradients(self, ranks):
        found, keys = self.gradient_run(ranks, GRADIENT_RATES["weights"])
        found["logit_scale"] = self.gradient_run(ranks, GRADIENT_RATES["logit_scale"])[0]["logit_scale"]
        batch = self.batches(keys)
        exact, single = (peer.gradients(self.model(dtype=d), *batch) for d in (torch.float64, torch.float32))
        distance = {n: ((found[n] - exact[n]).norm() / exact[n].norm()).item() for n in exact}
        own = max(((single[n] - exact[n]).norm() / exact[n].norm()).item() for n in exact)
        name = max(distance, key=distance.get)
        self.verdict.add(
            max(distance.values()) <= GRADIENT_BAR, "gradients of step 1", "fp32", ranks, distance[name],
            GRADIENT_BAR, name, own)

    # --- Features ---

    def fixed_batch(self):
        """Writes the fixed batch's files; the captions must be one a line."""
        folder = self.options.work / "fixed"
        folder.mkdir(exist_ok=True)
        one_line = [key for key in self.shards.keys if "\n" not in self.shards.texts[key]]
        self.fixed_keys = one_line[:harness.GLOBAL_BATCH]
        self.fixed_images = []
        for number, key in enumerate(self.fixed_keys):
            contents = self.shards.images[key]
            self.fixed_images.append(folder / f"{number:03d}.{self.batches.suffix(contents)}")
            self.fixed_images[-1].write_bytes(contents)
        self.fixed_texts = folder / "texts.txt"
        self.fixed_texts.write_text(
            "".join(self.shards.texts[key] + "\n" for key in self.fixed_keys), encoding="utf-8")

    def embed(self, weights):
        out = self.options.work / "features.safetensors"
        out.unlink(missing_ok=True)
        command = [
            *shlex.split(self.options.kelip), "embed", "--model", self.model_file, "--weights", weights,
            "--tokenizer", self.options.tokenizer, "--images", *self.fixed_images, "--texts", self.fixed_texts,
            "--out", out]
        result = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if result.returncode != 0 or not out.exists():
            raise harness.RunFailed(f"kelip embed ended with status {result.returncode}: {result.stderr[-2000:]}")
        return load_file(out)

    def reference_features(self, model):
        with torch.no_grad():
            images, texts = self.batches(self.fixed_keys)
            pair = peer.features(model.eval(), images.to(model.logit_scale.dtype), texts)
        return dict(zip(("image_features", "text_features"), pair))

    def compare_features(self, what, weights, reference, exact=None):
        found, wanted = self.embed(weights), self.reference_features(reference)
        own = self.reference_features(exact) if exact is not None else None
        for side in wanted:
            distance = row_distances(found[side], wanted[side])
            row = int(distance.argmax())
            self.verdict.add(
                bool(distance.max() <= FEATURE_BAR), f"{side} {what}", "fp32", "-", distance[row].item(),
                FEATURE_BAR, f"row {row}, {self.fixed_keys[row]}",
                row_distances(own[side], wanted[side]).max().item() if own else "-")

    def run(self):
        self.fixed_batch()
        self.compare_features(
            "at the initial weights", self.initial_file, self.model(), self.model(dtype=torch.float64))
        for ranks in (1, 2):
            self.compare_gradients(ranks)
        for precision, ranks in RUNS:
            final, models = self.compare_losses(precision, ranks)
            if precision == "fp32":
                self.compare_features(
                    f"after {self.steps} steps, {ranks} rank(s)", final, models["fp32"], models["fp64"])
                self.compare_features(
                    f"of that checkpoint in open_clip, {ranks} rank(s)", final, self.model(load_file(final)))
        self.verdict.finish("same as open_clip")


def row_distances(found, wanted):
    """|a - b| / |b| of every row."""
    if found.shape != wanted.shape:
        raise harness.RunFailed(f"features are {list(found.shape)}, wanted {list(wanted.shape)}")
    return (found.double() - wanted.double()).norm(dim=-1) / wanted.double().norm(dim=-1)


if __name__ == "__main__":
    torch.set_num_threads(1)
    parser = harness.arguments(__doc__)
    parser.add_argument("--steps", type=int, default=50)
    harness.checked(lambda options: Comparison(options).run(), parser.parse_args())
