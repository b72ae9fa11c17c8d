"""Faults of a running fleet and their alerts: each arrives at the webhook, ends, and leaves quiet behind."""

import time

from .checks import eventually

FULL_SECONDS = 40 * 60
# An alert over an hour's window ends when the fault has left the window.
FULL_END_SECONDS = 80 * 60


def firing(demo, pack):
    """Names of the pack's alerts that fire now and should not. Packs share names: the label `system` says whose it is."""
    return sorted({name for system, name in firing_alerts(demo) if system == pack.system} - pack.always)


def held_back(demo, system, name):
    """Why an alert that fires is not told: inhibited, muted or silenced; empty while it is told."""
    reasons = set()
    # Only the groups tell what a mute time holds back: it is a property of the route.
    for group in demo.get("/api/v2/alerts/groups", filter=[f'alertname="{name}"', f'system="{system}"']):
        for alert in group["alerts"]:
            status = alert["status"]
            reasons |= {why.removesuffix("By") for why in ("inhibitedBy", "mutedBy", "silencedBy") if status.get(why)}
    return sorted(reasons)


def check_quiet(checks, demo, pack, since_seconds):
    """Nothing but what always fires has fired within the last seconds."""
    matchers = f'alertstate="firing",system="{pack.system}"'
    query = f'count by (alertname) (count_over_time(ALERTS{{{matchers}}}[{max(1, round(since_seconds))}s]))'
    names = {sample["metric"]["alertname"] for sample in demo.instant(query)}
    unasked = sorted(names - pack.always)
    checks.check(f"{pack.system}: no alert fires unasked", not unasked, ", ".join(unasked))


class Trial:
    """The way of one alert of one fault."""

    def __init__(self, system, fault, alert):
        self.system, self.fault, self.alert = system, fault, alert
        self.fired = self.ended = None
        # When the rule was first pending and firing after the switch, and last firing after it was switched back.
        self.pending = self.firing = self.quiet = None
        self.where = []

    def read_states(self, demo, on, off):
        """Reads from the samples of ALERTS what the rule found between the two switches (Unix times) and after."""
        selector = lambda state: f'ALERTS{{alertname="{self.alert}",system="{self.system}",alertstate="{state}"}}'
        span = round(time.time() - on) + 1
        times = {state: sorted(float(at) for series in demo.instant(f"{selector(state)}[{span}s]") for at, _ in series["values"])
                 for state in ("pending", "firing")}
        first = lambda state: next((at - on for at in times[state] if at >= on), None)
        self.pending, self.firing = first("pending"), first("firing")
        self.quiet = max(0, times["firing"][-1] - off) if times["firing"] else None

    def row(self):
        mark = lambda value: "-" if value is None else f"{value:.0f} s"
        states = (self.pending, self.firing, self.fired, self.quiet, self.ended)
        return self.fault, self.alert, *(mark(value) for value in states), ", ".join(self.where)


def await_firing(demo, hook, trials, since, seconds):
    """Waits until each alert has arrived, or fires and is held back by the pack's own inhibition or mute time."""
    def round_of_looks():
        for trial in trials:
            if trial.fired is not None:
                continue
            trial.where = hook.arrived(trial.system, trial.alert, "firing", since) or held_back(demo, trial.system, trial.alert)
            if trial.where:
                trial.fired = time.monotonic() - since
        return all(trial.fired is not None for trial in trials)

    eventually(seconds, round_of_looks, pause=0.5)


def await_end(demo, hook, trials, since, seconds):
    """Waits until the end of each alert has arrived; one that was held back only has to end."""
    def round_of_looks():
        active = firing_alerts(demo)
        for trial in trials:
            if trial.fired is None or trial.ended is not None:
                continue
            was_told = any(where.startswith("/") for where in trial.where)
            told = hook.arrived(trial.system, trial.alert, "resolved", since)
            if told if was_told else (trial.system, trial.alert) not in active:
                trial.ended = time.monotonic() - since
        return all(trial.ended is not None or trial.fired is None for trial in trials)

    eventually(seconds, round_of_looks, pause=0.5)


def firing_alerts(demo):
    """(system, alert) of all that fire now."""
    return {(alert["labels"].get("system"), alert["labels"]["alertname"])
            for alert in demo.get("/api/v1/alerts")["data"]["alerts"] if alert["state"] == "firing"}


def judge(checks, trials):
    for trial in trials:
        checks.check(f"{trial.fault}: {trial.alert} fires and arrives", trial.fired is not None, ", ".join(trial.where))
        checks.check(f"{trial.fault}: the end of {trial.alert} arrives", trial.ended is not None)


def check_fault(checks, demo, hook, pack, fault, patience):
    """On: its alerts arrive. Off: their ends arrive, and it is quiet again."""
    trials = [Trial(pack.system, fault["name"], alert) for alert in fault["alerts"]]
    since, on = time.monotonic(), time.time()
    demo.switch(fault["name"], True)
    await_firing(demo, hook, trials, since, patience)
    also = sorted(hook.names(pack.system, "firing", since) - set(fault["alerts"]) - pack.always)
    off, off_at = time.monotonic(), time.time()
    demo.switch(fault["name"], False)
    await_end(demo, hook, trials, off, patience)
    judge(checks, trials)
    for trial in trials:
        trial.read_states(demo, on, off_at)
    if also:
        print(f"     beside {fault['name']}: {', '.join(also)}", flush=True)
    quiet = eventually(patience, lambda: not firing(demo, pack))
    checks.check(f"{fault['name']}: it is quiet again", quiet, "" if quiet else ", ".join(firing(demo, pack)))
    return trials


def faults_of(demo, system, wanted):
    faults = [fault for fault in demo.get("/api/skopos/fleet")["faults"] if fault["system"] == system]
    return [fault for fault in faults if not wanted or fault["name"] in wanted]


def refuse_unknown(demo, wanted):
    """Ends the program where a wanted fault is none of the running systems'."""
    known = {fault["name"] for fault in demo.get("/api/skopos/fleet")["faults"]}
    if unknown := set(wanted) - known:
        raise SystemExit(f"there is no fault {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")


def check_promises(checks, pack, faults):
    """Each alert of the pack is promised by a fault."""
    promised = {alert for fault in faults for alert in fault["alerts"]}
    missing = sorted(set(pack.rules) - pack.always - promised)
    checks.check(f"{pack.system}: each alert has a fault", not missing, ", ".join(missing))
    checks.check(f"{pack.system}: no fault promises an unknown alert", promised <= set(pack.rules), ", ".join(sorted(promised - set(pack.rules))))


def check_alerts(checks, demo, hook, pack, arguments):
    """One fault after the other."""
    faults = faults_of(demo, pack.system, arguments.fault)
    if not arguments.fault:
        check_promises(checks, pack, faults)
    settled = eventually(arguments.patience, lambda: not firing(demo, pack))
    checks.check(f"{pack.system}: it is quiet before the first fault", settled, "" if settled else ", ".join(firing(demo, pack)))
    begun = time.monotonic()
    time.sleep(arguments.quiet)
    check_quiet(checks, demo, pack, time.monotonic() - begun)
    trials = []
    for fault in faults:
        if fault["alerts"]:
            trials += check_fault(checks, demo, hook, pack, fault, arguments.patience)
    return trials


def check_full_length(checks, demo, hook, pack, arguments, meanwhile):
    """All faults at once, but for those that are to be kept apart, which come next, and those that take a target away,
    which come last: they would hide the rest. What other systems try meanwhile comes to its end before that, for targets
    may be shared."""
    faults = [fault for fault in faults_of(demo, pack.system, arguments.fault) if fault["alerts"]]
    takes_away = lambda fault: all(pack.is_about_a_lost_target(alert) for alert in fault["alerts"])
    place = lambda fault: 2 if takes_away(fault) else 1 if fault["name"] in arguments.apart else 0
    all_trials = []
    for number in range(3):
        wave = [fault for fault in faults if place(fault) == number]
        if number == 2:
            for thread in meanwhile:
                thread.join()
        trials = [Trial(pack.system, fault["name"], alert) for fault in wave for alert in fault["alerts"]]
        since, on = time.monotonic(), time.time()
        for fault in wave:
            demo.switch(fault["name"], True)
        await_firing(demo, hook, trials, since, FULL_SECONDS)
        off, off_at = time.monotonic(), time.time()
        for fault in wave:
            demo.switch(fault["name"], False)
        await_end(demo, hook, trials, off, FULL_END_SECONDS)
        judge(checks, trials)
        for trial in trials:
            trial.read_states(demo, on, off_at)
        all_trials += trials
    return all_trials


def print_table(trials):
    rows = [("fault", "alert", "pending", "fires", "arrives", "last fires", "its end", "where"), *(trial.row() for trial in trials)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
