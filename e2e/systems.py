"""End to end: systems of the fleet with their packs, from real requests to the receiver of each alert.

    python3 e2e/systems.py --binary target/debug/skopos [--system NAME …]
    python3 e2e/systems.py --binary … [--system NAME …] --alerts [--fault NAME …]
    python3 e2e/systems.py --binary … [--alerts] --full-length NAME

Runs `skopos demo` with the systems, all of them where none is named, and checks that every target of the packs is up,
that each query of each panel of their dashboards has data, that nothing fires unasked, and that no pack reads what
another system measures under the same name; of all five together also what they take of the machine. `--alerts` does so
on copies of the packs in which everything that waits waits briefly, then switches one fault of each system after the
other on and off: each alert that the fault promises must arrive at a local webhook on 127.0.0.1:9099, firing, then
resolved. `--full-length` takes the pack of a system as it is, switches all faults on at once and waits up to 40 minutes
for all alerts; what other systems were named go through `--alerts` meanwhile. `--exporters` has Debian's exporters of
Redis, PostgreSQL and the machine in the place of the fleet's own. One run at a time: ports are fixed.
Ends with a table and `N passed, N failed`; exit 1 on a failure.
"""

import argparse
import os
import sys
import tempfile
import threading
import time

from lib.checks import Checks, eventually
from lib.dashboards import check_dashboards
from lib.demo import Demo
from lib.exporters import Exporters, check_exporters
from lib.pack import SERVER_PORT, open_packs
from lib.processes import cores, memory_bytes
from lib.selectors import foreign_series
from lib.short_pack import LONGEST_WINDOW, shorten
from lib.trials import check_alerts, check_full_length, check_quiet, print_table, refuse_unknown
from lib.webhook import Webhook

READY_SECONDS = 60
UP_SECONDS = 120
PANEL_SECONDS = 150
# Longest time from switching a fault to the notification in a short pack: the window fills, `for` passes, groups wait.
FAULT_SECONDS = 240
# What all five take at most, server, traffic, Redis and PostgreSQL included, at their usual load.
MEMORY_BYTES = 1_500_000_000
CORES = 1
REST_SECONDS = 30


def pack_targets(demo, pack):
    """Targets of the pack's jobs that are not up, and its jobs without a target."""
    targets = [target for target in demo.get("/api/v1/targets")["data"]["activeTargets"]
               if target["labels"]["job"] in pack.jobs]
    down = [f"{target['labels']['job']} {target['scrapeUrl']}: {target['lastError']}" for target in targets
            if target["health"] != "up"]
    return down + [f"{job} has no target" for job in pack.jobs - {target["labels"]["job"] for target in targets}]


def check_stands(checks, demo, packs):
    for pack in packs:
        down = ["not asked yet"]

        def up(pack=pack, down=down):
            down[:] = pack_targets(demo, pack)
            return not down

        checks.check(f"{pack.system}: all targets of {len(pack.jobs)} jobs are up", eventually(UP_SECONDS, up), "; ".join(down))
    check_dashboards(checks, demo, PANEL_SECONDS * len(packs))


def check_own(checks, demo, packs):
    """No rule of a pack reads what another system measures."""
    for pack in packs:
        foreign = foreign_series(demo, pack)
        checks.check(f"{pack.system}: rules read their own system alone", not foreign, "; ".join(foreign))


def check_without_faults(checks, demo, packs, seconds):
    """Nothing fires from the start on; a short pack may take the start itself for a fault, and is looked at later."""
    time.sleep(max(0, seconds - (time.monotonic() - demo.started)))
    for pack in packs:
        if not pack.is_short:
            check_quiet(checks, demo, pack, time.monotonic() - demo.started)
    check_own(checks, demo, packs)


def check_footprint(checks, demo):
    resident, busy = memory_bytes(demo.process.pid), cores(demo.process.pid, REST_SECONDS)
    checks.check(f"all processes take less than {MEMORY_BYTES / 1e9:g} GB", resident < MEMORY_BYTES, f"{resident / 1e9:.2f} GB")
    checks.check(f"and less than {CORES} core", busy < CORES, f"{busy:.2f}")


def check_with_faults(checks, demo, hook, packs, arguments):
    """Each system on a thread of its own, but for those at full length, which come one after the other."""
    refuse_unknown(demo, arguments.fault + arguments.apart)
    trials, threads = [], []
    for pack in packs:
        if pack.system not in arguments.full_length:
            work = lambda pack=pack: trials.extend(check_alerts(checks, demo, hook, pack, arguments))
            threads.append(threading.Thread(target=guarded, args=(checks, pack, work)))
            threads[-1].start()
    for pack in packs:
        if pack.system in arguments.full_length:
            trials.extend(check_full_length(checks, demo, hook, pack, arguments, threads))
    for thread in threads:
        thread.join()
    return trials


def guarded(checks, pack, work):
    """A thread that breaks off is a failure, not a shorter run."""
    try:
        work()
    except Exception as error:  # noqa: BLE001
        checks.check(f"{pack.system}: all faults are tried", False, repr(error))


def run(checks, arguments, folder):
    short = lambda pack: shorten(pack, folder, arguments.longest_window)
    is_short = lambda system: arguments.alerts and system not in arguments.full_length
    packs = open_packs(arguments.system, lambda pack: short(pack) if is_short(pack.name) else pack)
    hook = Webhook()
    exporters = Exporters(folder) if arguments.exporters else None
    chosen = [word for pack in packs for word in ("--system", pack.system, "--pack", str(pack.folder))]
    demo = Demo(os.path.abspath(arguments.binary), folder, [*chosen, "--load", str(arguments.load)],
                SERVER_PORT if any(pack.watches_the_server for pack in packs) else None)
    try:
        print(f"ready after {demo.wait_ready(READY_SECONDS):.1f} s")
        check_stands(checks, demo, packs)
        check_without_faults(checks, demo, packs, arguments.quiet)
        if not arguments.system and not arguments.alerts:
            check_footprint(checks, demo)
        if exporters:
            check_exporters(checks, demo, next(pack for pack in packs if pack.system == "recommender"))
        trials = []
        if arguments.alerts or arguments.full_length:
            trials = check_with_faults(checks, demo, hook, packs, arguments)
        checks.check("SIGTERM ends it cleanly", demo.stop() == 0)
        if trials:
            print_table(trials)
    finally:
        if demo.process.poll() is None:
            demo.stop()
        hook.close()
        if exporters:
            exporters.stop()
        if checks.failed:
            print(demo.tail())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the built program")
    parser.add_argument("--system", action="append", default=[], metavar="NAME",
                        help="a system of the fleet, which is also the folder of its pack; several times for several (all)")
    parser.add_argument("--alerts", action="store_true", help="on a short copy of the pack: each fault, its alerts, their ends")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="only this fault; may be given several times")
    parser.add_argument("--full-length", action="append", default=[], metavar="NAME",
                        help="this system on its pack as it is: all faults at once")
    parser.add_argument("--apart", action="append", default=[], metavar="FAULT",
                        help="at full length, a fault that keeps traffic from the others: it comes after them")
    parser.add_argument("--quiet", type=float, default=60, metavar="SECONDS", help="how long nothing may fire before faults come (60)")
    parser.add_argument("--patience", type=float, default=FAULT_SECONDS, metavar="SECONDS", help=f"longest wait for an alert or its end ({FAULT_SECONDS})")
    parser.add_argument("--longest-window", type=float, default=LONGEST_WINDOW, metavar="SECONDS", help=f"bound of a short pack's windows ({LONGEST_WINDOW})")
    parser.add_argument("--exporters", action="store_true", help="scrape Debian's exporters; needs the recommender")
    parser.add_argument("--load", type=float, default=1, help="how much traffic: 2 is twice the usual")
    arguments = parser.parse_args()
    if not arguments.alerts:
        arguments.system = arguments.system or arguments.full_length
    if arguments.system and set(arguments.full_length) - set(arguments.system):
        parser.error("--full-length names a system that --system does not")
    if arguments.full_length and set(arguments.system) - set(arguments.full_length):
        arguments.alerts = True
    if arguments.exporters and arguments.system and "recommender" not in arguments.system:
        parser.error("--exporters needs the recommender, whose pack scrapes them")
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        run(checks, arguments, folder)
    print(checks.summary())
    sys.exit(checks.failed > 0)


if __name__ == "__main__":
    main()
