#!/usr/bin/env python3
"""Plays kelip-worker and kelip in PyTorch, so that the checks themselves can be checked (self_check.sh).

    stand_in.py data DIR             toy shards and a toy tokenizer
    stand_in.py worker --config F    rank 0 trains with peer.py, the other ranks wait for it
    stand_in.py kelip embed …

STAND_IN_FAULT plants one fault: lr, decay, order, features, gradient, resume, chatty or slow.
"""
import argparse
import io
import json
import os
import pathlib
import random
import shutil
import sys
import tarfile
import time

import harness
import yaml

# PyTorch takes seconds to import, so only the roles that compute do: see `load_torch`.

FAULT = os.environ.get("STAND_IN_FAULT", "")
KNOWN_KEYS = {
    "run.directory", "run.seed", "model.config", "model.precision", "model.init_from", "data.train",
    "data.global_batch_size", "data.tokenizer", "augmentation.train", "optimizer.steps", "optimizer.lr",
    "optimizer.warmup", "optimizer.weight_decay", "optimizer.beta1", "optimizer.beta2", "optimizer.eps",
    "optimizer.grad_clip_norm", "checkpoint.every_steps", "checkpoint.keep_last", "log.sample_keys",
}


def load_torch():
    global torch, peer, load_file, save_file
    import torch
    from safetensors.torch import load_file, save_file

    import peer

    torch.set_num_threads(1)


# --- Toy data ---------------------------------------------------------------------------------------------

COLOURS = {
    "red 빨간": (220, 40, 30), "green 초록": (40, 180, 60), "blue 파란": (40, 60, 210), "white 하얀": (240, 240, 235),
    "black 검은": (20, 20, 25), "yellow 노란": (240, 220, 40),
}
FILLERS = "a the small large cat dog tree 작은 큰 고양이 강아지 나무".split()


def toy_pair(draw):
    """(JPEG of two coloured halves under noise, caption naming them in one of two languages)."""
    from PIL import Image

    names = draw.choices(list(COLOURS), k=2)
    language = draw.randrange(2)
    size = draw.randint(48, 200), draw.randint(48, 200)
    noise = Image.frombytes("RGB", (6, 5), draw.randbytes(90)).resize(size, Image.Resampling.BICUBIC)
    picture = Image.new("RGB", (2, 1))
    picture.putdata([COLOURS[name] for name in names])
    picture = Image.blend(picture.resize(size, Image.Resampling.NEAREST), noise, 0.3)
    contents = io.BytesIO()
    picture.save(contents, "JPEG", quality=90)
    words = [name.split()[language] for name in names] + draw.choices(FILLERS, k=draw.randint(0, 35))
    return contents.getvalue(), " ".join(words)


def make_data(directory, count=1300, shards=5):
    """Shards of toy pairs under img2dataset's names and a byte-pair tokenizer of their captions."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    draw = random.Random(0)
    pairs = [toy_pair(draw) for _ in range(count)]
    captions = [caption for _, caption in pairs]
    (directory / "train").mkdir(parents=True, exist_ok=True)
    for shard in range(shards):
        with tarfile.open(directory / "train" / f"{shard:05d}.tar", "w") as tar:
            for index in range(shard * count // shards, (shard + 1) * count // shards):
                picture, caption = pairs[index]
                for suffix, contents in (("jpg", picture), ("txt", caption.encode()),
                                         ("json", json.dumps({"key": f"{index:09d}"}).encode())):
                    entry = tarfile.TarInfo(f"{index:09d}.{suffix}")
                    entry.size = len(contents)
                    tar.addfile(entry, io.BytesIO(contents))

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=350, special_tokens=["[PAD]"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False)
    tokenizer.train_from_iterator(captions, trainer)
    tokenizer.add_special_tokens(["[SOT]", "[EOT]"])
    tokenizer.save(str(directory / "tokenizer.json"))


# --- Worker -----------------------------------------------------------------------------------------------

def fail(message):
    for _ in range(2 if FAULT == "chatty" else 1):
        print(f"error: {message}", file=sys.stderr, flush=True)
    sys.exit(2)


def read_config(path, world):
    if not path.exists():
        fail(f"{path}: no such file")
    settings = {f"{section}.{key}": value for section, keys in yaml.safe_load(path.read_text()).items()
                for key, value in keys.items()}
    if unknown := settings.keys() - KNOWN_KEYS:
        fail(f"{unknown.pop()}: unknown key")
    if settings["model.precision"] not in ("fp32", "bf16"):
        fail(f"model.precision: {settings['model.precision']} is not a precision")
    if settings["data.global_batch_size"] % world:
        fail(f"data.global_batch_size: {settings['data.global_batch_size']} is not divisible by {world} ranks")
    for key in ("model.config", "data.tokenizer", "data.train"):
        if not pathlib.Path(settings[key]).exists():
            fail(f"{key}: no such file {settings[key]}")
    if not list(pathlib.Path(settings["data.train"]).glob("*.tar")):
        fail(f"no shards in {settings['data.train']}")
    return settings


def initial_model(settings, config):
    torch.manual_seed(settings["run.seed"])
    model = peer.make_model(config)
    if path := settings.get("model.init_from"):
        try:
            model.load_state_dict(load_file(path))
        except RuntimeError:
            fail(f"{path}: holds another model")
    return model


def key_order(shards, settings):
    """Ordered keys of every step's batch."""
    draw, keys, size = random.Random(settings["run.seed"]), [], settings["data.global_batch_size"]
    while len(keys) < size * settings["optimizer.steps"]:
        keys += draw.sample(shards.keys, len(shards.keys))
    return [keys[step * size:(step + 1) * size] for step in range(settings["optimizer.steps"])]


def resume_point(run):
    """The last whole checkpoint's step. The files are then cut back to it."""
    steps = sorted(int(p.parent.name[5:]) for p in (run / "checkpoints").glob("step-*/optimizer.pt"))
    return steps[-1] if steps else 0


def cut(path, step):
    if path.exists():
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:step]))


def worker(options):
    rank, world = (int(os.environ.get(f"OMPI_COMM_WORLD_{name}", default))
                   for name, default in (("RANK", 0), ("SIZE", 1)))
    if rank != 0:
        return
    if FAULT == "slow":
        time.sleep(10)
    settings = read_config(options.config, world)
    load_torch()
    config = yaml.safe_load(pathlib.Path(settings["model.config"]).read_text())
    model = initial_model(settings, config)
    run = pathlib.Path(settings["run.directory"])
    start = resume_point(run) if options.resume == "auto" else 0
    if start == 0:
        shutil.rmtree(run, ignore_errors=True)
        run.mkdir(parents=True)
    train(settings, config, model, run, start, world)


def train(settings, config, model, run, start, world):
    shards = peer.Shards(pathlib.Path(settings["data.train"]))
    batches = peer.Batches(shards, pathlib.Path(settings["data.tokenizer"]), config)
    order = key_order(shards, settings)
    if FAULT == "lr":
        settings["optimizer.warmup"] += 1
    if FAULT == "decay":
        settings["optimizer.weight_decay"] = 0.0
    optimizer = peer.make_optimizer(model, settings)
    if start:
        model.load_state_dict(load_file(harness.weights_path(run, start)))
        if FAULT != "resume":
            optimizer.load_state_dict(torch.load(run / "checkpoints" / f"step-{start:08d}" / "optimizer.pt"))
    for path in (run / "metrics.jsonl", run / "samples.jsonl"):
        cut(path, start)

    for step in range(start, settings["optimizer.steps"]):
        began = time.monotonic()
        keys = order[step] if not (FAULT == "order" and world == 2) else order[step][::-1]
        images, texts = batches(keys)
        if FAULT == "gradient":
            texts[0, 1] = 5
        record = peer.train_step(
            model, optimizer, images, texts, step, settings, world, settings["model.precision"] == "bf16")
        append(run / "samples.jsonl", {"step": step + 1, "keys": keys})
        append(run / "metrics.jsonl", {"step": step + 1} | record | {"step_seconds": time.monotonic() - began})
        if (step + 1) % settings["checkpoint.every_steps"] == 0:
            save(run, step + 1, model, optimizer, settings["checkpoint.keep_last"])


def append(path, record):
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def save(run, step, model, optimizer, keep):
    folder = run / "checkpoints" / f"step-{step:08d}"
    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "model.safetensors")
    torch.save(optimizer.state_dict(), folder / "writing")
    (folder / "writing").rename(folder / "optimizer.pt")
    for old in sorted((run / "checkpoints").glob("step-*"))[:-keep]:
        shutil.rmtree(old)


# --- Companion --------------------------------------------------------------------------------------------

def embed(options):
    load_torch()
    config = yaml.safe_load(options.model.read_text())
    model = peer.make_model(config, load_file(options.weights)).eval()
    shards = argparse.Namespace(images=None, texts=None)
    batches = peer.Batches(shards, options.tokenizer, config)
    with torch.no_grad():
        images = torch.stack([batches.image(path.read_bytes()) for path in options.images])
        texts = torch.stack([batches.text(line) for line in options.texts.read_text().splitlines()])
        image, text = peer.features(model, images, texts)
    if FAULT == "features":
        text[3] *= 1.001
    save_file({"image_features": image, "text_features": text}, options.out)


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    roles = parser.add_subparsers(dest="role", required=True)
    roles.add_parser("data").add_argument("directory", type=pathlib.Path)
    role = roles.add_parser("worker")
    role.add_argument("--config", type=pathlib.Path, required=True)
    role.add_argument("--resume", default="never")
    role = roles.add_parser("kelip")
    role.add_argument("command", choices=["embed"])
    for name in ("model", "weights", "tokenizer", "texts", "out"):
        role.add_argument(f"--{name}", type=pathlib.Path, required=True)
    role.add_argument("--images", type=pathlib.Path, nargs="+", required=True)
    return parser.parse_args()


def main():
    options = parse()
    match options.role:
        case "data": make_data(options.directory)
        case "worker": worker(options)
        case "kelip": embed(options)


if __name__ == "__main__":
    main()
