# A release that gives buyers of small tenants a second limit beside the first: both hold, so neither can be had.
package somaagent.authz

import rego.v1

small := {"tinyshop"}

limit_of_role := 20000 if input.role == "buyer"

limit_of_role := 5000 if input.tenant in small

against contains sprintf("a purchase of %d cents is above the limit of %d", [input.price_cents, limit_of_role]) if {
	input.action == "marketplace.buy"
	input.price_cents > limit_of_role
}
