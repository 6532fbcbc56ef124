#!/usr/bin/env python3
"""Ranks do not matter: one config in fp32, global batch 24, 20 steps on 1, 2, 3 and 4 ranks.

The ordered sample keys must be identical, every step's loss within 1e-5 relative of one rank's, and every
final weight within 1e-4 relative norm. Needs Python's standard library, mpirun and the program.
"""
import harness

STEPS = 20
WORLDS = (1, 2, 3, 4)
LOSS_BAR, WEIGHT_BAR = 1e-5, 1e-4


def run(options, model, ranks):
    directory = options.work / f"ranks-{ranks}"
    config = harness.run_config(
        options, model, directory, optimizer__steps=STEPS, checkpoint__every_steps=STEPS)
    harness.train(options, f"ranks-{ranks}", ranks, config)
    return (
        harness.read_keys(directory, STEPS),
        harness.column(harness.read_metrics(directory, STEPS), "loss"),
        harness.read_safetensors(harness.weights_path(directory, STEPS)),
    )


def check(options):
    model = harness.write_yaml(options.work / "model.yaml", harness.model_config(options.tokenizer))
    results = {ranks: run(options, model, ranks) for ranks in WORLDS}
    keys, losses, weights = results[1]

    verdict = harness.Verdict(
        "ranks", "sample keys", "loss, first → last", "worst loss (≤ 1e-5)", "at step", "worst weights (≤ 1e-4)",
        "of")
    for ranks, (own_keys, own_losses, own_weights) in results.items():
        loss, step = harness.worst_relative(own_losses, losses)
        distance, tensor = harness.worst_weights(own_weights, weights)
        same = own_keys == keys
        verdict.add(
            same and loss <= LOSS_BAR and distance <= WEIGHT_BAR, ranks, "identical" if same else "differ",
            f"{own_losses[0]:.4f} → {own_losses[-1]:.4f}", loss, step, distance, tensor)
    # Twenty steps at a loss that does not move would pass everything above.
    verdict.add(min(losses) < losses[0], 1, "-", "falls", "-", "-", "-", "-")
    verdict.finish("ranks do not matter")


if __name__ == "__main__":
    harness.checked(check, harness.arguments(__doc__).parse_args())
