#!/usr/bin/env python3
"""Lets the kernel refuse what tidelogd asks of one partition's files (strace injects the errors), under the load of
librdkafka: that partition refuses records, the others go on, the daemon stays, and after a restart on a disk that is well
again everything that was acknowledged is there.

    disk_errors.py [--only CALL:ERROR]

Where nobody may trace a process it says NOT TESTED.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

import real_clients
import rdkafka

CASES = ("fdatasync:EIO", "fdatasync:ENOSPC", "pwrite64:EIO", "pwrite64:ENOSPC")
# Before the disk fails; what comes later is refused or not, as it happens.
CALLS_THAT_SUCCEED = 20
RECORDS = 400
TROUBLED = real_clients.Topic("troubled", 1, {}, True, True)
OTHER = real_clients.Topic("other", 3, {}, True, True)


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

    def send(self, count):
        """Returns when each has its answer."""
        for _ in range(count):
            place = (self.topic.name, self.number % self.topic.partitions)
            value = b"0 %d %s" % (self.number // self.topic.partitions, b"." * (self.number * 7 % 300))
            while not self.producer.send(*place, value, (place, value)):
                self.producer.poll(50)
            self.number += 1
            self.producer.poll(1)
        give_up = time.monotonic() + 60
        while self.producer.waiting():
            self.producer.poll(50)
            if time.monotonic() > give_up:
                raise real_clients.Broken(f"{self.producer.waiting()} records for {self.topic.name} have no answer")


def run_case(case, work):
    call, error = case.split(":")
    directory = os.path.join(work, case.replace(":", "-"))
    file = os.path.join(directory, TROUBLED.name + "-0", "0" * 20 + ".log")
    # The topics are made on a disk that is well: strace finds a file by its name when it begins.
    # Every acknowledgement is to need the troubled file.
    broker = real_clients.Broker(directory, journal_bytes=0)
    broker.start((TROUBLED, OTHER))
    broker.stop()
    trace = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-P", file, "-e", f"trace={call}",
             "-e", f"inject={call}:error={error}:when={CALLS_THAT_SUCCEED}+"]
    broker.wrapper = trace
    try:
        broker.start()
        troubled = Sender(broker.address, TROUBLED, message_timeout_ms=3000, retries=0)
        other = Sender(broker.address, OTHER, enable_idempotence="true")
        for _ in range(4):
            troubled.send(RECORDS // 4)
            other.send(RECORDS // 4)
        if troubled.refused == 0:
            raise real_clients.Broken("the disk failed, and every record was acknowledged")
        if other.refused > 0:
            raise real_clients.Broken(f"{other.refused} records for a topic whose disk is well were refused")
        if broker.daemon.process.poll() is not None:
            raise real_clients.Broken("the daemon has ended")
        broker.kill()
        broker.wrapper = ()
        broker.start()
        for sender in (troubled, other):
            real_clients.Checker(broker, sender.ledger, (sender.topic,)).check(everything=True)
        # And it goes on.
        again = Sender(broker.address, TROUBLED)
        again.number = troubled.number
        again.send(10)
        broker.stop()
        print(f"{case}: {troubled.ledger.acknowledgements} records were acknowledged and are there, {troubled.refused} refused; "
              f"{other.ledger.acknowledgements} for the other topic", flush=True)
    except Exception:
        print(f"{case}: the daemon's last words:\n{broker.daemon.log()[-4000:]}", file=sys.stderr)
        raise
    finally:
        broker.daemon.close()


def why_not():
    if not shutil.which("strace"):
        return "there is no strace"
    if subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
        return "nobody may trace a process here"
    return None


def run(options):
    if reason := why_not():
        print(f"NOT TESTED: {reason}")
        return 0
    work = tempfile.mkdtemp(prefix="tidelog-errors-")
    try:
        for case in CASES if options.only is None else [options.only]:
            run_case(case, work)
        return 0
    except Exception as failure:
        print(failure, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="lets the disk fail under one partition of tidelogd")
    parser.add_argument("--only")
    sys.exit(run(parser.parse_args()))
