#!/usr/bin/env python3
"""Runs floor, tidelogd and, where an address is given, Apache Kafka one after the other, round by round, and prints
what each reaches as a part of the floor (or of Kafka). Only such ratios mean something: absolute figures differ from
machine to machine and from minute to minute. Needs nothing but Python's standard library.

    bench/compare.py --bin build/release/bin
    bench/compare.py --bin build/release/bin --kafka 127.0.0.1:19092 --kafka-pid $(cat kafka.pid) --only produce

tidelogd is started on an empty directory under --dir and stopped at the end. Kafka, where it is wanted, runs already;
start it with log.retention.check.interval.ms=1000, so that both throw old segments away at the same pace, and with
group.initial.rebalance.delay.ms=0, so that nobody waits in rebalances.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

PAGE_CACHE = "9223372036854775807"
# New segments all the time, and the disk never fills: what the floor does with its files.
ROLLING = ["segment.bytes=268435456", "retention.bytes=536870912", "file.delete.delay.ms=100"]


class Broker:
    def __init__(self, name, address, pid):
        self.name, self.address, self.pid = name, address, pid


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_json(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def start_tidelogd(options, directory, arguments=()):
    """Returns the process, the broker, and how long it took until the first connection was accepted and answered."""
    port = free_port()
    begun = time.monotonic()
    process = subprocess.Popen(
        [os.path.join(options.bin, "tidelogd"), "--data-dir", directory, "--listen", f"127.0.0.1:{port}",
         "--set", "log.retention.check.interval.ms=1000", "--set", "group.initial.rebalance.delay.ms=0", *arguments],
        stdout=subprocess.DEVNULL, stderr=open(os.path.join(directory + ".log"), "w", encoding="utf-8"))
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as talk:
                # ApiVersions version 0, correlation id 1, no client id; any answer will do.
                talk.sendall(bytes.fromhex("0000000a" "00120000" "00000001" "ffff"))
                if talk.recv(4):
                    break
        except OSError:
            pass
        if process.poll() is not None or time.monotonic() - begun > 10:
            raise RuntimeError(f"tidelogd did not start; see {directory}.log")
        time.sleep(0.001)
    return process, Broker("tidelogd", f"127.0.0.1:{port}", process.pid), time.monotonic() - begun


def bench(options, broker, program, arguments, configs):
    topic = f"bench-{os.getpid()}-{time.monotonic_ns()}"
    command = [os.path.join(options.bin, "tidelog-bench"), program, "--bootstrap", broker.address, "--topic", topic,
               "--delete-topic", "--output", "json", "--duration", f"{options.seconds}s", "--warm-up",
               f"{options.warm_up}s", *arguments]
    for config in configs:
        command += ["--topic-config", config]
    if broker.pid:
        command += ["--server-pid", str(broker.pid)]
    return run_json(command)


def bench_group(options, broker, program, arguments):
    command = [os.path.join(options.bin, "tidelog-bench"), "group", program, "--bootstrap", broker.address,
               "--output", "json", "--topic", f"bench-{os.getpid()}-{time.monotonic_ns()}", "--delete-topic",
               *arguments]
    if broker.pid:
        command += ["--server-pid", str(broker.pid)]
    return run_json(command)[0]


def bench_commits(options, broker, arguments, flush):
    """Commits with __consumer_offsets as durable as `flush` says, which for Kafka is not what it is by default."""
    load = ["--duration", f"{options.seconds}s", "--warm-up", f"{options.warm_up}s", *arguments]
    tidelog = [os.path.join(options.bin, "tidelog"), "--bootstrap", broker.address]
    change = [*tidelog, "config", "set", "topic:__consumer_offsets", f"flush.messages={flush}"]
    if subprocess.run(change, capture_output=True).returncode != 0:
        # Nobody has used a group yet.
        bench_group(options, broker, "commits", ["--duration", "100ms", "--warm-up", "0s"])
        subprocess.run(change, check=True, stdout=subprocess.DEVNULL)
    return bench_group(options, broker, "commits", load)


def floor(options, mode, arguments):
    return run_json([os.path.join(options.bin, "tidelog-floor"), mode, "--dir", options.dir, "--seconds",
                     str(options.seconds), "--warm-up", str(options.warm_up), *arguments])[0]


def p50(result):
    return result["latency_us"]["p50"]


class Case:
    """One aim: the same load on floor and brokers, and what is compared."""

    def __init__(self, name, floor_run, broker_run, value, unit, aim, higher_is_better=True, against="floor", cpu=None):
        self.name, self.floor_run, self.broker_run, self.value = name, floor_run, broker_run, value
        self.unit, self.aim, self.higher_is_better, self.against, self.cpu = unit, aim, higher_is_better, against, cpu


def cases(options):
    found = []
    cache = [f"flush.messages={PAGE_CACHE}"] + ROLLING
    for size, connections, depth, aim, cpu, cpu_aim in [
            (262144, 4, 4, 0.85, "server_cpu_s_per_gb", 0.35), (16384, 4, 4, 0.9, "server_cpu_us_per_request", 0.25),
            (256, 4, 16, 0.85, "server_cpu_us_per_request", 0.15)]:
        load = ["--batch-bytes", str(size), "--connections", str(connections), "--depth", str(depth)]
        found.append(Case(
            f"produce {size} B", lambda load=load: floor(options, "sink", load),
            lambda broker, load=load: bench(options, broker, "produce", load + ["--acks", "1"], cache)[0],
            lambda result: result["requests_per_s"], "requests/s", f">= {aim}", cpu=(cpu, f"<= {cpu_aim}")))
    fetch = ["--connections", "2", "--depth", "2"]
    found.append(Case(
        "fetch cached", lambda: floor(options, "sendfile", fetch + ["--batch-bytes", "1048576"]),
        lambda broker: bench(options, broker, "fetch", fetch + ["--batch-bytes", "262144", "--fetch-bytes", "1048576"],
                             [f"flush.messages={PAGE_CACHE}"])[0],
        lambda result: result["bytes_per_s"] / 1e9, "GB/s", ">= 0.9"))
    single = ["--batch-bytes", "1024", "--connections", "1"]
    found.append(Case(
        "produce latency p50", lambda: floor(options, "ping-pong", ["--batch-bytes", "1024"]),
        lambda broker: bench(options, broker, "produce", single + ["--depth", "1", "--acks", "1"], cache)[0],
        p50, "us", "<= 1.15", higher_is_better=False))
    found.append(Case(
        "produce to parked fetch p50", None,
        lambda broker: bench(options, broker, "round-trip", single + ["--rate", "1000", "--acks", "1"], cache)[1],
        p50, "us", "<= 0.5 of Kafka", higher_is_better=False, against="kafka"))
    for connections in (1, 8, 32, 128):
        load = ["--batch-bytes", "1024", "--connections", str(connections), "--depth", "1"]
        found.append(Case(
            f"durable produce, {connections} connections",
            lambda load=load: floor(options, "group-commit", load),
            lambda broker, load=load: bench(options, broker, "produce", load, ["flush.messages=1"])[0],
            lambda result: result["requests_per_s"], "requests/s", ">= 0.8"))
    found += group_cases(options)
    found.append(Case("create topics one by one", None, lambda broker: create_topics(options, broker),
                      lambda result: result, "topics/s", ">= 300/s", against="kafka"))
    return [case for case in found if all(word in case.name for word in options.only)]


def group_cases(options):
    """What consumer groups cost; there is no floor for it."""
    found = []
    # First, because later the members would live in memory that others have left.
    found.append(Case(
        "group memory", None,
        lambda broker: bench_group(options, broker, "memory", ["--groups", "2500", "--members", "4"])
        if broker.pid else {"bytes_per_member": 0},
        lambda result: result["bytes_per_member"], "B/member", "< 2048", higher_is_better=False, against="kafka"))
    # As long as a member's heartbeats are apart, so that every one of them is heard of.
    beats = ["--groups", "1000", "--members", "4", "--interval", "3s", "--warm-up", "3s", "--duration", "9s"]
    for connections in (4, 4000):
        found.append(Case(
            f"group heartbeats, 1000 x 4, {connections} connections", None,
            lambda broker, load=beats + ["--connections", str(connections)]:
                bench_group(options, broker, "heartbeats", load),
            lambda result: result.get("server_cpu_share", 0) * 100, "% of a core", "< 5", higher_is_better=False,
            against="kafka"))
    members = ["--members", "100", "--partitions", "1000", "--rounds", "5"]
    for protocol in ("classic", "consumer"):
        found.append(Case(
            f"group rebalance, {protocol}", None,
            lambda broker, load=members + ["--protocol", protocol]: bench_group(options, broker, "rebalance", load),
            lambda result: result["rebalance_ms"]["median"], "ms", "< 1000", higher_is_better=False,
            against="kafka"))
    for name, flush, aim in (("durable", "1", ">= 10000"), ("page cache", PAGE_CACHE, "-")):
        found.append(Case(
            f"group commits, {name}, 32 connections", None,
            lambda broker, flush=flush: bench_commits(options, broker, ["--connections", "32"], flush),
            lambda result: result["requests_per_s"], "commits/s", aim, against="kafka",
            cpu=("server_cpu_us_per_request", "<= 0.5")))
    return found


def create_topics(options, broker, count=100):
    names = [f"created-{os.getpid()}-{time.monotonic_ns()}-{index}" for index in range(count)]
    tidelog = [os.path.join(options.bin, "tidelog"), "--bootstrap", broker.address, "topic"]
    begun = time.monotonic()
    subprocess.run([*tidelog, "create", *names], check=True, stdout=subprocess.DEVNULL)
    spent = time.monotonic() - begun
    subprocess.run([*tidelog, "delete", *names], check=True, stdout=subprocess.DEVNULL)
    return count / spent


def measure(case, brokers, rounds):
    """All rounds of one case, floor and brokers in turn. A list of results for each name."""
    results = {}
    for _ in range(rounds):
        if case.floor_run:
            results.setdefault("floor", []).append(case.floor_run())
        for broker in brokers:
            results.setdefault(broker.name, []).append(case.broker_run(broker))
    return results


def report(case, results):
    middle = {name: statistics.median(case.value(one) for one in many) for name, many in results.items()}
    line = {"case": case.name, "unit": case.unit, "aim": case.aim, **{name: value for name, value in middle.items()}}
    for name in ("tidelogd", "kafka"):
        for base in ("floor", "kafka"):
            if name != base and name in middle and base in middle:
                line[f"{name}/{base}"] = middle[name] / middle[base]
    if case.cpu:
        key, aim = case.cpu
        spent = {name: statistics.median(one[key] for one in many) for name, many in results.items()
                 if all(key in one for one in many)}
        line["cpu"] = {"unit": key, "aim": f"{aim} of Kafka", **spent}
        if "tidelogd" in spent and "kafka" in spent:
            line["cpu"]["tidelogd/kafka"] = spent["tidelogd"] / spent["kafka"]
    return line


def show(line):
    shown = lambda value: f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    parts = [f"{name} {shown(line[name])}" for name in ("floor", "tidelogd", "kafka") if name in line]
    ratios = [f"{name} {value:.2f}" for name, value in line.items() if "/" in name and isinstance(value, float)]
    print(f"{line['case']:<34} {line['unit']:<11} {'  '.join(parts):<52} {'  '.join(ratios)}  (aim {line['aim']})")
    if "cpu" in line:
        spent = line["cpu"]
        parts = [f"{name} {spent[name]:.4g}" for name in ("floor", "tidelogd", "kafka") if name in spent]
        ratio = f"tidelogd/kafka {spent['tidelogd/kafka']:.2f}" if "tidelogd/kafka" in spent else ""
        print(f"{'':<34} {spent['unit']:<26} {'  '.join(parts)}  {ratio}  (aim {spent['aim']})")
    sys.stdout.flush()


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle(broker, seconds=5):
    before = processor_seconds(broker.pid)
    time.sleep(seconds)
    return {"case": f"{broker.name} idle", "resident_mib": resident_bytes(broker.pid) / 2**20,
            "cpu_ms_per_s": (processor_seconds(broker.pid) - before) * 1000 / seconds}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="build/release/bin", help="where tidelogd and the benchmark programs are")
    parser.add_argument("--dir", default=tempfile.gettempdir(), help="file system that is measured")
    parser.add_argument("--kafka", help="HOST:PORT of an Apache Kafka that runs on this machine")
    parser.add_argument("--kafka-pid", type=int, default=0, help="its process id, for processor time")
    parser.add_argument("--no-tidelogd", action="store_true", help="only floor and Kafka")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--warm-up", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[], help="only the cases whose names have these words")
    parser.add_argument("--json", help="write all figures to this file")
    return parser.parse_args()


def main():
    options = parse_arguments()
    brokers = []
    lines = []
    process = None
    home = tempfile.mkdtemp(prefix="tidelog-compare-", dir=options.dir)
    try:
        if not options.no_tidelogd:
            data = os.path.join(home, "data")
            os.mkdir(data)
            process, broker, ready = start_tidelogd(options, data)
            brokers.append(broker)
            lines.append({**idle(broker), "ready_ms": ready * 1000})
            print("tidelogd ready after {ready_ms:.0f} ms (aim 50), idle: {resident_mib:.1f} MiB (aim 10), "
                  "{cpu_ms_per_s:.2f} ms of processor a second (aim 0)".format(**lines[-1]))
        if options.kafka:
            brokers.append(Broker("kafka", options.kafka, options.kafka_pid))
        for case in cases(options):
            if case.against == "kafka" and not brokers:
                continue
            line = report(case, measure(case, brokers, options.rounds))
            lines.append(line)
            show(line)
    finally:
        if process:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(home, ignore_errors=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(lines, file, indent=2)


if __name__ == "__main__":
    main()
