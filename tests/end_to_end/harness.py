"""A daemon of a test's own, and the programs that talk to it.

Every test starts the real tidelogd on a fresh directory and a port that the system chooses, so that tests can run side
by side. Nothing here sleeps and hopes: whoever waits does so for a line of the daemon's log, or for a process's end.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

PROGRAMS = os.environ.get("TIDELOG_BIN", "build/dev/bin")
# For what takes milliseconds; long, because a machine that builds something beside the tests is slow.
PATIENCE = 60


class Failed(AssertionError):
    """A program ended otherwise than the test wants."""


class Daemon:
    """One tidelogd process; its stderr is read all the time, so that it never waits for us."""

    def __init__(self, directory, *arguments, listen="127.0.0.1:0", wrapper=()):
        """`wrapper` is a command that runs the daemon, if not the shell's own way will do."""
        self.directory = directory
        self.lines = []
        self._changed = threading.Condition()
        self._ended = False
        command = [*wrapper, os.path.join(PROGRAMS, "tidelogd"), "--data-dir", directory]
        if listen:
            command += ["--listen", listen]
        self.process = subprocess.Popen(command + list(arguments), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def log(self):
        with self._changed:
            return "\n".join(self.lines)

    def wait_for_line(self, pattern):
        """The first match of `pattern` in the log, now or later."""
        def found():
            for line in self.lines:
                match = re.search(pattern, line)
                if match:
                    return match
            return None
        with self._changed:
            self._changed.wait_for(lambda: found() or self._ended, PATIENCE)
            match = found()
            if not match:
                raise Failed(f"no line '{pattern}' from tidelogd:\n" + "\n".join(self.lines))
            return match

    def ready(self):
        """Waits until it serves; the address that it is bound to."""
        self.address = self.wait_for_line(r"ready on (127\.0\.0\.1:\d+)").group(1)
        return self

    def wait(self, timeout=PATIENCE):
        """The exit code; its log is complete then."""
        code = self.process.wait(timeout)
        self._reader.join(PATIENCE)
        return code

    def stop(self):
        """A clean stop by SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        self.process.kill()
        self.wait()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(PATIENCE)
        self.process.stderr.close()


def run(command, stdin=b"", check=True, timeout=PATIENCE, environment=None):
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=timeout,
                          env=dict(os.environ, **(environment or {})))
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(command)} ended with {done.returncode}:\n"
                     f"{done.stdout.decode(errors='replace')}{done.stderr.decode(errors='replace')}")
    return done


class BrokerTest(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.mkdtemp(prefix="tidelog-")
        self.addCleanup(shutil.rmtree, self.work, ignore_errors=True)
        self.data = self.path("data")
        self.daemon = None

    def path(self, name):
        return os.path.join(self.work, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)
        return self.path(name)

    def spawn(self, *arguments, directory=None, listen="127.0.0.1:0"):
        daemon = Daemon(directory or self.data, *arguments, listen=listen)
        self.addCleanup(daemon.close)
        return daemon

    def start(self, *arguments):
        """Starts the test's daemon, on the directory of the one before where there was one."""
        self.daemon = self.spawn(*arguments).ready()
        return self.daemon

    # The admin CLI.

    def tidelog(self, *arguments, stdin=b"", expect=0):
        done = run([os.path.join(PROGRAMS, "tidelog"), "-b", self.daemon.address, *arguments], stdin, check=False)
        self.assertEqual(done.returncode, expect, (arguments, done.stdout, done.stderr))
        return done

    def tidelog_json(self, *arguments, stdin=b""):
        return json.loads(self.tidelog(*arguments, "--output", "json", stdin=stdin).stdout)

    def create(self, topic, partitions=1, **configs):
        options = [part for name, value in configs.items() for part in ("--config", f"{name.replace('_', '.')}={value}")]
        self.tidelog("topic", "create", topic, "--partitions", str(partitions), *options)

    # kcat, which is librdkafka.

    def kcat(self, *arguments, stdin=b"", check=True):
        program = shutil.which("kcat")
        if not program:
            self.fail("kcat is not installed: bash cmake/packages.sh test")
        return run([program, "-b", self.daemon.address, *arguments], stdin, check)

    def spawn_kcat(self, *arguments):
        """One that goes on beside the test."""
        client = subprocess.Popen(["kcat", "-b", self.daemon.address, *arguments],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(client.stdout.close)
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)
        return client

    def send(self, topic, content, *options):
        """Each line of `content` becomes a record of partition 0."""
        file = self.write("to-send", content)
        self.kcat("-P", "-t", topic, "-p", "0", *options, "-l", file)

    def receive(self, topic, offset="beginning", *options):
        return self.kcat("-C", "-t", topic, "-p", "0", "-o", str(offset), "-e", "-q", *options).stdout


def lines(count, start=0):
    """So many different lines, of different lengths, some of them long."""
    return b"".join(b"%08d %s\n" % (i, b"x" * (i * 37 % 900)) for i in range(start, start + count))


def main():
    """Runs the one test that is named, or all; a name that is none is an error."""
    unittest.main(module=sys.modules["__main__"], verbosity=2)
