/** When which rules run: with reloads of changed files, and restarts after which nothing is known but what was stored. */

export interface Phase {
  readonly kind: 'start' | 'reload' | 'restart'
  readonly fromMs: number
  /** Later than the last evaluation. */
  readonly toMs: number
  readonly file: string
}

export interface Scenario {
  readonly startMs: number
  readonly endMs: number
  readonly phases: readonly Phase[]
  /** When groups are evaluated: so long after multiples of their interval. */
  readonly phaseOf: Readonly<Record<string, number>>
  readonly intervalMs: number
  readonly queryOffsetMs: number
  readonly resendDelayMs: number
  readonly graceMs: number
  readonly outageMs: number
  readonly externalLabels: Readonly<Record<string, string>>
  readonly externalUrl: string
  readonly delayedNames: boolean
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const START = 1_760_000_400_000

/** Hours at which things happen, after the start; two outages come before the restarts, of 8 and of 90 minutes. */
function scenario(
  [reload, restart, outage, another, end]: readonly [number, number, number, number, number],
  settings: Partial<Scenario> = {},
): Scenario {
  const at = (hours: number): number => START + hours * HOUR
  return {
    startMs: START,
    endMs: at(end),
    phases: [
      { kind: 'start', fromMs: at(0), toMs: at(reload), file: 'rules-1.yaml' },
      { kind: 'reload', fromMs: at(reload), toMs: at(restart), file: 'rules-2.yaml' },
      {
        kind: 'restart',
        fromMs: at(restart) + 8 * MINUTE,
        toMs: at(outage),
        file: 'rules-2.yaml',
      },
      {
        kind: 'restart',
        fromMs: at(outage) + 90 * MINUTE,
        toMs: at(another),
        file: 'rules-2.yaml',
      },
      { kind: 'reload', fromMs: at(another), toMs: at(end), file: 'rules-3.yaml' },
    ],
    phaseOf: {
      fast: 7_300,
      main: 21_001,
      limited: 21_001,
      behind: 44_017,
      slow: 100_500,
      slower: 160_000,
      twice: 3,
      fresh: 59_999,
    },
    intervalMs: MINUTE,
    queryOffsetMs: 0,
    resendDelayMs: MINUTE,
    graceMs: 10 * MINUTE,
    outageMs: HOUR,
    externalLabels: { cluster: 'home', replica: 'r1' },
    externalUrl: 'http://ruler.example:9090/base',
    delayedNames: false,
    ...settings,
  }
}

export const SCENARIOS = {
  /** 2,900 minutes of evaluations. */
  long: scenario([10, 20, 30, 40, 51]),
  short: scenario([1.5, 3.65, 5, 7, 7.8]),
  'other-settings': scenario([0.5, 1, 1.5, 3.5, 4], {
    delayedNames: true,
    queryOffsetMs: MINUTE,
    resendDelayMs: 3.5 * MINUTE,
    graceMs: 4 * MINUTE,
    outageMs: 2 * HOUR,
    externalLabels: {},
    externalUrl: 'https://x',
  }),
} as const satisfies Record<string, Scenario>
