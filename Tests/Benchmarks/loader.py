"""Images per second of the usual Python loader on one core, over the same work as `kelip bench data`.

    taskset -c 0 python loader.py SHARD... [--samples 2000] [--batch 32]

webdataset reads the tars, Pillow decodes, open_clip's training transform crops (0.9 to 1 of the area), resizes to
224 (bicubic) and normalises, its tokenizer encodes. Needs webdataset, Pillow, torch, open_clip.
"""
import argparse
import resource
import time

import open_clip
import torch
import webdataset
from open_clip.transform import image_transform


def pipeline(shards, batch):
    tokenizer = open_clip.get_tokenizer("ViT-B-32")
    transform = image_transform(224, is_train=True)
    return webdataset.DataPipeline(
        webdataset.SimpleShardList(shards),
        webdataset.tarfile_to_samples(),
        webdataset.decode("pilrgb"),
        webdataset.rename(image="jpg;png;webp", text="txt"),
        webdataset.map_dict(image=transform, text=lambda text: tokenizer(text)[0]),
        webdataset.to_tuple("image", "text"),
        webdataset.batched(batch),
    )


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", nargs="+")
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=32)
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = pipeline(sorted(options.shards), options.batch)
    start, processor, count = time.perf_counter(), processor_seconds(), 0
    while count < options.samples:
        for images, _ in data:
            count += len(images)
            if count >= options.samples:
                break
    seconds, used = time.perf_counter() - start, processor_seconds() - processor
    print(f"images_per_second={count / seconds:.1f} processor_ms_per_image={used * 1000 / count:.3f} images={count}")


main()
