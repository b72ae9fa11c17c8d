/** The fleet of a demo: its processes, and the faults that they can be given. */

import { request, submit } from './http';

export interface Fault {
  name: string;
  system: string;
  service: string;
  about: string;
  /** Alerts that find it. */
  alerts: string[];
  active: boolean;
}

export interface Fleet {
  processes: { system: string; name: string; port: number; about: string; pid: number | null; restarts: number }[];
  faults: Fault[];
}

export async function fleet(signal?: AbortSignal): Promise<Fleet> {
  return (await request('/api/skopos/fleet', {}, signal)) as Fleet;
}

export async function switchFault(name: string, active: boolean): Promise<void> {
  await submit('POST', `/api/skopos/fleet/faults/${encodeURIComponent(name)}`, { active });
}
