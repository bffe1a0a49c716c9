/** What rulers of a test see: rule files and samples that come while they run, the same in several buckets. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import type { ResultSample } from '#lib/rules/evaluate/contract.ts'
import { resultPack } from '#lib/rules/results/result-pack.ts'
import type { Notification } from '#test/peer/alertmanager.ts'

/** Alerts that are pending only, that fire at once, that keep firing, on recorded series, and on absent ones. */
export const RULES = `groups:
- name: fast
  interval: 1s
  rules:
  - alert: High
    expr: load > 60
    for: 3s
    keep_firing_for: 4s
    labels: {severity: page}
    annotations: {summary: '{{ $labels.pod }} has {{ $value }}'}
  - record: pod:load:max
    expr: max_over_time(load[3s])
- name: middle
  interval: 2s
  rules:
  - alert: AtOnce
    expr: load > 80
- name: slow
  interval: 5s
  rules:
  - alert: Recorded
    expr: pod:load:max > 80
    for: 5s
  - alert: Gone
    expr: absent(load{pod="gone"})
`

/** Of a pack. */
const PACK_MS = 10_000
const EARLY_MS = 4000
const PODS = ['a', 'b', 'c', 'd', 'e'] as const
const CYCLE_S = [56, 60, 64, 68, 72] as const

export class RulerWorld {
  readonly directory = mkdtempSync(join(tmpdir(), 'thaw-ruler-'))
  readonly #runs: readonly string[]
  readonly #beginMs = Math.floor(Date.now() / 1000) * 1000
  #nextPack = 0
  /** From then on nothing is too high, and nothing gone. */
  #quietMs = Infinity
  #timer: NodeJS.Timeout | undefined
  #writing = Promise.resolve()

  constructor(runs: readonly string[]) {
    this.#runs = runs
    for (const run of runs) mkdirSync(this.bucketOf(run))
  }

  bucketOf(run: string): string {
    return join(this.directory, run)
  }

  async begin(): Promise<void> {
    for (const run of this.#runs) {
      await fileBucket(this.bucketOf(run)).put('thaw/rule/files/rules.yaml', Buffer.from(RULES))
    }
    await this.#write()
    this.#timer = setInterval(() => {
      this.#writing = this.#writing.then(() => this.#write())
    }, 500)
  }

  /** Tells when: nothing is wrong in what comes from then on. */
  becomeQuiet(): number {
    this.#quietMs = this.#beginMs + this.#nextPack * PACK_MS
    return this.#quietMs
  }

  async end(): Promise<void> {
    clearInterval(this.#timer)
    await this.#writing
    rmSync(this.directory, { recursive: true, force: true })
  }

  async #write(): Promise<void> {
    while (this.#beginMs + this.#nextPack * PACK_MS - EARLY_MS < Date.now()) {
      const place = {
        externalLabels: labelsFrom({ cluster: 'eu' }),
        epoch: '01JDATA0000000000000000000r',
        number: this.#nextPack,
      }
      const pack = resultPack(this.#samples(this.#nextPack * PACK_MS), place)!
      for (const run of this.#runs) {
        await fileBucket(this.bucketOf(run)).put(pack.key, pack.bytes)
      }
      this.#nextPack++
    }
  }

  /** Each second one of each pod. */
  #samples(fromMs: number): ResultSample[] {
    const samples: ResultSample[] = []
    for (let ms = fromMs; ms < fromMs + PACK_MS; ms += 1000) {
      const timeMs = this.#beginMs + ms
      const isQuiet = timeMs >= this.#quietMs
      for (const [i, pod] of PODS.entries()) {
        const labels = labelsFrom({ __name__: 'load', pod })
        samples.push({ labels, timeMs, value: isQuiet ? 10 : loadOf(i, ms / 1000) })
      }
      const labels = labelsFrom({ __name__: 'load', pod: 'gone' })
      const isGone = !isQuiet && Math.floor(ms / 30_000) % 2 === 1
      samples.push(
        isGone ? { labels, timeMs, value: NaN, stale: true } : { labels, timeMs, value: 1 },
      )
    }
    return samples
  }
}

/** High for about half a minute in each; before it, for two seconds only. */
function loadOf(pod: number, second: number): number {
  const at = (second + 11 * pod) % CYCLE_S[pod]!
  if (at >= 18 && at < 20) return 65
  if (at < 26) return 20 + at
  // Every other one is so high that all rules see it; another one dips in the middle, for less than it keeps firing.
  if (pod === 1 && at >= 40 && at < 42) return 30
  return pod % 2 === 0 ? 90 + (at % 5) : 70
}

/** Of each alert, what Alertmanager told of it, in that order. */
export function logOf(
  notifications: readonly Notification[],
  run: string,
): Record<string, string[]> {
  const log: Record<string, string[]> = {}
  for (const { status, labels, startsAt, endsAt } of notifications.flatMap((one) => one.alerts)) {
    const { run: of, ...own } = labels
    if (of !== run) continue
    const end = status === 'resolved' ? ` until ${endsAt}` : ''
    ;(log[JSON.stringify(own, Object.keys(own).toSorted())] ??= []).push(
      `${status} since ${startsAt}${end}`,
    )
  }
  return log
}
