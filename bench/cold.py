#!/usr/bin/env python3
"""What old data does to new: a consumer of data that is not in the page cache beside produce and tail fetch, and a
producer that writes more than memory holds. tidelogd and, where an address is given, Apache Kafka take turns.

    bench/cold.py --bin build/release/bin --dir /var/tmp
    bench/cold.py --bin build/release/bin --dir /var/tmp --kafka 127.0.0.1:19092 --kafka-pid $(cat kafka.pid) \\
        --kafka-data /var/tmp/kafka/data

`tail`: latencies of a record's way through the broker at --rate, alone and beside a consumer that reads --fill-gib of
evicted data as fast as it gets it. `beside`: the same of durable records, beside a topic that is streamed into the page
cache. `stream`: --stream-gib through a topic, and how even the rate was. With --memory-mib a broker has no more memory
than that, page cache included (a cgroup of version 1; root only). Needs nothing but Python's standard library, and the
data directories of the brokers on this machine.
"""

import argparse
import glob
import os
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import compare

GIB = 1 << 30


class Target:
    """A broker, and where its files are."""

    def __init__(self, broker, data):
        self.broker, self.data = broker, data

    def segments(self, topic):
        return sorted(glob.glob(os.path.join(self.data, topic + "-0", "*.log")))

    def evict(self, topic):
        for name in self.segments(topic):
            file = os.open(name, os.O_RDONLY)
            try:
                os.fdatasync(file)
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(file)

    def bytes_of(self, topic):
        total = 0
        for name in self.segments(topic):
            try:
                total += os.stat(name).st_size
            except FileNotFoundError:
                pass
        return total


def fetch_request(topic, offset, most_bytes):
    """Fetch version 4 of partition 0, framed."""
    name = topic.encode()
    body = struct.pack(">hhi", 1, 4, 7) + struct.pack(">h", -1) + struct.pack(">iiii", -1, 500, 1, most_bytes) + b"\0"
    body += struct.pack(">ih", 1, len(name)) + name + struct.pack(">iiqi", 1, 0, offset, most_bytes)
    return struct.pack(">i", len(body)) + body


def read_exactly(talk, into):
    done = 0
    while done < len(into):
        got = talk.recv_into(into[done:])
        if got == 0:
            raise ConnectionError("closed by the broker")
        done += got


def read_old(target, topic, seconds):
    """Reads the topic from its beginning, evicted again each time it has come to the end. Bytes a second."""
    host, port = target.broker.address.rsplit(":", 1)
    buffer = memoryview(bytearray(8 << 20))
    total, offset, begun = 0, 0, time.monotonic()
    target.evict(topic)
    with socket.create_connection((host, int(port))) as talk:
        while time.monotonic() - begun < seconds:
            talk.sendall(fetch_request(topic, offset, 1 << 20))
            read_exactly(talk, buffer[:4])
            size = struct.unpack_from(">i", buffer)[0]
            read_exactly(talk, buffer[:size])
            # Correlation id, throttle time, one topic, its name, one partition, its number, error, two offsets, no
            # aborted transactions.
            at = 4 + 4 + 4
            at += 2 + struct.unpack_from(">h", buffer, at)[0] + 4 + 4
            error = struct.unpack_from(">h", buffer, at)[0]
            if error:
                raise RuntimeError(f"fetch from {offset} is refused with error {error}")
            at += 2 + 8 + 8
            at += 4 + 16 * max(0, struct.unpack_from(">i", buffer, at)[0])
            left = struct.unpack_from(">i", buffer, at)[0]
            at += 4
            if left <= 0:
                offset = 0
                target.evict(topic)
                continue
            total += left
            while left >= 61:
                base, length = struct.unpack_from(">qi", buffer, at)
                if length + 12 > left:
                    break
                offset = base + struct.unpack_from(">i", buffer, at + 23)[0] + 1
                at += length + 12
                left -= length + 12
    return total / (time.monotonic() - begun)


def fill(options, target, topic, gib):
    rate = 1200
    seconds = gib * GIB / (rate * 262144)
    subprocess.run(
        [os.path.join(options.bin, "tidelog-bench"), "produce", "--bootstrap", target.broker.address, "--topic", topic,
         "--batch-bytes", "262144", "--connections", "2", "--depth", "2", "--rate", str(rate), "--warm-up", "0s",
         "--duration", f"{seconds:.1f}s", "--acks", "1", "--topic-config", f"flush.messages={compare.PAGE_CACHE}",
         "--topic-config", "segment.bytes=1073741824"],
        check=True, stdout=subprocess.DEVNULL)


def tail_latencies(options, target, durable):
    flush = "1" if durable else compare.PAGE_CACHE
    acknowledged, delivered = compare.bench(
        options, target.broker, "round-trip",
        ["--batch-bytes", "1024", "--connections", "1", "--rate", str(options.rate), "--acks", "1"],
        [f"flush.messages={flush}"])
    return acknowledged["latency_us"], delivered["latency_us"]


def beside_reader(options, target, topic, durable):
    """The latencies while another process reads old data, and how much that got."""
    reader = subprocess.Popen(
        [sys.executable, os.path.abspath(__file__), "--read-old", topic, "--data", target.data, "--kafka",
         target.broker.address, "--seconds", str(options.seconds + options.warm_up + 1)], stdout=subprocess.PIPE)
    time.sleep(0.5)
    latencies = tail_latencies(options, target, durable)
    read, _ = reader.communicate()
    if reader.returncode != 0:
        raise RuntimeError("the reader of old data has failed")
    return latencies, float(read)


def measure_tail(options, targets):
    topic = f"old-{os.getpid()}"
    for target in targets:
        fill(options, target, topic, options.fill_gib)
    for durable in (False, True):
        rows = {target: {"alone": [], "beside": [], "read": []} for target in targets}
        for _ in range(options.rounds):
            for target in targets:
                rows[target]["alone"].append(tail_latencies(options, target, durable))
                beside, read = beside_reader(options, target, topic, durable)
                rows[target]["beside"].append(beside)
                rows[target]["read"].append(read)
        for target in targets:
            show_tail(target, "durable" if durable else "page cache", rows[target])
    for target in targets:
        delete_topic(options, target, topic)


def show_latencies(measured, target, durability, rows):
    for which, what in enumerate(("produce", "tail fetch")):
        for percentile in ("p50", "p99"):
            alone, together = (statistics.median(each[which][percentile] for each in rows[key])
                               for key in ("alone", "beside"))
            print(f"{measured:<6} {target.broker.name:<9} {durability:<11} {what:<11} {percentile}: alone {alone:8.0f} us  "
                  f"beside {together:8.0f} us  grows {together / alone:6.2f} x")
    sys.stdout.flush()


def show_tail(target, durability, rows):
    show_latencies("tail", target, durability, rows)
    read = statistics.median(rows["read"])
    print(f"tail   {target.broker.name:<9} {durability:<11} old data is read at {read / 1e6:.0f} MB/s")
    sys.stdout.flush()


def delete_topic(options, target, topic):
    subprocess.run([os.path.join(options.bin, "tidelog"), "--bootstrap", target.broker.address, "topic", "delete",
                    topic], check=True, stdout=subprocess.DEVNULL)


def start_stream(options, target, topic, *more):
    return subprocess.Popen(
        [os.path.join(options.bin, "tidelog-bench"), "produce", "--bootstrap", target.broker.address, "--topic", topic,
         "--batch-bytes", "262144", "--connections", "2", "--depth", "2", "--warm-up", "0s", "--duration", "1h",
         "--acks", "1", "--topic-config", f"flush.messages={compare.PAGE_CACHE}", "--topic-config",
         "segment.bytes=1073741824", *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def beside_stream(options, target):
    """The latencies of durable records while another topic is streamed into the page cache."""
    topic = f"beside-{os.getpid()}-{time.monotonic_ns()}"
    producer = start_stream(options, target, topic, "--rate", str(options.stream_rate))
    try:
        # Until the kernel has something to write back.
        time.sleep(4)
        return tail_latencies(options, target, True)
    finally:
        producer.send_signal(signal.SIGTERM)
        producer.wait()
        delete_topic(options, target, topic)


def measure_beside(options, targets):
    rows = {target: {"alone": [], "beside": []} for target in targets}
    for _ in range(options.rounds):
        for target in targets:
            rows[target]["alone"].append(tail_latencies(options, target, True))
            rows[target]["beside"].append(beside_stream(options, target))
    for target in targets:
        show_latencies("beside", target, "durable", rows[target])


def measure_stream(options, targets):
    """Time for each stretch of the stream; the producer sends as fast as it is answered."""
    for target in targets:
        topic = f"stream-{os.getpid()}-{time.monotonic_ns()}"
        producer = start_stream(options, target, topic)
        stretches, done, begun = [], 0, time.monotonic()
        try:
            while done < options.stream_gib and producer.poll() is None:
                time.sleep(0.02)
                reached = target.bytes_of(topic) / GIB
                if reached >= done + options.stretch_gib:
                    now = time.monotonic()
                    stretches.append((reached - done) / (now - begun))
                    done, begun = reached, now
        finally:
            producer.send_signal(signal.SIGTERM)
            producer.wait()
        delete_topic(options, target, topic)
        middle = statistics.median(stretches)
        print(f"stream {target.broker.name:<9} {len(stretches)} stretches of {options.stretch_gib} GiB: median "
              f"{middle * 1073.7:.0f} MB/s, worst {min(stretches) / middle:.2f} of it, in turn: "
              + " ".join(f"{each / middle:.2f}" for each in stretches))
        sys.stdout.flush()
        time.sleep(options.pause)


def limit_memory(pid, mib):
    """A control group of the process's own. Returns its directory."""
    group = f"/sys/fs/cgroup/memory/tidelog-cold-{pid}"
    os.mkdir(group)
    with open(os.path.join(group, "memory.limit_in_bytes"), "w", encoding="ascii") as file:
        file.write(str(mib << 20))
    with open(os.path.join(group, "cgroup.procs"), "w", encoding="ascii") as file:
        file.write(str(pid))
    return group


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="build/release/bin", help="where tidelogd and the benchmark programs are")
    parser.add_argument("--dir", default=tempfile.gettempdir(), help="file system that is measured")
    parser.add_argument("--kafka", help="HOST:PORT of an Apache Kafka that runs on this machine")
    parser.add_argument("--kafka-pid", type=int, default=0, help="its process id, for --memory-mib")
    parser.add_argument("--kafka-data", help="its log.dirs")
    parser.add_argument("--no-tidelogd", action="store_true", help="only Kafka")
    parser.add_argument("--only", choices=["tail", "beside", "stream"])
    parser.add_argument("--memory-mib", type=int, default=0, help="what each broker may use, page cache included")
    parser.add_argument("--rate", type=int, default=1000, help="records a second whose way is measured")
    parser.add_argument("--fill-gib", type=float, default=3, help="old data")
    parser.add_argument("--stream-gib", type=float, default=8)
    parser.add_argument("--stream-rate", type=int, default=800, help="requests of 256 KiB a second, for `beside`")
    parser.add_argument("--stretch-gib", type=float, default=1)
    parser.add_argument("--pause", type=float, default=10, help="seconds for the disk between two brokers' streams")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--warm-up", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--read-old", help=argparse.SUPPRESS)
    parser.add_argument("--data", help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = parse_arguments()
    if options.read_old:
        target = Target(compare.Broker("", options.kafka, 0), options.data)
        print(read_old(target, options.read_old, options.seconds))
        return
    targets, groups, process = [], [], None
    home = tempfile.mkdtemp(prefix="tidelog-cold-", dir=options.dir)
    try:
        if not options.no_tidelogd:
            data = os.path.join(home, "data")
            os.mkdir(data)
            process, broker, _ = compare.start_tidelogd(options, data)
            targets.append(Target(broker, data))
        if options.kafka:
            targets.append(Target(compare.Broker("kafka", options.kafka, options.kafka_pid), options.kafka_data))
        if options.memory_mib:
            groups = [limit_memory(target.broker.pid, options.memory_mib) for target in targets]
        for name, measure in (("tail", measure_tail), ("beside", measure_beside), ("stream", measure_stream)):
            if options.only in (None, name):
                measure(options, targets)
    finally:
        if process:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
        for group in groups:
            with open(os.path.join(group, "cgroup.procs"), encoding="ascii") as file:
                for pid in file.read().split():
                    with open("/sys/fs/cgroup/memory/cgroup.procs", "w", encoding="ascii") as parent:
                        parent.write(pid)
            os.rmdir(group)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
