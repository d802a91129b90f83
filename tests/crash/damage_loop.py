#!/usr/bin/env python3
"""Damages one file after the other of a data directory and starts the real daemon on it.

    TIDELOG_BIN=build/dev/bin tests/crash/damage_loop.py --cases 300 --seed 7

Each case takes a fresh copy of a directory that was stopped cleanly, or killed under idempotent load, and flips bits in
one of its files, cuts it short, fills a part of it with zeros or noise, makes it longer, or removes it. Then

- the daemon starts and serves, or ends with an exit code and a line that names what it cannot do without;
- once the daemon has read its segments through (docs/operations.md, "Damage on the disk"), every record that is served
  is one that was sent, in its order: garbage never;
- every record is served whose bytes were not hit. Behind damage in what had never been known to be on disk the log may
  end; what is behind it is then set aside in a file, and the case says so;
- committed offsets are there, unless their own file was hit.

The seed is printed; the same seed makes the same cases. Ends with 1 when a case broke a promise.
"""

import argparse
import collections
import json
import os
import random
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "end_to_end"))
import harness  # noqa: E402

TOPICS = ("orders", "payments")
GROUP = "readers"


class Broken(AssertionError):
    """A promise that a case broke."""


def kind_of(name):
    """What the report counts a file as."""
    base = os.path.basename(name)
    for ending in (".log", ".index", ".timeindex", ".snapshot", ".checkpoint"):
        if base.endswith(ending):
            owner = os.path.dirname(name)
            prefix = {"__cl": "metadata ", "__co": "offsets "}.get(owner[:4], "")
            return prefix + ending[1:]
    return base


class Original:
    """A directory as a daemon left it, and what is in it."""

    def __init__(self, world, how):
        self.how = how
        self.directory = world.path("original-" + how)
        world.data = self.directory
        world.start("--set", "offsets.topic.num.partitions=1", "--set", "log.flush.offset.checkpoint.interval.ms=500")
        for topic in TOPICS:
            world.create(topic, segment_bytes=1048576)
        self.sent = {}
        for topic in TOPICS:
            sent = [b"%06d %s" % (i, topic.encode() * (50 + i * 37 % 100)) for i in range(5000)]
            world.send(topic, b"\n".join(sent) + b"\n", "-X", "enable.idempotence=true", "-X", "batch.num.messages=50")
            self.sent[topic] = sent
            world.tidelog("group", "offsets", "reset", GROUP, "--topic", topic, "--to-offset", "4321", "--execute")
        if how == "clean":
            assert world.daemon.stop() == 0
        else:
            world.daemon.kill()
        self.batches = {}
        for topic in TOPICS:
            for name in self.files():
                if name.startswith(topic + "-0/") and name.endswith(".log"):
                    self.batches[name] = self.batches_of(name)

    def files(self):
        found = []
        for root, _, names in os.walk(self.directory):
            found += [os.path.relpath(os.path.join(root, name), self.directory) for name in names]
        return sorted(found)

    def batches_of(self, name):
        """(position, end, first offset, next offset) of each."""
        dumped = harness.run([os.path.join(harness.PROGRAMS, "tidelog"), "log", "dump",
                              os.path.join(self.directory, name), "-o", "json"]).stdout
        found = []
        for line in dumped.splitlines():
            batch = json.loads(line)
            found.append((batch["position"], batch["position"] + batch["size_bytes"], batch["base_offset"],
                          batch["last_offset"] + 1))
        return found


def damage(file, dice):
    """Does something to the file; what it was, and the range of bytes that are not what they were."""
    size = os.path.getsize(file)
    ways = ["remove", "lengthen"] + (["flip", "flip", "noise", "zeros", "shorten"] if size else [])
    way = dice.choice(ways)
    if way == "remove":
        os.remove(file)
        return way, 0, size
    with open(file, "r+b") as opened:
        if way == "lengthen":
            opened.seek(size)
            added = dice.choice([1, 61, 4096])
            opened.write(dice.choice([b"\0" * added, dice.randbytes(added)]))
            return way, size, size + added
        at = dice.randrange(size)
        if way == "shorten":
            opened.truncate(at)
            return way, at, size
        length = 1 if way == "flip" else min(dice.choice([2, 100, 5000]), size - at)
        opened.seek(at)
        was = opened.read(length)
        now = {"flip": lambda: bytes([was[0] ^ (1 << dice.randrange(8))]), "noise": lambda: dice.randbytes(length),
               "zeros": lambda: b"\0" * length}[way]()
        opened.seek(at)
        opened.write(now)
        return way, at, at + length


class Case:
    def __init__(self, world, original, name, way, begin, end):
        self.world, self.original = world, original
        self.name, self.way, self.begin, self.end = name, way, begin, end
        self.topic = name.split("-0/")[0] if name.endswith(".log") and name.split("-0/")[0] in TOPICS else None

    def text(self):
        return f"{self.original.how} stop, {self.name}: {self.way} {self.begin} to {self.end}"

    def may_be_lost(self):
        """Of the topic whose segment was hit: offsets from, to."""
        hit = [batch for batch in self.original.batches[self.name] if batch[0] < self.end and batch[1] > self.begin]
        if not hit:
            return 0, 0
        upto = hit[-1][3]
        if self.original.how == "killed" or self.way in ("remove", "shorten"):
            # Past the recovery point the log ends where the first batch does not check.
            upto = len(self.original.sent[self.topic])
        return hit[0][2], upto

    def check_records(self, topic):
        sent = self.original.sent[topic]
        got = self.world.receive(topic, "beginning", "-X", "check.crcs=true").split(b"\n")[:-1]
        first, upto = self.may_be_lost() if topic == self.topic else (0, 0)
        wanted = sent[:first] + sent[upto:]
        at = 0
        for record in got:
            while at < len(sent) and sent[at] != record:
                at += 1
            if at == len(sent):
                raise Broken(f"{topic}: a record is served that was never sent, or out of its order: {record[:80]}")
            at += 1
        served = set(got)
        lost = [record[:6] for record in wanted if record not in served]
        if lost:
            raise Broken(f"{topic}: {len(lost)} sound records are not served, the first is {lost[0]}")
        return len(sent) - len(got)

    def check_offsets(self):
        if self.name.startswith("__"):
            return
        shown = self.world.tidelog_json("group", "describe", GROUP)
        text = json.dumps(shown)
        if text.count("4321") < len(TOPICS):
            raise Broken(f"committed offsets are gone: {text}")

    def run(self):
        """started, with how many records lost, or refused, with why."""
        daemon = self.world.spawn("--set", "log.scrub.io.max.bytes.per.second=0")
        self.world.daemon = daemon
        try:
            daemon.ready()
        except harness.Failed as failure:
            code = daemon.wait()
            last = daemon.lines[-1] if daemon.lines else ""
            if code not in (6, 7, 8) or "cannot start" not in last:
                raise Broken(f"ended with {code}: {failure}") from failure
            return "refused", last.split("cannot start: ")[1]
        daemon.wait_for_line("every segment has been read through")
        lost = sum(self.check_records(topic) for topic in TOPICS)
        self.check_offsets()
        if daemon.stop() != 0:
            raise Broken("does not stop cleanly:\n" + daemon.log())
        return "served", lost


class World(harness.BrokerTest):
    """The helpers of a test, with daemons that end with their case."""

    def runTest(self):
        """There is none."""

    def spawn(self, *arguments, directory=None, listen="127.0.0.1:0"):
        self.daemons = getattr(self, "daemons", [])
        self.daemons.append(harness.Daemon(directory or self.data, *arguments, listen=listen))
        return self.daemons[-1]

    def end_case(self):
        for daemon in self.daemons:
            daemon.close()
        self.daemons = []


def run_cases(world, options):
    dice = random.Random(options.seed)
    originals = [Original(world, how) for how in ("clean", "killed")]
    world.end_case()
    counts = collections.defaultdict(collections.Counter)
    reasons = collections.Counter()
    broken = 0
    for number in range(options.cases):
        original = dice.choice(originals)
        kinds = collections.defaultdict(list)
        for name in original.files():
            if not name.endswith(".tmp"):
                kinds[kind_of(name)].append(name)
        kind = dice.choice(sorted(kinds))
        name = dice.choice(kinds[kind])
        world.data = world.path("case")
        shutil.copytree(original.directory, world.data)
        # A round of reading is due.
        open(os.path.join(world.data, ".scrub-progress"), "w", encoding="ascii").close()
        case = Case(world, original, name, *damage(os.path.join(world.data, name), dice))
        try:
            outcome, detail = case.run()
            counts[kind][outcome] += 1
            if outcome == "served":
                counts[kind]["records lost"] += detail
            else:
                reasons[f"{kind}: {detail}".replace(world.work, "")] += 1
        except (Broken, harness.Failed, AssertionError) as failure:
            broken += 1
            counts[kind]["broken"] += 1
            print(f"case {number}: {case.text()}\n  {str(failure)[:200]} … {str(failure)[-1000:]}", flush=True)
            if options.keep:
                shutil.copytree(world.data, f"{options.keep}-{number}", dirs_exist_ok=True)
        world.end_case()
        shutil.rmtree(world.data)
    for kind in sorted(counts):
        print(f"{kind:36} " + ", ".join(f"{what} {count}" for what, count in sorted(counts[kind].items())))
    for reason, count in sorted(reasons.items()):
        print(f"refused {count}: {reason}")
    print(f"seed {options.seed}: {options.cases} cases, {broken} broke a promise")
    return 1 if broken else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--keep", help="copies the directories of broken cases to KEEP-NUMBER")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    world = World()
    world.setUp()
    try:
        return run_cases(world, options)
    finally:
        world.end_case()
        world.doCleanups()


if __name__ == "__main__":
    sys.exit(main())
