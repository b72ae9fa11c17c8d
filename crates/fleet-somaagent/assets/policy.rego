# Who may do what. Nothing is allowed that no rule allows, and one reason against it is enough.
package somaagent.authz

import rego.v1

grants := {
	"builder": {"project.create", "project.read", "capsule.execute", "marketplace.search", "analytics.read"},
	"buyer": {"marketplace.search", "marketplace.buy", "capsule.execute", "project.read"},
	"analyst": {"analytics.read", "marketplace.search"},
	"auditor": {"analytics.read", "project.read"},
	"agent": {"agent.run"},
}

# Cents that a single purchase may cost.
limits := {"buyer": 20000}

# What an agent may be asked for, by tenant; where a tenant is missing it is everything.
stages := {"tinyshop": {"gather", "outline", "write", "review", "check", "integrate"}}

granted if input.action in grants[input.role]

against contains sprintf("role %s is not granted %s", [input.role, input.action]) if not granted

against contains sprintf("a purchase of %d cents is above the limit of %d", [input.price_cents, limit]) if {
	input.action == "marketplace.buy"
	limit := limits[input.role]
	input.price_cents > limit
}

against contains sprintf("agents of %s may not do %s", [input.tenant, input.stage]) if {
	input.action == "agent.run"
	not input.stage in stages[input.tenant]
	stages[input.tenant]
}

against contains sprintf("a project of %d items is above the limit of 15", [input.items]) if {
	input.action == "project.create"
	input.items > 15
}

decision := {"allow": count(against) == 0, "reasons": against}
