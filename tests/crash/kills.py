"""What the scripts have in common that kill tidelogd again and again: their options, how long the starts took, and what is
said at the end."""

import argparse
import random
import shutil
import sys
import tempfile

import real_clients


def judge_starts(broker, options, kept):
    times = sorted(broker.ready_seconds)
    median = times[len(times) // 2]
    print(f"{options.cycles} kills: {kept}; the port answers after a kill in {median:.3f} s (median), {times[-1]:.3f} s (longest)")
    # Not the longest: whatever else the machine does is in it.
    if options.ready_within and median > options.ready_within:
        raise real_clients.Broken(f"half of the starts took longer than {options.ready_within} s: {times}")


def main(description, cycles, make_broker, kill_under_load, kept):
    """Ends the process. kill_under_load(broker, options) fails where a promise was broken; `kept` says what was promised."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--cycles", type=int, default=cycles)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--ready-within", type=float, default=0,
                        help="fails when it takes longer at the median until the port answers")
    options = parser.parse_args()
    work = tempfile.mkdtemp(prefix="tidelog-kill-")
    broker = make_broker(work + "/data")
    try:
        kill_under_load(broker, options)
        judge_starts(broker, options, kept)
        sys.exit(0)
    except Exception as failure:
        log = broker.daemon.log() if broker.daemon else ""
        print(f"seed {options.seed}: {failure}\nthe daemon's last words:\n{log[-4000:]}", file=sys.stderr)
        sys.exit(1)
    finally:
        if broker.daemon:
            broker.daemon.close()
        shutil.rmtree(work, ignore_errors=True)
