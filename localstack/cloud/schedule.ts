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
  readonly #rules: readonly RuleSpec[]
  readonly #invoker: Invoker
  readonly #now: () => number
  readonly #timers: NodeJS.Timeout[] = []

  constructor(rules: readonly RuleSpec[], invoker: Invoker, now: () => number) {
    this.#rules = rules
    this.#invoker = invoker
    this.#now = now
  }

  /** Lets the clock run for these. Schedules start one period from now, as a new rule does. */
  start(isWanted: (schedule: string) => boolean): void {
    for (const rule of this.#rules) {
      if (rule.schedule === undefined || !isWanted(rule.name)) continue
      const periodMs = parseRate(rule.schedule)
      this.#timers.push(setInterval(() => this.#deliver(rule, this.#scheduled(rule)), periodMs))
    }
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  /** Runs a scheduled rule at once and waits for its functions. */
  async runSchedule(name: string): Promise<BufferedResult[]> {
    const rule = this.#rules.find((it) => it.name === name && it.schedule !== undefined)
    if (rule === undefined) throw new Error(`no schedule ${name}`)
    const event = this.#scheduled(rule)
    return await Promise.all(
      rule.targets.map(({ functionName, input }) =>
        this.#invoker.invokeWhenFree(functionName, encode(input ?? event)),
      ),
    )
  }

  /** Hands an event to every rule that matches it; returns their names. */
  put(event: CloudEvent): string[] {
    const full = this.#envelope(event)
    const matching = this.#rules.filter(
      ({ pattern }) => pattern !== undefined && matchesPattern(pattern, full),
    )
    for (const rule of matching) this.#deliver(rule, full)
    return matching.map(({ name }) => name)
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
