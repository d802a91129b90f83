#!/usr/bin/env python3
"""Lets the kernel refuse what a running tidelogd asks of one of its files (strace injects the errors), under the load of
librdkafka. The daemon stays and other topics go on; a partition that goes offline says why, and `tidelog topic recover` brings
it back when the disk is well again, without a restart; everything that was acknowledged is there then, and after a kill.

    disk_errors.py [--case NAME]... [--list]

Where nobody may trace a process it says NOT TESTED.
"""

import argparse
import collections
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import real_clients
import harness
import rdkafka

RECORDS = 50
TROUBLED = real_clients.Topic("troubled", 1, {"segment.bytes": 1048576}, True, True)
OTHER = real_clients.Topic("other", 3, {}, True, True)
# The kernel syncs it when it likes: no commit journal is needed for it.
CACHED = real_clients.Topic("cached", 1, {"flush.messages": 9223372036854775807}, True, False)
TOPICS = (TROUBLED, OTHER, CACHED)
SEGMENT = TROUBLED.name + "-0/" + "0" * 20 + ".log"
JOURNAL_BYTES = 8 << 20


class Sender:
    """Sends until it is told to stop, and keeps what was acknowledged and what was refused."""

    def __init__(self, address, topic, **settings):
        self.topic = topic
        self.ledger = real_clients.Ledger()
        self.refused = 0
        self.number = 0
        self.producer = rdkafka.Producer(address, self._told, **settings)

    def _told(self, mine, error, offset):
        if error == rdkafka.ACKNOWLEDGED:
            self.ledger.store(mine[0], offset, mine[1])
        else:
            self.refused += 1

    def send(self, count, length=None):
        """Returns when each has its answer; how many were refused."""
        before = self.refused
        for _ in range(count):
            place = (self.topic.name, self.number % self.topic.partitions)
            value = b"0 %d %s" % (self.number // self.topic.partitions, b"." * (self.number * 7 % 300 if length is None else length))
            while not self.producer.send(*place, value, (place, value)):
                self.producer.poll(50)
            self.number += 1
            self.producer.poll(1)
        give_up = time.monotonic() + 60
        while self.producer.waiting():
            self.producer.poll(50)
            if time.monotonic() > give_up:
                raise real_clients.Broken(f"{self.producer.waiting()} records for {self.topic.name} have no answer")
        return self.refused - before


class Fault:
    """The disk of a running daemon fails from the beginning of this to its end."""

    def __init__(self, daemon, directory, case, trace):
        self.trace = trace
        # Without a name the call fails for every file.
        names = [part for name in case.files for part in ("-P", os.path.normpath(os.path.join(directory, name)))]
        self.strace = subprocess.Popen(
            ["strace", "-f", "-p", str(daemon.process.pid), "-o", trace, *names, "-e", f"trace={case.calls}",
             "-e", f"inject={case.calls}:error={case.error}"], stderr=subprocess.PIPE, text=True)
        said = self.strace.stderr.readline()
        if "attached" not in said:
            raise real_clients.Broken(f"strace: {said}")

    def has_struck(self):
        with open(self.trace, encoding="utf-8", errors="replace") as file:
            return "(INJECTED)" in file.read()

    def end(self):
        if self.strace.poll() is None:
            self.strace.send_signal(signal.SIGINT)
            self.strace.communicate()


class World:
    """The daemon, with a client for each topic."""

    def __init__(self, directory, journal_bytes):
        self.directory = directory
        self.broker = real_clients.Broker(directory, journal_bytes=journal_bytes)
        self.broker.start(TOPICS)
        # One that gives up does so within a few seconds.
        self.troubled = Sender(self.broker.address, TROUBLED, message_timeout_ms=3000, retries=0)
        self.other = Sender(self.broker.address, OTHER, message_timeout_ms=10000)
        self.cached = Sender(self.broker.address, CACHED, message_timeout_ms=10000)
        self.senders = (self.troubled, self.other, self.cached)

    def tidelog(self, *arguments):
        return harness.run([os.path.join(harness.PROGRAMS, "tidelog"), "-b", self.broker.address, *arguments], check=False)

    def partition(self):
        return json.loads(self.tidelog("topic", "describe", TROUBLED.name, "-o", "json").stdout)[0]["partitions"][0]

    def check(self, when):
        for sender in self.senders:
            try:
                real_clients.Checker(self.broker, sender.ledger, (sender.topic,)).check(everything=True)
            except real_clients.Broken as failure:
                raise real_clients.Broken(f"{when}: {failure}") from failure

    def wait_until(self, is_so, what):
        give_up = time.monotonic() + harness.PATIENCE
        while not is_so():
            if time.monotonic() > give_up:
                raise real_clients.Broken(what)
            time.sleep(0.02)


# What the daemon is asked to do while the disk fails.

def write(world, fault):
    world.troubled.send(RECORDS)


def write_over_the_segments_end(world, fault):
    for _ in range(3):
        world.troubled.send(15, length=30000)


def delete_segments(world, fault):
    write_over_the_segments_end(world, fault)
    world.tidelog("config", "set", "topic:" + TROUBLED.name, "retention.bytes=1")
    world.wait_until(fault.has_struck, "nothing is deleted")
    world.troubled.send(RECORDS)


def create_topic(world, fault):
    if world.tidelog("topic", "create", "new").returncode == 0:
        raise real_clients.Broken("a topic was created whose directory is not on disk")


def note_checkpoints(world, fault):
    world.troubled.send(RECORDS)
    world.wait_until(fault.has_struck, "no checkpoint is written")
    world.troubled.send(RECORDS)


def read(world, fault):
    reader = rdkafka.Reader(world.broker.address, checks_checksums=True)
    try:
        records, error = reader.read(TROUBLED.name, 0, 0, seconds=3)
        what = f"{len(records)} records and " + (rdkafka.error_text(error) if error else "an end")
        if records or not error:
            raise real_clients.Broken(f"the disk gives nothing, and a reader gets {what}")
    except rdkafka.Waits as waiting:
        # It tries again, as clients do, for as long as anybody lets it.
        if waiting.records:
            raise real_clients.Broken(f"the disk gives nothing, and a reader gets {len(waiting.records)} records") from waiting
    finally:
        reader.close()


# What has to come of it; each is called while the disk still fails, and says what it saw.

def goes_on(world):
    if world.troubled.refused or world.other.refused or world.cached.refused:
        raise real_clients.Broken(f"records were refused: {[sender.refused for sender in world.senders]}")
    return "nothing was refused"


def is_told(world, reason):
    """Whether the partition's state or the log has it."""
    return reason in (world.partition()["reason"] or "") or reason in world.broker.daemon.log()


def refuses(world):
    if not world.troubled.refused:
        raise real_clients.Broken("the disk failed, and every record was acknowledged")
    if not is_told(world, "Input/output error") and not is_told(world, "No space left on device"):
        raise real_clients.Broken("records were refused, and neither the log nor `topic describe` says why")
    return f"{world.troubled.refused} records were refused"


def goes_offline(world):
    if not world.troubled.refused:
        raise real_clients.Broken("the disk failed, and every record was acknowledged")
    shown = world.partition()
    if shown["state"] != "offline" or "Input/output error" not in (shown["reason"] or ""):
        raise real_clients.Broken(f"an offline partition and its reason were to be shown, not {shown}")
    recovered = world.tidelog("topic", "recover", TROUBLED.name)
    if recovered.returncode == 0 and world.troubled.send(1):
        raise real_clients.Broken("it is called recovered while the disk still fails, and refuses records")
    return f"offline, {world.troubled.refused} records were refused"


def durable_topics_refuse(world):
    """The journal has failed, and so has the new one: until the next start (docs/operations.md, "Durability")."""
    refused = world.troubled.send(5), world.other.send(3)
    if refused != (5, 3):
        raise real_clients.Broken(f"without a journal {refused} of 5 and 3 records were refused")
    if not is_told(world, "Input/output error"):
        raise real_clients.Broken("the log does not say why")
    return "durable topics refused records, and were read"


# `files` are names below the data directory; `renamed` is done before.
Case = collections.namedtuple("Case", "calls files error work outcome journal renamed", defaults=(JOURNAL_BYTES, None))
# The file that the daemon has open fails under another name, and the new one that it makes instead does not.
FAILING = {"files": ["failing-journal"], "renamed": ("commit-journal", "failing-journal")}
CASES = {
    "segment-write": Case("pwrite64", [SEGMENT], "EIO", write, goes_offline),
    "segment-write-without-room": Case("pwrite64", [SEGMENT], "ENOSPC", write, refuses),
    "segment-write-and-cut": Case("pwrite64,ftruncate", [SEGMENT], "EIO", write, goes_offline),
    "segment-sync": Case("fdatasync", [SEGMENT], "EIO", write_over_the_segments_end, goes_offline),
    "segment-sync-without-journal": Case("fdatasync", [SEGMENT], "EIO", write, goes_offline, 0),
    "segment-sync-without-room": Case("fdatasync", [SEGMENT], "ENOSPC", write, refuses, 0),
    "segment-read": Case("pread64,preadv2,sendfile,mmap", [SEGMENT], "EIO", read, goes_on),
    "journal-write-once": Case("pwrite64", error="EIO", work=write, outcome=goes_on, **FAILING),
    "journal-sync-once": Case("fdatasync", error="EIO", work=write, outcome=goes_on, **FAILING),
    "journal-write": Case("pwrite64", ["commit-journal"], "EIO", write, durable_topics_refuse),
    "journal-sync": Case("fdatasync", ["commit-journal"], "EIO", write, durable_topics_refuse),
    "directory-sync": Case("fsync", [TROUBLED.name + "-0"], "EIO", write_over_the_segments_end, goes_offline),
    "data-directory-sync": Case("fsync", [""], "EIO", create_topic, goes_on),
    "checkpoint-rename": Case("rename", [], "EIO", note_checkpoints, goes_on),
    "segment-rename": Case("rename", [SEGMENT], "EIO", delete_segments, goes_on),
}


def check_well_again(world, case):
    """The disk is; nobody has started the daemon anew."""
    if case.outcome is goes_offline:
        world.tidelog("topic", "recover", TROUBLED.name)
    if case.error == "ENOSPC":
        # It comes back by itself.
        world.wait_until(lambda: world.partition()["state"] == "online", "there is room, and the partition stays offline")
        world.wait_until(lambda: world.troubled.send(1) == 0, "there is room, and records are refused")
    shown = world.partition()
    if shown["state"] != "online":
        raise real_clients.Broken(f"the disk is well again, and the partition is {shown}")
    if case.outcome is not durable_topics_refuse and any(sender.send(20) for sender in world.senders):
        raise real_clients.Broken("the disk is well again, and records are refused")
    if case.work is delete_segments:
        # No segment that is gone now had been refused; what was acknowledged may be deleted.
        world.troubled.ledger.acknowledged.clear()
        world.troubled.topic = TROUBLED._replace(keeps_all=False)
    world.check("the disk is well again")


def check_next_life(world, case):
    world.broker.kill()
    world.broker.start()
    world.check("after a kill and a start")
    for sender in (Sender(world.broker.address, topic) for topic in TOPICS):
        if sender.send(10):
            raise real_clients.Broken("after a start records are refused")
    world.broker.stop()


def run_case(name, work):
    case = CASES[name]
    world = World(os.path.join(work, name), case.journal)
    fault = None
    try:
        if case.journal:
            # It is laid out when the first batch comes; what is sent afterwards is to be in it.
            world.troubled.send(1)
            journal = os.path.join(world.directory, "commit-journal")
            world.wait_until(lambda: os.path.exists(journal), "there is no commit journal")
        for sender in reversed(world.senders):
            sender.send(RECORDS)
        if case.renamed:
            os.rename(*(os.path.join(world.directory, each) for each in case.renamed))
        fault = Fault(world.broker.daemon, world.directory, case, os.path.join(work, name + ".trace"))
        case.work(world, fault)
        others = [] if case.outcome is durable_topics_refuse else [world.other]
        if any(sender.send(RECORDS) for sender in (world.cached, *others)):
            raise real_clients.Broken("records for a topic whose disk is well were refused")
        seen = case.outcome(world)
        if not fault.has_struck():
            raise real_clients.Broken("the disk was not asked for what it was to refuse")
        if world.broker.daemon.process.poll() is not None:
            raise real_clients.Broken("the daemon has ended")
        fault.end()
        check_well_again(world, case)
        check_next_life(world, case)
        print(f"{name}: {seen}; {sum(sender.ledger.acknowledgements for sender in world.senders)} were acknowledged and are there",
              flush=True)
        return True
    except (real_clients.Broken, harness.Failed, RuntimeError) as failure:
        print(f"{name}: {failure}\nsee it again with: disk_errors.py --case {name}\nthe daemon's last words:\n"
              f"{world.broker.daemon.log()[-3000:]}", file=sys.stderr, flush=True)
        return False
    finally:
        if fault:
            fault.end()
        world.broker.daemon.close()


def why_not():
    if not shutil.which("strace"):
        return "there is no strace"
    if subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
        return "nobody may trace a process here"
    return None


def run(options):
    if options.list:
        print("\n".join(CASES))
        return 0
    if reason := why_not():
        print(f"NOT TESTED: {reason}")
        return 0
    work = tempfile.mkdtemp(prefix="tidelog-errors-")
    try:
        return 0 if all([run_case(name, work) for name in options.case or CASES]) else 1
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="lets the disk fail under one partition of tidelogd")
    parser.add_argument("--case", action="append", choices=CASES, help="only this one; repeatable")
    parser.add_argument("--list", action="store_true", help="names the cases")
    sys.exit(run(parser.parse_args()))
