"""The same training in open_clip and torch.optim.AdamW: the reference that the program is compared with.

open_clip_torch 3.3.0, torch 2.15.0, torchvision 0.29.2, pillow 13.0.0, tokenizers 0.23.3, safetensors 0.8.0.
"""
import contextlib
import io
import math
import tarfile

import open_clip
import torch
from open_clip.loss import ClipLoss
from open_clip.transform import image_transform
from PIL import Image
from tokenizers import Tokenizer

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
#: KELIP's names, then CLIP's.
START_AND_END = ("[SOT]", "<|startoftext|>"), ("[EOT]", "<|endoftext|>")
#: No weight decay on these, nor on gains and biases, which have one dimension.
EMBEDDINGS = (
    "token_embedding.weight", "positional_embedding", "visual.positional_embedding", "visual.class_embedding")


# --- Data -------------------------------------------------------------------------------------------------

class Shards:
    """Every image-text pair of DIR/*.tar by its key: the member's path up to the base name's first dot."""

    def __init__(self, directory):
        self.images, self.texts = {}, {}
        paths = sorted(directory.glob("*.tar"))
        for path in paths:
            with tarfile.open(path) as tar:
                for member in tar:
                    if member.isfile():
                        self.add(member.name, tar.extractfile(member).read())
        self.keys = [key for key in self.images if key in self.texts]
        if not self.keys:
            raise SystemExit(f"no image-text pairs in {len(paths)} shards of {directory}")

    def add(self, name, contents):
        folder, slash, base = name.rpartition("/")
        stem, _, suffix = base.partition(".")
        key, suffix = folder + slash + stem, "." + suffix.lower()
        kind = self.images if suffix in IMAGE_SUFFIXES else self.texts if suffix == ".txt" else None
        if kind is not None:
            if key in kind:
                raise SystemExit(f"key {key} occurs twice: sample keys alone do not identify a batch")
            kind[key] = contents if kind is self.images else contents.decode("utf-8")


class Batches:
    """Keys → (images [B, 3, S, S], texts [B, T]) as the program prepares them without augmentation."""

    def __init__(self, shards, tokenizer, config):
        self.shards = shards
        self.tokenizer = Tokenizer.from_file(str(tokenizer))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.sot, self.eot = (self.special(names) for names in START_AND_END)
        self.context = config["text_cfg"]["context_length"]
        # Resize the shorter side (bicubic), centre crop, [0, 1], CLIP's mean and standard deviation.
        self.transform = image_transform(config["vision_cfg"]["image_size"], is_train=False)

    def special(self, names):
        found = [i for i in map(self.tokenizer.token_to_id, names) if i is not None]
        if not found:
            raise SystemExit(f"the tokenizer has none of {names}")
        return found[0]

    def text(self, caption):
        """At most T - 2 tokens between start and end, zeros after it. Lower case is the tokenizer's own step."""
        ids = self.tokenizer.encode(caption, add_special_tokens=False).ids[:self.context - 2]
        ids = [self.sot, *ids, self.eot]
        return torch.tensor(ids + [0] * (self.context - len(ids)))

    @staticmethod
    def suffix(contents):
        """The file suffix that fits an image's bytes."""
        return Image.open(io.BytesIO(contents)).format.lower().replace("jpeg", "jpg")

    def image(self, contents):
        return self.transform(Image.open(io.BytesIO(contents)))

    def __call__(self, keys):
        images = torch.stack([self.image(self.shards.images[key]) for key in keys])
        return images, torch.stack([self.text(self.shards.texts[key]) for key in keys])


# --- Training ---------------------------------------------------------------------------------------------

def make_model(config, weights=None, dtype=torch.float32):
    model = open_clip.CLIP(**config)
    if weights is not None:
        model.load_state_dict(weights, strict=True)
    return model.to(dtype).train()


def make_optimizer(model, settings):
    decayed = {name for name, p in model.named_parameters() if p.ndim >= 2 and name not in EMBEDDINGS}
    groups = [
        {"params": [p for n, p in model.named_parameters() if n in decayed],
         "weight_decay": settings["optimizer.weight_decay"]},
        {"params": [p for n, p in model.named_parameters() if n not in decayed], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, lr=settings["optimizer.lr"], eps=settings["optimizer.eps"],
        betas=(settings["optimizer.beta1"], settings["optimizer.beta2"]))


def learning_rate(step, settings):
    """Linear warm-up, then cosine to zero (open_clip's cosine_lr); `step` counts from 0."""
    base, warmup, steps = (settings[f"optimizer.{key}"] for key in ("lr", "warmup", "steps"))
    if step < warmup:
        return base * (step + 1) / warmup
    return base * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def features(model, images, texts):
    """Features before normalisation."""
    return model.encode_image(images, normalize=False), model.encode_text(texts, normalize=False)


def loss_of(model, images, texts, chunks=1, autocast=False):
    """ClipLoss of the batch; `chunks` > 1 runs the towers on that many parts, as ranks would."""
    context = torch.autocast("cpu", dtype=torch.bfloat16) if autocast else contextlib.nullcontext()
    with context:
        parts = [features(model, i, t) for i, t in zip(images.chunk(chunks), texts.chunk(chunks))]
        image, text = (torch.nn.functional.normalize(torch.cat(side).to(model.logit_scale.dtype), dim=-1)
                       for side in zip(*parts))
    return ClipLoss()(image, text, model.logit_scale.exp())


def train_step(model, optimizer, images, texts, step, settings, chunks=1, autocast=False):
    """One update of `model`; the step's loss, rate and gradient norm before clipping."""
    optimizer.zero_grad(set_to_none=True)
    loss = loss_of(model, images.to(model.logit_scale.dtype), texts, chunks, autocast)
    loss.backward()
    limit = settings["optimizer.grad_clip_norm"]
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), math.inf if limit is None else limit)
    rate = learning_rate(step, settings)
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    with torch.no_grad():
        model.logit_scale.clamp_(0, math.log(100))
    return {"loss": loss.item(), "lr": rate, "grad_norm": norm.item()}


def train(model, batches, settings, autocast=False):
    """Steps `model` over the batches; a record for each."""
    optimizer = make_optimizer(model, settings)
    return [train_step(model, optimizer, images, texts, step, settings, autocast=autocast)
            for step, (images, texts) in enumerate(batches)]


def gradients(model, images, texts):
    model.zero_grad(set_to_none=True)
    loss_of(model, images.to(model.logit_scale.dtype), texts).backward()
    return {name: p.grad.detach().double() for name, p in model.named_parameters()}
