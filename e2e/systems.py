"""End to end: systems of the fleet with their packs, from real requests to the receiver of each alert.

    python3 e2e/systems.py --binary target/debug/skopos [--system NAME …]
    python3 e2e/systems.py --binary … --system somaagent01 --alerts [--fault NAME …]
    python3 e2e/systems.py --binary … --system somaagent01 --full-length

Runs `skopos demo` with the systems, all of them where none is named, and checks that every target of the packs is up,
that each query of each panel of their dashboards has data, that nothing fires unasked, and that no pack reads what
another system measures under the same name. `--alerts` does so on a copy of the pack in which everything
that waits waits briefly, then switches one fault after the other on and off: each alert that the fault promises must
arrive at a local webhook on 127.0.0.1:9099, firing, then resolved. `--full-length` takes the pack as it is, switches
all faults on at once and waits up to 40 minutes for all alerts. One run at a time: ports are fixed.
Ends with a table and `N passed, N failed`; exit 1 on a failure.
"""

import argparse
import os
import sys
import tempfile
import time

from lib.checks import Checks, eventually
from lib.dashboards import check_dashboards
from lib.demo import Demo
from lib.pack import SERVER_PORT, open_packs
from lib.selectors import foreign_series
from lib.short_pack import LONGEST_WINDOW, shorten
from lib.webhook import Webhook

READY_SECONDS = 60
UP_SECONDS = 120
PANEL_SECONDS = 150
FULL_SECONDS = 40 * 60
# Longest time from switching a fault to the notification in a short pack: the window fills, `for` passes, groups wait.
FAULT_SECONDS = 240


def pack_targets(demo, pack):
    """Targets of the pack's jobs that are not up, and its jobs without a target."""
    targets = [target for target in demo.get("/api/v1/targets")["data"]["activeTargets"]
               if target["labels"]["job"] in pack.jobs]
    down = [f"{target['labels']['job']} {target['scrapeUrl']}: {target['lastError']}" for target in targets
            if target["health"] != "up"]
    return down + [f"{job} has no target" for job in pack.jobs - {target["labels"]["job"] for target in targets}]


def firing(demo, pack):
    """Names of the pack's alerts that fire now and should not. Packs share names: the label `system` says whose it is."""
    alerts = demo.get("/api/v1/alerts")["data"]["alerts"]
    names = {alert["labels"]["alertname"] for alert in alerts
             if alert["state"] == "firing" and alert["labels"].get("system") == pack.system}
    return sorted(names - pack.always)


def held_back(demo, name):
    """Why an alert that fires is not told: inhibited, muted or silenced; empty while it is told."""
    reasons = set()
    for alert in demo.get("/api/v2/alerts", filter=f'alertname="{name}"'):
        status = alert["status"]
        reasons |= {why.removesuffix("By") for why in ("inhibitedBy", "mutedBy", "silencedBy") if status.get(why)}
    return sorted(reasons)


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


def check_quiet(checks, demo, pack, since_seconds):
    """Nothing but what always fires has fired within the last seconds."""
    matchers = f'alertstate="firing",system="{pack.system}"'
    query = f'count by (alertname) (count_over_time(ALERTS{{{matchers}}}[{max(1, round(since_seconds))}s]))'
    names = {sample["metric"]["alertname"] for sample in demo.instant(query)}
    unasked = sorted(names - pack.always)
    checks.check(f"{pack.system}: no alert fires unasked", not unasked, ", ".join(unasked))


class Trial:
    """The way of one alert of one fault."""

    def __init__(self, fault, alert):
        self.fault, self.alert = fault, alert
        self.fired = self.ended = None
        self.where = []

    def row(self):
        mark = lambda value: "never" if value is None else f"{value:.0f} s"
        return self.fault, self.alert, mark(self.fired), mark(self.ended), ", ".join(self.where)


def await_firing(demo, hook, trials, since, seconds):
    """Waits until each alert has arrived, or fires and is held back by the pack's own inhibition or mute time."""
    def round_of_looks():
        for trial in trials:
            if trial.fired is not None:
                continue
            trial.where = hook.arrived(trial.alert, "firing", since) or held_back(demo, trial.alert)
            if trial.where:
                trial.fired = time.monotonic() - since
        return all(trial.fired is not None for trial in trials)

    eventually(seconds, round_of_looks, pause=0.5)


def await_end(demo, hook, trials, since, seconds):
    """Waits until the end of each alert has arrived; one that was held back only has to end."""
    def round_of_looks():
        active = set(firing_names(demo))
        for trial in trials:
            if trial.fired is None or trial.ended is not None:
                continue
            was_told = any(where.startswith("/") for where in trial.where)
            if hook.arrived(trial.alert, "resolved", since) if was_told else trial.alert not in active:
                trial.ended = time.monotonic() - since
        return all(trial.ended is not None or trial.fired is None for trial in trials)

    eventually(seconds, round_of_looks, pause=0.5)


def firing_names(demo):
    return [alert["labels"]["alertname"] for alert in demo.get("/api/v1/alerts")["data"]["alerts"]
            if alert["state"] == "firing"]


def judge(checks, trials):
    for trial in trials:
        checks.check(f"{trial.fault}: {trial.alert} fires and arrives", trial.fired is not None, ", ".join(trial.where))
        checks.check(f"{trial.fault}: its end arrives", trial.ended is not None)


def check_fault(checks, demo, hook, pack, fault, patience):
    """On: its alerts arrive. Off: their ends arrive, and it is quiet again."""
    trials = [Trial(fault["name"], alert) for alert in fault["alerts"]]
    since = time.monotonic()
    demo.switch(fault["name"], True)
    await_firing(demo, hook, trials, since, patience)
    also = sorted(hook.names("firing", since) - set(fault["alerts"]) - pack.always)
    off = time.monotonic()
    demo.switch(fault["name"], False)
    await_end(demo, hook, trials, off, patience)
    judge(checks, trials)
    if also:
        print(f"     beside it: {', '.join(also)}")
    quiet = eventually(patience, lambda: not firing(demo, pack))
    checks.check(f"{fault['name']}: it is quiet again", quiet, "" if quiet else ", ".join(firing(demo, pack)))
    return trials


def faults_of(demo, system, wanted):
    faults = [fault for fault in demo.get("/api/skopos/fleet")["faults"] if fault["system"] == system]
    unknown = set(wanted) - {fault["name"] for fault in faults}
    if unknown:
        raise SystemExit(f"{system} has no fault {', '.join(sorted(unknown))}; "
                         f"it has {', '.join(fault['name'] for fault in faults)}")
    return [fault for fault in faults if not wanted or fault["name"] in wanted]


def check_promises(checks, pack, faults):
    """Each alert of the pack is promised by a fault."""
    promised = {alert for fault in faults for alert in fault["alerts"]}
    missing = sorted(set(pack.rules) - pack.always - promised)
    checks.check("each alert has a fault", not missing, ", ".join(missing))
    checks.check("no fault promises an unknown alert", promised <= set(pack.rules), ", ".join(sorted(promised - set(pack.rules))))


def check_alerts(checks, demo, hook, pack, arguments):
    faults = faults_of(demo, pack.system, arguments.fault)
    if not arguments.fault:
        check_promises(checks, pack, faults)
    settled = eventually(arguments.patience, lambda: not firing(demo, pack))
    checks.check("it is quiet before the first fault", settled, "" if settled else ", ".join(firing(demo, pack)))
    begun = time.monotonic()
    time.sleep(arguments.quiet)
    check_quiet(checks, demo, pack, time.monotonic() - begun)
    trials = []
    for fault in faults:
        if fault["alerts"]:
            trials += check_fault(checks, demo, hook, pack, fault, arguments.patience)
    return trials


def check_full_length(checks, demo, hook, pack, arguments):
    """All faults at once, those that take a target away after the rest has been seen: they would hide it."""
    faults = [fault for fault in faults_of(demo, pack.system, arguments.fault) if fault["alerts"]]
    takes_away = lambda fault: all(pack.is_about_a_lost_target(alert) for alert in fault["alerts"])
    all_trials = []
    for wave in ([one for one in faults if not takes_away(one)], [one for one in faults if takes_away(one)]):
        trials = [Trial(fault["name"], alert) for fault in wave for alert in fault["alerts"]]
        since = time.monotonic()
        for fault in wave:
            demo.switch(fault["name"], True)
        await_firing(demo, hook, trials, since, FULL_SECONDS)
        off = time.monotonic()
        for fault in wave:
            demo.switch(fault["name"], False)
        await_end(demo, hook, trials, off, FULL_SECONDS)
        judge(checks, trials)
        all_trials += trials
    return all_trials


def print_table(trials):
    rows = [("fault", "alert", "arrives", "its end", "where"), *(trial.row() for trial in trials)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def check_without_faults(checks, demo, packs, seconds):
    time.sleep(max(0, seconds - (time.monotonic() - demo.started)))
    for pack in packs:
        check_quiet(checks, demo, pack, time.monotonic() - demo.started)
    check_own(checks, demo, packs)


def run(checks, arguments, folder):
    short = lambda pack: shorten(pack, folder, arguments.longest_window)
    packs = open_packs(arguments.system, short if arguments.alerts else None)
    hook = Webhook()
    chosen = [word for pack in packs for word in ("--system", pack.system, "--pack", str(pack.folder))]
    demo = Demo(os.path.abspath(arguments.binary), folder, [*chosen, "--load", str(arguments.load)],
                SERVER_PORT if any(pack.watches_the_server for pack in packs) else None)
    try:
        print(f"ready after {demo.wait_ready(READY_SECONDS):.1f} s")
        check_stands(checks, demo, packs)
        trials = []
        if arguments.alerts:
            trials = check_alerts(checks, demo, hook, packs[0], arguments)
        else:
            check_without_faults(checks, demo, packs, arguments.quiet)
            if arguments.full_length:
                trials = check_full_length(checks, demo, hook, packs[0], arguments)
        checks.check("SIGTERM ends it cleanly", demo.stop() == 0)
        if trials:
            print_table(trials)
    finally:
        if demo.process.poll() is None:
            demo.stop()
        hook.close()
        if checks.failed:
            print(demo.tail())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the built program")
    parser.add_argument("--system", action="append", default=[], metavar="NAME",
                        help="a system of the fleet, which is also the folder of its pack; several times for several (all)")
    parser.add_argument("--alerts", action="store_true", help="on a short copy of the pack: each fault, its alerts, their ends")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="only this fault; may be given several times")
    parser.add_argument("--full-length", action="store_true", help="on the pack as it is: all faults at once")
    parser.add_argument("--quiet", type=float, default=60, metavar="SECONDS", help="how long nothing may fire before faults come (60)")
    parser.add_argument("--patience", type=float, default=FAULT_SECONDS, metavar="SECONDS", help=f"longest wait for an alert or its end ({FAULT_SECONDS})")
    parser.add_argument("--longest-window", type=float, default=LONGEST_WINDOW, metavar="SECONDS", help=f"bound of a short pack's windows ({LONGEST_WINDOW})")
    parser.add_argument("--load", type=float, default=1, help="how much traffic: 2 is twice the usual")
    arguments = parser.parse_args()
    if arguments.alerts and arguments.full_length:
        parser.error("--alerts shortens the pack, --full-length does not: choose one")
    if (arguments.alerts or arguments.full_length) and len(arguments.system) != 1:
        parser.error("faults are tried in one system at a time: name it with --system")
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        run(checks, arguments, folder)
    print(checks.summary())
    sys.exit(checks.failed > 0)


if __name__ == "__main__":
    main()
