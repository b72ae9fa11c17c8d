"""What a pack says about itself."""

import pathlib

import yaml

PACKS = pathlib.Path(__file__).parent.parent.parent / "packs"
# Where packs that watch the metrics server itself find it.
SERVER_PORT = 9090


class Pack:
    """Jobs, rules and dashboards of the pack in a folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.system = self.folder.name
        self.is_short = self.folder.parent != PACKS
        read = lambda name: yaml.safe_load((self.folder / name).read_text())
        self.jobs = {job["job_name"] for job in read("prometheus.yml")["scrape_configs"]}
        rules = [rule for name in ("alerts.yml", "recording_rules.yml") for group in read(name)["groups"] for rule in group["rules"]]
        self.rules = {rule["alert"]: rule for rule in rules if "alert" in rule}
        self.expressions = {rule.get("alert") or rule["record"]: rule["expr"] for rule in rules}
        self.always = set(read("incidents.yml").get("always_firing", []))
        self.watches_the_server = f"localhost:{SERVER_PORT}" in (self.folder / "prometheus.yml").read_text()
        self.dashboards = {path.stem for path in (self.folder / "dashboards").glob("*.json")}

    def is_about_a_lost_target(self, alert):
        expression = self.rules[alert]["expr"]
        return "up{" in expression and "== 0" in expression


def open_packs(systems, change):
    """The packs of these systems, of all where none is named; `change` makes of a pack's folder the one to open."""
    systems = systems or sorted(path.parent.name for path in PACKS.glob("*/incidents.yml"))
    return [Pack(change(PACKS / system)) for system in systems]
