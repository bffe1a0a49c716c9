// A small world for ticks: a bucket with samples and rule files, a clock, an Alertmanager, and rulers that can be killed or put to sleep at any step.
import type { Alertmanagers, SendReport } from '#lib/alertmanager/alertmanagers.ts'
import type { OutgoingAlert } from '#lib/alertmanager/outgoing-alert.ts'
import { BucketIndexReader } from '#lib/blocks/bucket-index.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { parseFreshKey } from '#lib/fresh/fresh-key.ts'
import { DomainError } from '#lib/model/errors.ts'
import { labelsFrom, labelsKey, labelsToRecord } from '#lib/model/labels.ts'
import { DEFAULT_ENGINE_OPTIONS } from '#lib/promql/options.ts'
import { lastSamples } from '#lib/rules/evaluate/restore-alerts.ts'
import type { ResultSample } from '#lib/rules/evaluate/contract.ts'
import { bucketRuleFiles } from '#lib/rules/tick/bucket-rule-files.ts'
import { openRuleReads } from '#lib/rules/reads/rule-reads.ts'
import { resultPack } from '#lib/rules/results/result-pack.ts'
import { packSink } from '#lib/rules/tick/pack-sink.ts'
import { runTick } from '#lib/rules/tick/run-tick.ts'
import type { TickParts, TickSettings } from '#lib/rules/tick/tick-parts.ts'
import type { TickReport } from '#lib/rules/tick/tick-report.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { seriesOfPack } from '../../fresh/pack-fixture.ts'

export const MINUTE = 60_000
export const BEGIN = Date.UTC(2026, 0, 5, 12)
const RULER = labelsFrom({ ruler: 'thaw' })

export const SETTINGS: TickSettings = {
  evalIntervalMs: MINUTE,
  queryOffsetMs: MINUTE,
  catchUpMs: 10 * MINUTE,
  groupConcurrency: 4,
  ruleConcurrency: 4,
  // 4 × 61 s is no multiple of any interval here, so that the end of a firing alert differs from that of a resolved one.
  resendDelayMs: 61_000,
  forGracePeriodMs: 10 * MINUTE,
  forOutageToleranceMs: 60 * MINUTE,
  restoreIgnoredLabels: ['ruler'],
  externalLabels: RULER,
  externalUrl: 'http://thaw',
  alertQueryTemplate: '/graph?g0.expr={{.Expr}}&g0.tab=1',
  watchdog: '',
}

export class KilledError extends DomainError {
  constructor() {
    super('unavailable', 'killed')
  }
}

/** What happens to a ruler at its next steps: a step is before or after a request, or a sending. */
export type Fate = (step: number, what: string) => Promise<void> | void

export class World {
  nowMs = BEGIN
  /** Of the clocks of rulers. */
  skewMs = 0
  readonly bucket: Bucket
  readonly receiver = new Receiver()
  #ids = 0

  constructor(bucket?: Bucket) {
    this.bucket = bucket ?? memoryBucket({ now: () => this.nowMs })
  }

  newUlid(): string {
    return `01TICK${String(this.#ids++).padStart(20, '0')}`
  }

  async putFile(name: string, yaml: string): Promise<void> {
    await this.bucket.put(`thaw/rule/files/${name}`, Buffer.from(yaml))
  }

  /** Three series of a metric, 30 s apart, for so many minutes from 20 before the beginning. */
  async putData(minutes: number): Promise<void> {
    const samples: ResultSample[] = []
    for (const [i, pod] of ['a', 'b', 'c'].entries()) {
      for (let at = BEGIN - 20 * MINUTE; at < BEGIN + minutes * MINUTE; at += 30_000) {
        const minute = (at - BEGIN) / MINUTE
        // Pod c comes and goes.
        if (i === 2 && Math.floor(minute / 7) % 2 === 1) continue
        const value = Math.round(50 + 50 * Math.sin(minute / (3 + i) + i))
        samples.push({ labels: labelsFrom({ __name__: 'load', pod }), timeMs: at, value })
      }
    }
    const place = { externalLabels: labelsFrom({ cluster: 'eu' }), epoch: '01DATAr', number: 0 }
    const pack = resultPack(samples, place)!
    await this.bucket.put(pack.key, pack.bytes)
  }

  ruler(options: RulerOptions = {}): Ruler {
    return new Ruler(this, options)
  }

  /** Every sample that rules wrote, as text: its series, its time, its value. Two packs may have the same, never different values. */
  async samples(): Promise<Set<string>> {
    const found = new Map<string, string>()
    for await (const { objects } of this.bucket.list('thaw/fresh/')) {
      for (const { key } of objects) {
        const parsed = parseFreshKey(key)
        if (!parsed || labelsKey(parsed.labels) !== labelsKey(RULER)) continue
        for (const { labels, points } of seriesOfPack((await this.bucket.get(key)).body)) {
          const record = labelsToRecord(labels)
          if (record['job'] === 'thaw-rule') continue
          for (const [timeMs, value] of points) {
            const place = `${JSON.stringify(record)} ${(timeMs - BEGIN) / 1000}`
            const text = String(value)
            const other = found.get(place)
            if (other !== undefined && other !== text) {
              throw new Error(`two values of ${place}: ${other} and ${text}`)
            }
            found.set(place, text)
          }
        }
      }
    }
    return new Set([...found].map(([place, value]) => `${place} ${value}`))
  }
}

/** An Alertmanager that sees an alert once, however often it is sent. */
export class Receiver {
  isDown = false
  readonly seen = new Set<string>()
  requests = 0

  take(alerts: readonly OutgoingAlert[]): void {
    this.requests++
    for (const { labels, startsAtMs, endsAtMs } of alerts) {
      const second = (ms: number): number => (ms - BEGIN) / 1000
      const fires = (endsAtMs - startsAtMs - 4 * SETTINGS.resendDelayMs) % 15_000 === 0
      const end = fires ? 'fires' : `resolved ${second(endsAtMs)}`
      this.seen.add(`${JSON.stringify(labels)} ${second(startsAtMs)} ${end}`)
    }
  }
}

export interface RulerOptions {
  readonly fate?: Fate
  readonly settings?: Partial<TickSettings>
  /** Of a tick. */
  readonly lastsMs?: number
}

/** A process: it lives for several ticks, until it is killed. */
export class Ruler {
  fate: Fate
  steps = 0
  isDead = false
  /** False once it woke again. */
  isAsleep: boolean | undefined
  readonly #world: World
  readonly #parts: TickParts
  readonly #lastsMs: number

  constructor(world: World, { fate, settings, lastsMs = 55_000 }: RulerOptions) {
    this.#world = world
    this.fate = fate ?? (() => {})
    this.#lastsMs = lastsMs
    const now = (): number => world.nowMs + world.skewMs
    const bucket = this.#mortal(world.bucket)
    const reads = openRuleReads({
      bucket,
      index: new BucketIndexReader(bucket, { now, maxAgeMs: 5000 }),
      cache: new StoreCache(8 * 1024 * 1024),
      now,
      externalLabels: labelsToRecord(RULER),
      replicaLabels: [],
      engine: DEFAULT_ENGINE_OPTIONS,
      timeoutMs: MINUTE,
    })
    this.#parts = {
      bucket,
      files: bucketRuleFiles(bucket),
      reads: { ...reads, restore: lastSamples(reads) },
      sink: packSink(bucket, RULER),
      alertmanagers: this.#alertmanagers(),
      settings: { ...SETTINGS, ...settings },
      owner: 'test',
      now,
      newUlid: () => world.newUlid(),
    }
  }

  tick(): Promise<TickReport> {
    this.steps = 0
    const { now } = this.#parts
    return runTick(this.#parts, { deadlineMs: now() + this.#lastsMs })
  }

  async #step(what: string): Promise<void> {
    if (this.isDead) throw new KilledError()
    await this.fate(++this.steps, what)
    if (this.isDead) throw new KilledError()
  }

  #mortal(inner: Bucket): Bucket {
    const around = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
      await this.#step(`before ${what}`)
      const answer = await work()
      await this.#step(`after ${what}`)
      return answer
    }
    const step = (what: string): Promise<void> => this.#step(what)
    return {
      name: inner.name,
      readGap: inner.readGap,
      get: (key, o) => around(`get ${key}`, () => inner.get(key, o)),
      getIfChanged: (key, etag, o) => around(`get ${key}`, () => inner.getIfChanged(key, etag, o)),
      getRange: (key, from, to, o) => around(`get ${key}`, () => inner.getRange(key, from, to, o)),
      getTail: (key, length, o) => around(`get ${key}`, () => inner.getTail(key, length, o)),
      head: (key, o) => around(`head ${key}`, () => inner.head(key, o)),
      async *list(prefix, o) {
        await step(`before list ${prefix}`)
        yield* inner.list(prefix, o)
      },
      put: (key, body, o) => around(`put ${key}`, () => inner.put(key, body, o)),
      putStream: (key, parts, o) => around(`put ${key}`, () => inner.putStream(key, parts, o)),
      delete: (key, o) => around(`delete ${key}`, () => inner.delete(key, o)),
    }
  }

  #alertmanagers(): Alertmanagers {
    const { receiver } = this.#world
    const send = async (alerts: readonly OutgoingAlert[]): Promise<SendReport> => {
      const none = { refused: 0, relabelledAway: 0, discoveryErrors: [] }
      const url = 'http://am/api/v2/alerts'
      const counts = { url, sent: 0, errors: 0, dropped: 0, latencySeconds: [], lastError: '' }
      // A request that never came back is one that was perhaps made.
      const isKilled = (): boolean => this.isDead
      await this.#step('before send').catch(() => undefined)
      if (isKilled() || receiver.isDown) {
        const failed = { ...counts, errors: alerts.length, lastError: 'connection refused' }
        return { ...none, undelivered: alerts, alertmanagers: [failed] }
      }
      receiver.take(alerts)
      await this.#step('after send').catch(() => undefined)
      return { ...none, undelivered: [], alertmanagers: [{ ...counts, sent: alerts.length }] }
    }
    return { send, known: async () => ({ active: [], dropped: [] }), close: () => {} }
  }
}
