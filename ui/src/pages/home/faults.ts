/** Faults of the demo, sorted for a list. */

import type { Fault } from '../../api/fleet';

/** The faults under the system that has them, both by name. */
export function faultsBySystem(faults: readonly Fault[]): { system: string; faults: Fault[] }[] {
  const systems = [...new Set(faults.map((fault) => fault.system))].sort();
  return systems.map((system) => ({ system, faults: faults.filter((fault) => fault.system === system).sort((a, b) => a.name.localeCompare(b.name)) }));
}
