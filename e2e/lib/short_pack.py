"""A copy of a pack in which everything that waits waits briefly, so that a fault is seen within seconds.

Conditions, labels, routes and texts stay as they are. Windows of ranges, `for`, intervals, group waits become short;
mute times are left out, and so are channels that need secrets or a mail server.
"""

import pathlib
import re
import shutil

import yaml

SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
INTERVAL = "2s"
# A window keeps a fifteenth, within these bounds: fifteen scrapes at least, so that a share of few events is no noise,
# and two minutes at most.
WINDOW_SHARE = 15
SHORTEST_WINDOW = 30
LONGEST_WINDOW = 120
FOR_SHARE = 60
GROUP_WAIT = "1s"
GROUP_INTERVAL = "2s"
HEARTBEAT_ROUTE = "Watchdog"


def seconds(duration):
    return sum(float(number) * SECONDS[unit] for number, unit in re.findall(r"([\d.]+)(ms|[smhdwy])", str(duration)))


def shorter_window(duration, longest=LONGEST_WINDOW):
    short = min(max(seconds(duration) / WINDOW_SHARE, SHORTEST_WINDOW), longest)
    return f"{round(min(short, seconds(duration)))}s"


def shorten_expression(expression, longest=LONGEST_WINDOW):
    """Ranges and offsets; the step of a subquery becomes the interval."""
    def ranged(found):
        step = f":{INTERVAL if found[2][1:] else ''}" if found[2] else ""
        return f"[{shorter_window(found[1], longest)}{step}]"

    expression = re.sub(r"\[((?:\d+(?:ms|[smhdwy]))+)(:(?:\d+(?:ms|[smhdwy]))*)?\]", ranged, expression)
    return re.sub(r"\boffset (\d+(?:ms|[smhdwy]))", lambda found: f"offset {shorter_window(found[1], longest)}", expression)


def shorten_rules(text, longest=LONGEST_WINDOW):
    rules = yaml.safe_load(text)
    for group in rules["groups"]:
        group["interval"] = INTERVAL
        for rule in group["rules"]:
            rule["expr"] = shorten_expression(rule["expr"], longest)
            for wait in ("for", "keep_firing_for"):
                if wait in rule:
                    rule[wait] = f"{max(1, round(seconds(rule[wait]) / FOR_SHARE))}s"
    return yaml.safe_dump(rules, sort_keys=False, allow_unicode=True)


def shorten_prometheus(text):
    config = yaml.safe_load(text)
    for part in [config.setdefault("global", {}), *config.get("scrape_configs", [])]:
        for key in ("scrape_interval", "evaluation_interval"):
            if key in part:
                part[key] = INTERVAL
        if "scrape_timeout" in part:
            part["scrape_timeout"] = INTERVAL
    config["global"] |= {"scrape_interval": INTERVAL, "evaluation_interval": INTERVAL, "scrape_timeout": INTERVAL}
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


def shorten_route(route):
    if HEARTBEAT_ROUTE not in str(route.get("matchers", "")):
        route |= {"group_wait": GROUP_WAIT, "group_interval": GROUP_INTERVAL}
    for mute in ("mute_time_intervals", "active_time_intervals"):
        route.pop(mute, None)
    for child in route.get("routes", []):
        shorten_route(child)


def shorten_alertmanager(text):
    config = yaml.safe_load(text)
    shorten_route(config["route"])
    for receiver in config["receivers"]:
        for channel in [key for key in receiver if key not in ("name", "webhook_configs")]:
            del receiver[channel]
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True)


def shorten(pack, folder, longest=LONGEST_WINDOW):
    """Writes the copy below `folder` under the pack's own name, which is how the demo knows whose it is."""
    copy = pathlib.Path(folder) / pathlib.Path(pack).name
    shutil.copytree(pack, copy, ignore=shutil.ignore_patterns("secrets", "tests"))
    rules = lambda text: shorten_rules(text, longest)
    for path in copy.glob("*.yml"):
        text = path.read_text()
        top = yaml.safe_load(text) or {}
        change = {"prometheus.yml": shorten_prometheus, "alertmanager.yml": shorten_alertmanager}.get(path.name)
        if change is None and "groups" in top:
            change = rules
        if change:
            path.write_text(change(text))
    return copy
