#!/usr/bin/env python3
"""Damages one file after the other of a data directory and starts the real daemon on it.

    TIDELOG_BIN=build/dev/bin tests/crash/damage_loop.py --cases 300 --seed 7
    TIDELOG_BIN=build/dev/bin tests/crash/damage_loop.py --seed 7 --case 12     # one of them again

Each case takes a fresh copy of a directory that was stopped cleanly, or killed under idempotent load, and flips bits in
one of its files, cuts it short (segments often where a batch ends) or empties it, fills a part of it with zeros or noise,
makes it longer, or removes it. Then

- the daemon starts and serves; only where meta.properties or the metadata log was hit may it end instead, with one of the
  exit codes for that and a line that names what it cannot do without;
- whoever checks the checksums, as the Java client does, is never given garbage; nor is anybody else, once the daemon has
  read its segments through (docs/operations.md, "Damage on the disk"). Each record that is served stands at the offset that
  was acknowledged;
- every record is served whose bytes were not hit. Only behind damage in what had never been known to be on disk, so never
  after a clean stop, may the log end; what is behind it is then set aside in a file, and the case says so;
- a record that is appended then is served, too, and has no offset that one had that was known to be on disk; after another
  stop and start all of this holds still;
- committed offsets are there, unless the log that holds them was hit.

The seed is printed; the same seed makes the same cases, as far as the clients' batches are the same. Ends with 1 when a
case broke a promise.
"""

import argparse
import collections
import json
import os
import random
import re
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "end_to_end"))
import harness  # noqa: E402
import rdkafka  # noqa: E402

TOPICS = ("orders", "payments")
GROUP = "readers"
APPENDED = b"appended after the start"
SETTINGS = ("offsets.topic.num.partitions=1", "log.flush.offset.checkpoint.interval.ms=500",
            # Small, so that copying it costs little, and so that much of it is in use.
            "log.commit.journal.bytes=8388608",
            "log.scrub.io.max.bytes.per.second=0")
SEGMENT = re.compile(rf"({'|'.join(TOPICS)})-0/\d{{20}}\.log")
ARGUMENTS = [part for setting in SETTINGS for part in ("--set", setting)]
# Where its fields begin: magic, version, directory id, run id, generation, blocks of the ring, checksum; and their end.
JOURNAL_HEADER = (0, 8, 10, 26, 42, 50, 58, 62)
# How often a kind of file is taken, where it is not once.
WEIGHTS = {"log": 6, "commit-journal": 2}
# What a start may call unusable.
INDISPENSABLE = re.compile(r"meta\.properties|__cluster_metadata-0/\d{20}\.log")


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
        # The record with offset N is the N-th of these.
        self.sent = {topic: [b"%06d %s" % (i, topic.encode() * (50 + i * 37 % 100)) for i in range(5000)] for topic in TOPICS}
        world.data = self.directory
        # A life before, so that the metadata log has a recovery point, too.
        world.start(*ARGUMENTS)
        for topic in TOPICS:
            world.create(topic, segment_bytes=1048576)
        self.send(world, 0, 1000)
        assert world.daemon.stop() == 0
        world.start(*ARGUMENTS)
        self.send(world, 1000, 5000)
        if how == "clean":
            assert world.daemon.stop() == 0
        else:
            # Damage below a recovery point, and damage past one.
            give_up = time.monotonic() + harness.PATIENCE
            while min(map(self.recovery_point, TOPICS)) <= 1000:
                assert time.monotonic() < give_up, "no recovery point is noted"
                time.sleep(0.02)
            world.daemon.kill()
        self.on_disk = {topic: self.known_to_be_on_disk(topic) for topic in TOPICS}
        self.batches = {name: self.batches_of(name) for name in self.files() if SEGMENT.fullmatch(name)}

    def send(self, world, begin, end):
        for topic in TOPICS:
            content = b"\n".join(self.sent[topic][begin:end]) + b"\n"
            world.send(topic, content, "-X", "enable.idempotence=true", "-X", "batch.num.messages=50")
            world.tidelog("group", "offsets", "reset", GROUP, "--topic", topic, "--to-offset", str(end * 4 // 5), "--execute")

    def known_to_be_on_disk(self, topic):
        """The offset below which everything is."""
        return len(self.sent[topic]) if self.how == "clean" else self.recovery_point(topic)

    def recovery_point(self, topic):
        file = os.path.join(self.directory, "recovery-point-offset-checkpoint")
        if not os.path.exists(file):
            return 0
        with open(file, encoding="ascii") as opened:
            found = re.search(rf"^{topic} 0 (\d+)$", opened.read(), re.MULTILINE)
        return int(found.group(1)) if found else 0

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

    def place_in(self, name, size, dice):
        """Where to begin: anywhere, but more often where there is more to be hit."""
        if name == "commit-journal" and dice.random() < 0.6:
            # In one of the fields of one of its two headers (include/tidelog/storage/journal_file.hpp).
            begin = dice.randrange(len(JOURNAL_HEADER) - 1)
            return dice.randrange(2) * 4096 + dice.randrange(*JOURNAL_HEADER[begin:begin + 2])
        return dice.randrange(size)

    def place_to_cut(self, name, size, dice):
        if name in self.batches and dice.random() < 0.5:
            return dice.choice(self.batches[name])[0]
        return self.place_in(name, size, dice)


def damage(original, directory, name, dice):
    """Does something to the file; what it was, and the range of bytes that are not what they were."""
    file = os.path.join(directory, name)
    size = os.path.getsize(file)
    way = dice.choice(["remove", "lengthen"] + (["flip", "flip", "noise", "zeros", "shorten", "shorten", "empty"] if size else []))
    if way == "remove":
        os.remove(file)
        return way, 0, size
    with open(file, "r+b") as opened:
        if way == "lengthen":
            opened.seek(size)
            added = dice.choice([1, 61, 4096])
            opened.write(dice.choice([b"\0" * added, dice.randbytes(added)]))
            return way, size, size + added
        if way in ("shorten", "empty"):
            at = 0 if way == "empty" else original.place_to_cut(name, size, dice)
            opened.truncate(at)
            return way, at, size
        at = original.place_in(name, size, dice)
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
        self.topic = name.split("-0/")[0] if SEGMENT.fullmatch(name) else None
        self.appended = {}
        self.figures = collections.Counter()

    def text(self):
        known = f", known to be on disk up to offset {self.original.on_disk[self.topic]}" if self.topic else ""
        return f"{self.original.how} stop, {self.name}: {self.way} {self.begin} to {self.end}{known}"

    def hit(self):
        """The batches that were hit; none where it was another file."""
        return [batch for batch in self.original.batches.get(self.name, ()) if batch[0] < self.end and batch[1] > self.begin]

    def may_be_lost(self, topic):
        """Offsets from, to."""
        hit = self.hit() if topic == self.topic else []
        if not hit:
            return 0, 0
        first, upto = hit[0][2], hit[-1][3]
        # Past the recovery point the log ends where the first batch does not check.
        return first, upto if upto <= self.original.on_disk[topic] else len(self.original.sent[topic])

    def read_checked(self, topic):
        """As the Java client does, moved on where it refuses a batch."""
        reader = rdkafka.Reader(self.world.daemon.address, checks_checksums=True)
        try:
            records, error = reader.read(topic, 0, 0, harness.PATIENCE)
            if error == rdkafka.DAMAGED_BATCH:
                self.figures["batches refused by a client"] += 1
                rest, error = reader.read(topic, 0, self.may_be_lost(topic)[1], harness.PATIENCE)
                records += rest
        finally:
            reader.close()
        if error:
            raise Broken(f"{topic}: a reader was told: {rdkafka.error_text(error)}")
        return records

    def read_unchecked(self, topic):
        """By a process of its own, which garbage may end."""
        got = self.world.receive(topic, "beginning", "-X", "check.crcs=false", "-X", "fetch.wait.max.ms=5", "-f", "%o|%s\n")
        records = []
        for line in got.split(b"\n")[:-1]:
            offset, _, value = line.partition(b"|")
            records.append((int(offset) if offset.isdigit() else -1, value))
        return records

    def append(self, topic):
        """Before anything is read, so that there is always something behind what may be lost."""
        told = []
        producer = rdkafka.Producer(self.world.daemon.address, lambda _, error, offset: told.append((error, offset)),
                                    message_timeout_ms=harness.PATIENCE * 1000)
        producer.send(topic, 0, APPENDED, None)
        while not told:
            producer.poll(100)
        error, offset = told[0]
        if error:
            raise Broken(f"{topic}: nothing can be appended: {rdkafka.error_text(error)}")
        known = self.original.on_disk[topic] if self.may_be_lost(topic)[1] else len(self.original.sent[topic])
        if offset < known:
            raise Broken(f"{topic}: offset {offset} is given a second time, all below {known} had been")
        self.appended[topic] = offset

    def check_served(self, topic, records):
        """The records from the beginning to the end: all that are sound, each at its offset, once, and nothing else."""
        sent = self.original.sent[topic]
        appended = self.appended[topic]
        wanted = dict(enumerate(sent[:appended])) | {appended: APPENDED}
        garbage = [offset for offset, value in records if wanted.get(offset) != value]
        if garbage:
            raise Broken(f"{topic}: {len(garbage)} records are served that were not sent with that offset, the first has {garbage[0]}")
        offsets = [offset for offset, _ in records]
        if any(later <= earlier for earlier, later in zip(offsets, offsets[1:])):
            raise Broken(f"{topic}: offsets do not rise")
        lost = sorted(set(range(len(sent))).union([appended]).difference(offsets, range(*self.may_be_lost(topic))))
        if lost:
            raise Broken(f"{topic}: {len(lost)} sound records are not served, the first has offset {lost[0]}, the last {lost[-1]}")

    def check_offsets(self):
        if re.fullmatch(r"__consumer_offsets-0/\d{20}\.log", self.name):
            return
        shown = self.world.tidelog_json("group", "describe", GROUP)
        text = json.dumps(shown)
        if text.count("4000") < len(TOPICS):
            raise Broken(f"committed offsets are gone: {text}")

    def refused(self, daemon, failure):
        code = daemon.wait()
        last = daemon.lines[-1] if daemon.lines else ""
        if code not in (6, 7, 8) or "cannot start" not in last:
            raise Broken(f"ended with {code}: {failure}") from failure
        if not INDISPENSABLE.fullmatch(self.name):
            raise Broken(f"ended with {code}, and could have done without that file: {last}")
        return "refused", last.split("cannot start: ")[1]

    def run(self):
        """served, or refused, with why."""
        daemon = self.start("--set", "log.scrub.interval.hours=-1")
        try:
            daemon.ready()
        except harness.Failed as failure:
            return self.refused(daemon, failure)
        before = {}
        for topic in TOPICS:
            self.append(topic)
            before[topic] = self.read_checked(topic)
            self.check_served(topic, before[topic])
        self.check_offsets()
        self.stop(daemon)
        self.check_next_life(before)
        return "served", None

    def check_next_life(self, before):
        # A round of reading is due.
        open(os.path.join(self.world.data, ".scrub-progress"), "w", encoding="ascii").close()
        daemon = self.start().ready()
        daemon.wait_for_line("every segment has been read through")
        for topic in TOPICS:
            records = self.read_unchecked(topic)
            self.check_served(topic, records)
            self.figures["records lost"] += len(self.original.sent[topic]) + 1 - len(records)
            if gone := set(before[topic]).difference(records):
                raise Broken(f"{topic}: {len(gone)} records were served and are not after another stop and start, the first has "
                             f"offset {min(gone)[0]}")
        self.check_offsets()
        self.stop(daemon)

    def start(self, *arguments):
        self.world.daemon = self.world.spawn(*ARGUMENTS, *arguments)
        return self.world.daemon

    @staticmethod
    def stop(daemon):
        if daemon.stop() != 0:
            raise Broken("does not stop cleanly:\n" + daemon.log())


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


def run_case(world, originals, number, options, counts, reasons):
    """Whether no promise was broken."""
    # Each has dice of its own, so that it can be seen again without those before it; and for each file, since which there are
    # depends a little on time.
    seed = f"{options.seed} {number}"
    original = random.Random(seed).choice(originals)
    kinds = collections.defaultdict(list)
    for name in original.files():
        if not name.endswith((".tmp", ".scrub-progress")):
            kinds[kind_of(name)].append(name)
    kind = options.kind or max(kinds, key=lambda each: random.Random(f"{seed} {each}").random() ** (1 / WEIGHTS.get(each, 1)))
    name = max(kinds[kind], key=lambda each: random.Random(f"{seed} {each}").random())
    world.data = world.path("case")
    shutil.copytree(original.directory, world.data)
    case = Case(world, original, name, *damage(original, world.data, name, random.Random(seed)))
    damaged = world.data + "-damaged"
    if options.keep:
        shutil.copytree(world.data, damaged)
    try:
        outcome, reason = case.run()
        counts[kind][outcome] += 1
        if reason:
            reasons[f"{kind}: {reason}".replace(world.work, "")] += 1
        return True
    except (Broken, harness.Failed, AssertionError, RuntimeError) as failure:
        counts[kind]["broken"] += 1
        print(f"case {number}: {case.text()}\n  {str(failure)[:200]} … {str(failure)[-1000:]}", flush=True)
        if options.keep:
            shutil.copytree(damaged, f"{options.keep}-{number}", dirs_exist_ok=True)
        return False
    finally:
        counts[kind].update(case.figures)
        world.end_case()
        shutil.rmtree(world.data)
        shutil.rmtree(damaged, ignore_errors=True)


def run_cases(world, options):
    originals = [Original(world, how) for how in ("clean", "killed")]
    world.end_case()
    counts = collections.defaultdict(collections.Counter)
    reasons = collections.Counter()
    numbers = range(options.cases) if options.case is None else [options.case]
    broken = sum(not run_case(world, originals, number, options, counts, reasons) for number in numbers)
    for kind in sorted(counts):
        print(f"{kind:36} " + ", ".join(f"{what} {count}" for what, count in sorted(counts[kind].items()) if count))
    for reason, count in sorted(reasons.items()):
        print(f"refused {count}: {reason}")
    print(f"seed {options.seed}: {len(numbers)} cases, {broken} broke a promise")
    return 1 if broken else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--case", type=int, help="only the one with this number")
    parser.add_argument("--kind", help="only files of this kind, as the summary calls them")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--keep", help="copies the directories of broken cases, as they were damaged, to KEEP-NUMBER")
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
