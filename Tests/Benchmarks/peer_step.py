"""Seconds of a contrastive training step in PyTorch with open_clip, the same work as `kelip bench step`.

    python peer_step.py --model FILE --precision bf16 --threads 2
    torchrun --nproc_per_node 2 peer_step.py --model FILE --precision bf16 --threads 1

The model file is kelip's: open_clip's own towers are built from its keys; `type: resnet50` with `type: bert` is
torchvision's ResNet-50 and transformers' BERT. A step is forward, the loss of the global batch, backward under
DistributedDataParallel, and a fused AdamW, as open_clip trains it: on random pictures and captions padded to --tokens. Prints
one JSON object. Needs requirements.txt of Tests/Parity and PyYAML.
"""
import argparse
import json
import os
import resource
import statistics
import time

import open_clip
import torch
import torch.distributed as dist
import torch.nn.functional as F
import yaml
from open_clip.loss import ClipLoss


class ResNetBERT(torch.nn.Module):
    """The brief's model: two encoders with a new last layer each, into one space."""

    def __init__(self, embed_dim, text):
        super().__init__()
        import torchvision
        import transformers

        self.image = torchvision.models.resnet50()
        self.image.fc = torch.nn.Linear(2048, embed_dim)
        self.text = transformers.BertModel(transformers.BertConfig(
            vocab_size=text["vocab_size"], hidden_size=text["width"], num_hidden_layers=text["layers"],
            num_attention_heads=text["heads"], intermediate_size=4 * text["width"]))
        self.project = torch.nn.Linear(text["width"], embed_dim)
        self.logit_scale = torch.nn.Parameter(torch.tensor(2.659))

    def forward(self, images, texts):
        texts = self.project(self.text(texts).pooler_output)
        return F.normalize(self.image(images), dim=-1), F.normalize(texts, dim=-1), self.logit_scale.exp()


def build(config):
    if config["vision_cfg"].get("type") == "resnet50":
        return ResNetBERT(config["embed_dim"], config["text_cfg"])
    return open_clip.CLIP(
        config["embed_dim"], config["vision_cfg"], config["text_cfg"], quick_gelu=config.get("quick_gelu", False))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="bf16")
    parser.add_argument("--batch", type=int, default=32, help="pairs a rank")
    parser.add_argument("--tokens", type=int, default=77)
    parser.add_argument("--threads", type=int, default=2, help="threads a rank")
    parser.add_argument("--steps", type=int, default=3, help="timed steps, after two warm-ups")
    options = parser.parse_args()

    world, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    torch.set_num_threads(options.threads)
    torch.manual_seed(rank)
    if world > 1:
        dist.init_process_group("gloo")
    with open(options.model) as file:
        config = yaml.safe_load(file)
    model = build(config).train()
    parallel = torch.nn.parallel.DistributedDataParallel(model) if world > 1 else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    loss_of = ClipLoss(local_loss=True, gather_with_grad=True, rank=rank, world_size=world)
    size, vocabulary = config["vision_cfg"]["image_size"], config["text_cfg"]["vocab_size"]
    images = torch.randn(options.batch, 3, size, size)
    texts = torch.randint(1, vocabulary - 1, (options.batch, options.tokens))
    texts[:, -1] = vocabulary - 1

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.precision == "bf16"):
            loss = loss_of(*parallel(images, texts)[:3])
        loss.backward()
        optimizer.step()

    seconds = []
    for index in range(options.steps + 2):
        if world > 1:
            dist.barrier()
        start = time.perf_counter()
        step()
        if world > 1:
            dist.barrier()
        if index >= 2:
            seconds.append(time.perf_counter() - start)
    if rank == 0:
        median = statistics.median(seconds)
        print(json.dumps({
            "step_seconds": median, "samples_per_second": world * options.batch / median, "ranks": world,
            "threads": options.threads, "peak_resident_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }))
    if world > 1:
        dist.destroy_process_group()


main()
