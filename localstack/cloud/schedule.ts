/** EventBridge: rules that run by the clock, and rules that wait for an event. */
import { randomUUID } from 'node:crypto'

import type { RuleSpec } from './assembly.ts'
import { ACCOUNT, REGION } from './intrinsics.ts'
import type { BufferedResult, Invoker } from './invoker.ts'
import { matchesPattern } from './pattern.ts'

export interface CloudEvent {
  readonly source: string
  readonly 'detail-type': string
  readonly detail: unknown
  readonly resources?: readonly string[]
}

const UNIT_MS: Readonly<Record<string, number>> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
}

export class EventBus {
  readonly #rules = new Map<string, RuleSpec>()
  readonly #invoker: Invoker
  readonly #now: () => number
  readonly #timers = new Map<string, NodeJS.Timeout>()
  readonly #isWanted: (schedule: string) => boolean

  /** The clock runs for the schedules that are wanted. They start one period from when they were put, as a new rule does. */
  constructor(invoker: Invoker, now: () => number, isWanted: (schedule: string) => boolean) {
    this.#invoker = invoker
    this.#now = now
    this.#isWanted = isWanted
  }

  /** Whether that was a change. A schedule that stays goes on as it is. */
  put(rule: RuleSpec): boolean {
    const { name, schedule } = rule
    const before = this.#rules.get(name)
    this.#rules.set(name, rule)
    if (schedule !== before?.schedule) {
      this.#stop(name)
      if (schedule !== undefined && this.#isWanted(name)) this.#start(name, parseRate(schedule))
    }
    return JSON.stringify(before) !== JSON.stringify(rule)
  }

  keep(names: ReadonlySet<string>): void {
    for (const name of this.#rules.keys()) {
      if (names.has(name)) continue
      this.#stop(name)
      this.#rules.delete(name)
    }
  }

  stop(): void {
    for (const name of this.#rules.keys()) this.#stop(name)
  }

  /** Runs a scheduled rule at once and waits for its functions. */
  async runSchedule(name: string): Promise<BufferedResult[]> {
    const rule = this.#rules.get(name)
    if (rule?.schedule === undefined) throw new Error(`no schedule ${name}`)
    const event = this.#scheduled(rule)
    return await Promise.all(
      rule.targets.map(({ functionName, input }) =>
        this.#invoker.invokeWhenFree(functionName, encode(input ?? event)),
      ),
    )
  }

  /** Hands an event to every rule that matches it; returns their names. */
  send(event: CloudEvent): string[] {
    const full = this.#envelope(event)
    const matching = [...this.#rules.values()].filter(
      ({ pattern }) => pattern !== undefined && matchesPattern(pattern, full),
    )
    for (const rule of matching) this.#deliver(rule, full)
    return matching.map(({ name }) => name)
  }

  #start(name: string, periodMs: number): void {
    const ring = (): void => {
      const rule = this.#rules.get(name)
      if (rule !== undefined) this.#deliver(rule, this.#scheduled(rule))
    }
    this.#timers.set(name, setInterval(ring, periodMs))
  }

  #stop(name: string): void {
    clearInterval(this.#timers.get(name))
    this.#timers.delete(name)
  }

  #deliver(rule: RuleSpec, event: unknown): void {
    for (const { functionName, input, retries } of rule.targets) {
      this.#invoker.invokeLater(functionName, encode(input ?? event), retries)
    }
  }

  #scheduled({ arn }: RuleSpec): unknown {
    return this.#envelope({
      source: 'aws.events',
      'detail-type': 'Scheduled Event',
      detail: {},
      resources: [arn],
    })
  }

  #envelope(event: CloudEvent): unknown {
    return {
      version: '0',
      id: randomUUID(),
      'detail-type': event['detail-type'],
      source: event.source,
      account: ACCOUNT,
      time: new Date(this.#now()).toISOString().replace(/\.\d+Z$/, 'Z'),
      region: REGION,
      resources: event.resources ?? [],
      detail: event.detail,
    }
  }
}

/** `rate(5 minutes)` in milliseconds. */
export function parseRate(expression: string): number {
  const match = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression)
  if (match === null) throw new Error(`schedule ${expression} is not a rate`)
  return Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? 0)
}

function encode(event: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(event))
}
