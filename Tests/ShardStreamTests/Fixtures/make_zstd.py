"""A shard as zstd's own program compresses it, in many ways one after the other.

Made with zstd 1.5.4 (Debian 12) from webdataset.tar. Run it in this folder, after make_webdataset.py:
    python make_zstd.py
"""

import subprocess

SETTINGS = [
    ["-19"],
    ["--no-check", "-1"],
    ["--ultra", "-22", "--long=27"],
    ["-3", "--no-content-size"],
    ["-1", "-T2", "-B1K"],
]


def main():
    data = open("webdataset.tar", "rb").read()
    step = len(data) // len(SETTINGS) + 7
    with open("zstd-cli.tar.zst", "wb") as out:
        for number, settings in enumerate(SETTINGS):
            part = data[number * step:(number + 1) * step]
            # From a pipe the size is not known beforehand: also a frame without it.
            command = ["zstd", "-q", "-c", *settings]
            out.write(subprocess.run(command, input=part, capture_output=True, check=True).stdout)
            out.write(b"\x53\x2a\x4d\x18\x05\x00\x00\x00hello")


main()
