#!/usr/bin/env python3
"""What many partitions and many segments cost tidelogd: the append rate beside that at one partition, memory, open files,
and how long a clean stop and start take.

    bench/many.py --bin build/release/bin --dir /var/tmp

Needs nothing but Python's standard library. The directory below --dir is removed at the end.
"""

import argparse
import os
import shutil
import signal
import subprocess
import tempfile
import time

import compare


class Daemon:
    """tidelogd on a directory that outlives it."""

    def __init__(self, options, data):
        self.options, self.data = options, data

    def __enter__(self):
        self.process, self.broker, self.ready_s = compare.start_tidelogd(self.options, self.data)
        return self

    def __exit__(self, *_):
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=300)
        self.stop_s = time.monotonic() - begun

    def open_files(self):
        return len(os.listdir(f"/proc/{self.broker.pid}/fd"))

    def resident(self):
        return compare.resident_bytes(self.broker.pid)

    def produce(self, topic, partitions, seconds, configs, batch_bytes):
        command = [os.path.join(self.options.bin, "tidelog-bench"), "produce", "--bootstrap", self.broker.address,
                   "--topic", topic, "--partitions", str(partitions), "--batch-bytes", str(batch_bytes),
                   "--record-bytes", "256", "--connections", "8", "--depth", "8", "--acks", "1", "--output", "json",
                   "--warm-up", "1s", "--duration", f"{seconds}s"]
        for config in configs:
            command += ["--topic-config", config]
        return compare.run_json(command)[0]

    def create(self, topic, partitions):
        subprocess.run([os.path.join(self.options.bin, "tidelog"), "--bootstrap", self.broker.address, "topic",
                        "create", topic, "--partitions", str(partitions)], check=True, stdout=subprocess.DEVNULL)


def show_floor(options):
    """The same with nothing but system calls, in one thread."""
    rates = {}
    for count in (1, options.partitions):
        answer = compare.run_json([os.path.join(options.bin, "tidelog-floor"), "sink", "--dir", options.dir,
                                   "--batch-bytes", str(options.batch_bytes), "--connections", "8", "--depth", "8", "--files", str(count),
                                   "--warm-up", "2", "--seconds", str(options.seconds)])[0]
        rates[count] = answer["requests_per_s"]
    print(f"the floor of that: {rates[1]:,.0f} and {rates[options.partitions]:,.0f}: "
          f"{rates[options.partitions] / rates[1]:.2f}")


def measure_partitions(options, data):
    with Daemon(options, data) as daemon:
        empty = daemon.resident()
    many = options.partitions
    for durability, flush in (("page cache", compare.PAGE_CACHE), ("durable", "1")):
        with Daemon(options, data) as daemon:
            rates = {}
            for count in (1, many):
                name = f"{durability.replace(' ', '-')}-{count}"
                # The first run makes topic and files, which is not what is measured.
                for _ in range(2):
                    rates[count] = daemon.produce(name, count, options.seconds, [f"flush.messages={flush}"],
                                                  options.batch_bytes)["requests_per_s"]
            print(f"append, {durability}: {rates[1]:,.0f} requests/s at 1 partition, {rates[many]:,.0f} at {many:,}: "
                  f"{rates[many] / rates[1]:.2f} (aim >= 0.7); {daemon.open_files():,} files open (aim <= 4,096)")
        if durability == "page cache":
            show_floor(options)
        print(f"clean stop after {durability}: {daemon.stop_s:.2f} s")
    with Daemon(options, data) as daemon:
        show_start(daemon, f"{2 * many + 2:,} partitions with records", empty, 2 * many + 2)


def show_start(daemon, what, empty, partitions):
    ready = daemon.ready_s
    time.sleep(2)
    each = (daemon.resident() - empty) / partitions
    print(f"clean start with {what}: {ready:.2f} s, {each:,.0f} B of memory each (aim < 2,048), "
          f"{daemon.open_files():,} files open")


def measure_idle(options, data):
    with Daemon(options, data) as daemon:
        empty = daemon.resident()
        begun = time.monotonic()
        daemon.create("idle", options.partitions)
        each = (daemon.resident() - empty) / options.partitions
        print(f"creating {options.partitions:,} partitions: {time.monotonic() - begun:.2f} s, {each:,.0f} B each, "
              f"{daemon.open_files():,} files open")
    print(f"clean stop: {daemon.stop_s:.2f} s")
    with Daemon(options, data) as daemon:
        show_start(daemon, f"{options.partitions:,} idle partitions (aim <= 0.5 s)", empty, options.partitions)


def measure_segments(options, data):
    """An index with room for one entry closes a segment every few batches."""
    configs = [f"flush.messages={compare.PAGE_CACHE}", "segment.index.bytes=8", "index.interval.bytes=0"]
    directory = os.path.join(data, "segments-0")
    with Daemon(options, data) as daemon:
        while True:
            daemon.produce("segments", 1, 2, configs, 300)
            count = sum(name.endswith(".log") for name in os.listdir(directory))
            if count >= options.segments:
                break
    with Daemon(options, data) as daemon:
        print(f"clean start with one topic of {count:,} segments: {daemon.ready_s:.2f} s (aim < 1 s)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="build/release/bin", help="where tidelogd and the benchmark programs are")
    parser.add_argument("--dir", default=tempfile.gettempdir(), help="file system that is measured")
    parser.add_argument("--only", choices=["idle", "partitions", "segments"])
    parser.add_argument("--partitions", type=int, default=10_000)
    parser.add_argument("--batch-bytes", type=int, default=1024, help="what a request has for its partition")
    parser.add_argument("--segments", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    parts = {"idle": measure_idle, "partitions": measure_partitions, "segments": measure_segments}
    for name, measure in parts.items():
        if options.only not in (None, name):
            continue
        home = tempfile.mkdtemp(prefix="tidelog-many-", dir=options.dir)
        try:
            data = os.path.join(home, "data")
            os.mkdir(data)
            measure(options, data)
        finally:
            shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
