#!/usr/bin/env python3
"""What durable produce costs when it goes to many partitions: tidelogd with its commit journal and without it
(log.commit.journal.bytes=0, which syncs the file of every partition), on the same file system, taking turns; and what
the floor pays, which does nothing but write each request to a journal and to its file, and sync both.

    bench/durable.py --bin build/release/bin --dir /var/tmp
    sudo bench/durable.py --bin build/release/bin --dir /var/tmp --image ext4 --image xfs

An image is a file below --dir with that file system in it, mounted over a loop device for the time of the run (root
only): a root file system may be one that makes syncs cheaper than they are elsewhere. Needs nothing but Python's
standard library, and mkfs for the images.
"""

import argparse
import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare  # noqa: E402

# Connections, and the partitions that they share; each pair is held against its first.
PAIRS = [((32, 1), (32, 32), 0.8), ((128, 1), (128, 1000), 0.7)]
# What keeps mkfs from giving the blocks of an image back.
KEEP_BLOCKS = {"ext4": ["-E", "nodiscard"], "xfs": ["-K"]}
MODES = {"journal": [], "each file": ["--set", "log.commit.journal.bytes=0"]}


@contextlib.contextmanager
def mounted_image(kind, below, size_mib):
    """A directory on a fresh file system of that kind."""
    home = tempfile.mkdtemp(prefix=f"tidelog-{kind}-", dir=below)
    image, place = os.path.join(home, "image"), os.path.join(home, "mounted")
    os.mkdir(place)
    # Written in full: a disk has its blocks already, where a file with holes gets them one by one while it is measured.
    with open(image, "wb") as file:
        for _ in range(size_mib):
            file.write(bytes(2**20))
        os.fsync(file.fileno())
    try:
        subprocess.run([f"mkfs.{kind}", "-q", *KEEP_BLOCKS.get(kind, []), image], check=True)
        subprocess.run(["mount", "-o", "loop", image, place], check=True)
        try:
            yield place
        finally:
            subprocess.run(["umount", place], check=True)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def running_daemon(options, below, arguments):
    home = tempfile.mkdtemp(prefix="tidelog-durable-", dir=below)
    data = os.path.join(home, "data")
    os.mkdir(data)
    process, broker, _ = compare.start_tidelogd(options, data, arguments)
    try:
        yield broker
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
        shutil.rmtree(home, ignore_errors=True)


def measure(options, broker, connections, partitions):
    load = ["--batch-bytes", "1024", "--connections", str(connections), "--depth", "1", "--partitions", str(partitions)]
    return compare.bench(options, broker, "produce", load, ["flush.messages=1"])[0]


def measure_floor(options, below, connections, partitions):
    return compare.run_json([os.path.join(options.bin, "tidelog-floor"), "group-commit", "--dir", below,
                             "--batch-bytes", "1024", "--connections", str(connections), "--files", str(partitions),
                             "--warm-up", str(options.warm_up), "--seconds", str(options.seconds)])[0]


def run(options, name, below):
    print(f"{name}:")
    results = {}
    with contextlib.ExitStack() as daemons:
        brokers = {mode: daemons.enter_context(running_daemon(options, below, arguments))
                   for mode, arguments in MODES.items()}
        for _ in range(options.rounds):
            for few, many, _ in PAIRS:
                for shape in (few, many):
                    for mode, broker in brokers.items():
                        results.setdefault((mode, shape), []).append(measure(options, broker, *shape))
                    results.setdefault(("floor", shape), []).append(measure_floor(options, below, *shape))
    rate = {key: statistics.median(one["requests_per_s"] for one in all_of) for key, all_of in results.items()}
    p99 = {key: statistics.median(one["latency_us"]["p99"] for one in all_of) for key, all_of in results.items()}
    for few, many, aim in PAIRS:
        for mode in [*MODES, "floor"]:
            ratio = rate[mode, many] / rate[mode, few]
            note = f"  (aim {aim})" if mode == "journal" else ""
            print(f"  {few[0]:>4} connections, {few[1]} -> {many[1]} partitions, {mode:<9}  "
                  f"{rate[mode, few]:>8,.0f} -> {rate[mode, many]:>8,.0f} requests/s  {ratio:.2f}{note}"
                  f"   p99 {p99[mode, few]:,.0f} -> {p99[mode, many]:,.0f} us")
        for shape in (few, many):
            print(f"  {shape[0]:>4} connections, {shape[1]} partitions: journal / each file  "
                  f"{rate['journal', shape] / rate['each file', shape]:.2f}")
    sys.stdout.flush()


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="build/release/bin", help="where tidelogd and tidelog-bench are")
    parser.add_argument("--dir", default=tempfile.gettempdir(), help="file system that is measured, or holds the images")
    parser.add_argument("--image", action="append", default=[], choices=["ext4", "xfs"],
                        help="measure on a loop-mounted image instead; repeatable")
    parser.add_argument("--image-mib", type=int, default=8192, help="size of an image, which is written in full first")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--warm-up", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def main():
    options = parse_arguments()
    for kind in options.image:
        with mounted_image(kind, options.dir, options.image_mib) as place:
            run(options, f"{kind} image", place)
    if not options.image:
        run(options, options.dir, options.dir)


if __name__ == "__main__":
    main()
