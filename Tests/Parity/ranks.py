#!/usr/bin/env python3
"""Ranks do not matter: one config in fp32, global batch 24, 20 steps on 1, 2, 3 and 4 ranks.

The ordered sample keys must be identical, every step's loss within 1e-5 relative of one rank's, and the final
weights within 1e-4 relative norm: all of them as one vector, and each tensor by itself.

One thing is set apart: the key third of each attention's in_proj_bias. Softmax does not see a constant added
to a row of scores, so its true gradient is zero, what is computed is rounding noise, and Adam divides that noise
by its own size. Any two orders of summation, PyTorch's too, end with unlike key biases, to no effect; the table
shows them, and only the vector of all weights counts them.

Needs Python's standard library, mpirun and the program.
"""
import itertools

import harness

STEPS = 20
WORLDS = (1, 2, 3, 4)
LOSS_BAR, WEIGHT_BAR = 1e-5, 1e-4


class Weights:
    """A model's final values: by tensor, and the key biases apart."""

    def __init__(self, path):
        self.tensors, self.key_biases = {}, {}
        for name, tensor in harness.read_safetensors(path).items():
            values = harness.floats(tensor)
            # BERT and attention pooling have the keys' bias by itself.
            if name.endswith(("self.key.bias", "k_proj.bias")):
                self.key_biases[name] = values
                continue
            if name.endswith("attn.in_proj_bias"):
                third = len(values) // 3
                self.key_biases[name] = values[third:2 * third]
                values = values[:third] + values[2 * third:]
            self.tensors[name] = values

    def flat(self):
        return list(itertools.chain(*self.tensors.values(), *self.key_biases.values()))

    def distance(self, reference):
        """(of all weights, of the worst tensor, its name, of the worst key bias)."""
        if self.tensors.keys() != reference.tensors.keys():
            raise harness.RunFailed(f"tensors differ: {sorted(self.tensors.keys() ^ reference.tensors.keys())}")
        each = {name: harness.relative_norm(self.tensors[name], reference.tensors[name]) for name in self.tensors}
        noise = (harness.relative_norm(self.key_biases[n], reference.key_biases[n]) for n in self.key_biases)
        worst = max(each, key=each.get)
        # Both in the reference's order of tensors.
        self.tensors = {name: self.tensors[name] for name in reference.tensors}
        self.key_biases = {name: self.key_biases[name] for name in reference.key_biases}
        return harness.relative_norm(self.flat(), reference.flat()), each[worst], worst, max(noise, default=0.0)


def run(options, model, ranks):
    directory = options.work / f"ranks-{ranks}"
    config = harness.run_config(
        options, model, directory, optimizer__steps=STEPS, checkpoint__every_steps=STEPS)
    harness.train(options, f"ranks-{ranks}", ranks, config)
    return (
        harness.read_keys(directory, STEPS),
        harness.column(harness.read_metrics(directory, STEPS), "loss"),
        Weights(harness.weights_path(directory, STEPS)),
    )


def check(options):
    model = harness.write_yaml(options.work / "model.yaml", harness.model_config(options.tokenizer))
    results = {ranks: run(options, model, ranks) for ranks in WORLDS}
    keys, losses, weights = results[1]

    verdict = harness.Verdict(
        "ranks", "sample keys", "loss (≤ 1e-5)", "at step", "all weights (≤ 1e-4)", "worst tensor (≤ 1e-4)", "of",
        "key biases")
    for ranks, (own_keys, own_losses, own_weights) in results.items():
        loss, step = harness.worst_relative(own_losses, losses)
        together, each, tensor, noise = own_weights.distance(weights)
        same = own_keys == keys
        verdict.add(
            same and loss <= LOSS_BAR and max(together, each) <= WEIGHT_BAR, ranks,
            "identical" if same else "differ", loss, step, together, each, tensor, noise)
    # Twenty steps at a loss that does not move would pass everything above.
    print(f"  loss {losses[0]:.4f} → {losses[-1]:.4f}")
    if not min(losses) < losses[0]:
        raise harness.RunFailed("the loss never fell, so the ranks had nothing to agree on")
    verdict.finish("ranks do not matter")


if __name__ == "__main__":
    harness.checked(check, harness.arguments(__doc__).parse_args())
