/** What the programs of a run take: memory, processor time, bytes and objects. */
import { readFile } from 'node:fs/promises'
import { FRESH_PREFIX } from '#lib/fresh/fresh-key.ts'
import type { World } from './world.ts'

export interface ProcessUsage {
  /** Kilobytes. */
  readonly residentKb: number
  /** The most since it began. */
  readonly peakKb: number
  /** User and system, since it began. */
  readonly cpuMs: number
}

export interface UsageSample {
  readonly atMs: number
  /** Undefined while it is down. */
  readonly agent: ProcessUsage | undefined
  readonly agentPid: number | undefined
  readonly prometheus: ProcessUsage | undefined
  readonly bytesUp: number
  readonly freshObjects: number
  readonly freshBytes: number
}

export async function sampleUsage(world: World, atMs: number): Promise<UsageSample> {
  let freshObjects = 0
  let freshBytes = 0
  for await (const { objects } of world.bucket.list(FRESH_PREFIX)) {
    freshObjects += objects.length
    for (const { size } of objects) freshBytes += size
  }
  return {
    atMs,
    agent: await usageOf(world.agent.pid),
    agentPid: world.agent.pid,
    prometheus: await usageOf(world.prometheus.pid),
    bytesUp: world.proxy.bytesUp,
    freshObjects,
    freshBytes,
  }
}

/** Linux's clock ticks, which are the same everywhere. */
const TICK_MS = 10

/** Undefined when there is no such process. */
export async function usageOf(pid: number | undefined): Promise<ProcessUsage | undefined> {
  if (pid === undefined) return undefined
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may have spaces; user and system time are the 14th and 15th field.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const kilobytes = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
    return {
      residentKb: kilobytes('VmRSS'),
      peakKb: kilobytes('VmHWM'),
      cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
    }
  } catch {
    return undefined
  }
}
