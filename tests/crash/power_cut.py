#!/usr/bin/env python3
"""Cuts the power of real file systems under a tidelogd at work: a loop-mounted image is shut down (the ioctl of XFS, which
ext4 has too) without writing anything more, the daemon is killed, the image mounted again, and what is there after the next
start is held against what had been promised. First, power is cut at all moments of a first start.

    power_cut.py [--file-systems ext4,xfs] [--cycles N] [--first-starts N] [--many-partitions N | --transactions] [--seed N]

With --many-partitions 2200 so many durable partitions are written to as well. Each cycle waits until the commit journal has
synced the whole file system in the place of their files, and the power goes before that has come again, or a little later.
With --transactions the load are transactional producers on durable topics.

Root only, since it mounts; elsewhere it says NOT TESTED.
"""

import argparse
import fcntl
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import real_clients
import many_partitions
import transactional_clients

SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
WRITE_NOTHING_MORE = 2
IMAGE_BYTES = 400 << 20
# More for each of many partitions: their files have blocks of their own, and a few bytes in each.
PARTITION_BYTES = 256 << 10
# About so many are acknowledged between two syncs of the whole file system.
RECORDS_OF_A_ROUND = 40_000
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"]}


class Disk:
    """A file system of its own that can lose its power."""

    def __init__(self, kind, work, many):
        self.image_bytes = IMAGE_BYTES + many * PARTITION_BYTES
        self.image = os.path.join(work, kind + ".image")
        self.mount_point = os.path.join(work, kind)
        os.mkdir(self.mount_point)
        self.kind = kind
        self.is_mounted = False

    def make(self):
        self.unmount()
        with open(self.image, "wb") as file:
            file.truncate(self.image_bytes)
        subprocess.run([*MAKE[self.kind], self.image], check=True, capture_output=True)
        self.mount()

    def mount(self):
        subprocess.run(["mount", "-o", "loop", self.image, self.mount_point], check=True, capture_output=True)
        self.is_mounted = True

    def unmount(self):
        if self.is_mounted:
            subprocess.run(["umount", self.mount_point], check=True, capture_output=True)
            self.is_mounted = False

    def cut_power(self, broker):
        daemon = broker.daemon
        # It says nothing from here on, as a machine without power does: while a file system is shut down, a sync that is under
        # way may be told that it succeeded.
        daemon.process.send_signal(signal.SIGSTOP)
        os.waitpid(daemon.process.pid, os.WUNTRACED)
        descriptor = os.open(self.mount_point, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", WRITE_NOTHING_MORE))
        finally:
            os.close(descriptor)
        broker.kill()
        self.unmount()
        self.mount()

    @property
    def data(self):
        return os.path.join(self.mount_point, "data")


def cut_first_starts(disk, count, chance):
    """A directory in which the very first start was cut short starts."""
    for number in range(count):
        disk.make()
        broker = real_clients.Broker(disk.data)
        broker.spawn()
        # All through the start, and a while after it.
        time.sleep(chance.random() * 0.15)
        disk.cut_power(broker)
        broker.start()
        broker.tidelog("topic", "create", "first")
        broker.stop()
    print(f"{disk.kind}: {count} first starts cut short, and each directory starts", flush=True)


class Work:
    """The daemon, the load on it, and the ledger of both."""

    def __init__(self, disk, many, seed):
        self.disk = disk
        self.many = many
        self.seed = seed
        self.topics = real_clients.TOPICS + ((many_partitions.topic_of(many),) if many else ())
        self.ledger = real_clients.Ledger()
        self.broker = many_partitions.broker(disk.data) if many else real_clients.Broker(disk.data)
        self.checker = real_clients.Checker(self.broker, self.ledger, self.topics)
        self.loads = []
        self.whole_syncs = 0

    def begin(self):
        self.broker.start(real_clients.TOPICS)
        if self.many:
            many_partitions.create(self.broker, self.many)
        self.checker.check()
        self.loads.append(real_clients.Load(self.broker.address, self.ledger, self.seed))
        if self.many:
            self.loads.append(many_partitions.Load(self.broker.address, self.ledger, self.many, self.seed))

    def wait_for_a_moment(self, chance):
        if self.many:
            syncs = many_partitions.WholeSyncs(self.broker.daemon)
            syncs.wait_for(1, self.ledger)
        self.ledger.wait_for_a_moment(chance, RECORDS_OF_A_ROUND if self.many else 1500)
        if self.many:
            self.whole_syncs += syncs.count()

    def cut_power(self):
        self.disk.cut_power(self.broker)
        self.checker.power_is_cut()
        self.broker.start()

    def check(self, everything):
        for load in self.loads:
            load.pause()
        self.checker.check(everything)
        for load in self.loads:
            load.go_on()

    def end(self):
        for load in self.loads:
            load.stop()
        self.checker.check(everything=True)
        self.broker.stop()

    def text(self):
        return (f"{self.ledger.acknowledgements} acknowledged records"
                + (f", {self.whole_syncs} syncs of the whole file system" if self.many else ""))


class TransactionWork:
    """The same with transactional producers, and a reader who never may see what is taken back."""

    TOPICS = (transactional_clients.DURABLE, transactional_clients.ALSO_DURABLE)

    def __init__(self, disk, seed):
        self.disk = disk
        self.seed = seed
        self.ledger = transactional_clients.Ledger()
        self.broker = transactional_clients.broker(disk.data)
        self.checker = transactional_clients.Checker(self.broker, self.ledger, self.TOPICS)

    def begin(self):
        self.broker.start((*self.TOPICS, transactional_clients.SOURCE))
        self.load = transactional_clients.Load(self.broker.address, self.ledger, self.seed, self.TOPICS)
        self.follower = transactional_clients.Follower(self.broker.address, self.ledger, self.checker.places)

    def wait_for_a_moment(self, chance):
        self.ledger.wait_for_a_moment(chance)

    def cut_power(self):
        self.disk.cut_power(self.broker)
        self.broker.start()

    def check(self, everything):
        self.load.rest()
        self.checker.check(self.follower, everything)
        self.follower.go_on()
        self.load.go_on()

    def end(self):
        self.load.rest()
        self.checker.check(self.follower, everything=True)
        self.load.stop()
        self.follower.stop()
        self.broker.stop()

    def text(self):
        return "transactions: " + self.ledger.text()


def cut_under_load(disk, work, cycles, chance):
    try:
        work.begin()
        for cycle in range(1, cycles + 1):
            work.wait_for_a_moment(chance)
            work.cut_power()
            work.check(everything=cycle % 10 == 0)
            print(f"{disk.kind}, power cut {cycle}: {work.text()}", flush=True)
        work.end()
        print(f"{disk.kind}: {cycles} power cuts: everything that was acknowledged is there", flush=True)
    except Exception:
        print(f"the daemon's last words:\n{work.broker.daemon.log()[-4000:]}", file=sys.stderr)
        raise
    finally:
        if work.broker.daemon:
            work.broker.daemon.close()


def why_not(kinds):
    if os.geteuid() != 0:
        return "only root can mount"
    for program in ["mount", "umount", *(MAKE[kind][0] for kind in kinds)]:
        if not shutil.which(program):
            return f"there is no {program}"
    if subprocess.run(["losetup", "-f"], capture_output=True).returncode != 0:
        return "there are no loop devices"
    return None


def run(options):
    kinds = options.file_systems.split(",")
    if reason := why_not(kinds):
        print(f"NOT TESTED: {reason}")
        return 0
    chance = random.Random(options.seed)
    work = tempfile.mkdtemp(prefix="tidelog-power-")
    disks = []
    try:
        for kind in kinds:
            disks.append(Disk(kind, work, options.many_partitions))
            cut_first_starts(disks[-1], options.first_starts, chance)
            disks[-1].make()
            work_on_it = (TransactionWork(disks[-1], options.seed) if options.transactions
                          else Work(disks[-1], options.many_partitions, options.seed))
            cut_under_load(disks[-1], work_on_it, options.cycles, chance)
        return 0
    except Exception as failure:
        print(f"seed {options.seed}: {failure}", file=sys.stderr)
        return 1
    finally:
        for disk in disks:
            disk.unmount()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="cuts the power of file systems under tidelogd")
    parser.add_argument("--file-systems", default="ext4,xfs")
    parser.add_argument("--cycles", type=int, default=50)
    parser.add_argument("--first-starts", type=int, default=30)
    parser.add_argument("--many-partitions", type=int, default=0,
                        help=f"durable ones beside the others; {many_partitions.FEWEST} or more: whole file systems are synced")
    parser.add_argument("--transactions", action="store_true", help="transactional producers instead of the others")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    sys.exit(run(parser.parse_args()))
