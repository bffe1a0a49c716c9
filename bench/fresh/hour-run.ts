/** One run: all programs, everything that goes wrong, and all that is measured meanwhile and at the end. */
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { updateBucketIndex } from '#lib/blocks/bucket-index.ts'
import { type Disturbance, type DisturbanceOptions, planDisturbances } from './disturbances.ts'
import { compareAtTheEnd, type FinalComparison } from './final-comparison.ts'
import { emptyDisk, fillDisk } from './full-disk.ts'
import { WATCHED } from './probe-target.ts'
import { Seams, type SeamCheck } from './seams.ts'
import { sampleUsage, type UsageSample } from './usage.ts'
import { Visibility } from './visibility.ts'
import { compareStretch, DueWindows, type WindowCheck } from './windows.ts'
import { EXTERNAL_LABELS, startWorld, type World, type WorldOptions } from './world.ts'

export interface HourOptions extends WorldOptions, DisturbanceOptions {
  /** How long a sample may wait in the agent: `--fresh.interval`. */
  readonly intervalMs: number
  /** Random queries at the end. */
  readonly queries: number
  readonly say: (text: string) => void
  readonly signal: AbortSignal
}

export interface Disturbed {
  readonly what: Disturbance
  readonly fromMs: number
  /** When all was up again; for the bucket, when thaw had caught up. */
  toMs: number
}

export interface HourResult {
  readonly startMs: number
  readonly endMs: number
  readonly boundMs: number
  readonly visibility: Visibility
  readonly due: DueWindows
  /** The watched series of the last minutes, over and over: what was there must stay. */
  readonly past: readonly WindowCheck[]
  readonly seams: { readonly blocks: readonly string[]; readonly checks: readonly SeamCheck[] }
  readonly disturbed: readonly Disturbed[]
  /** From the end of the outage until everything due was there. */
  readonly catchUpMs: number | undefined
  readonly usage: readonly UsageSample[]
  readonly final: FinalComparison
  /** Ends of programs that nobody asked for, and loops of the harness that failed. */
  readonly problems: readonly string[]
}

/** "Within interval + 5 s". */
const SLACK_MS = 5000
const PAST_MS = 20 * 60_000
const SETTLE_MS = 2 * 60_000

export async function runHour(options: HourOptions): Promise<HourResult> {
  const { now, say, runMs, intervalMs } = options
  const boundMs = intervalMs + SLACK_MS
  const startMs = now()
  const world = await startWorld(options)
  const stop = new AbortController()
  const signal = AbortSignal.any([stop.signal, options.signal])
  const problems: string[] = []
  try {
    const asked = {
      prometheusUrl: world.prometheusUrl,
      thawUrl: world.thawUrl,
      without: Object.keys(EXTERNAL_LABELS),
      now,
      boundMs,
    }
    const visibility = new Visibility({ ...asked, selector: WATCHED })
    const due = new DueWindows(asked)
    const seams = new Seams(asked)
    const past: WindowCheck[] = []
    const usage: UsageSample[] = []
    const disturbed: Disturbed[] = []
    const loop = async (everyMs: number, name: string, work: () => Promise<unknown>) => {
      while (!signal.aborted) {
        const begunMs = now()
        await work().catch((error: unknown) => problems.push(`${name}: ${String(error)}`))
        await sleep(Math.max(0, begunMs + everyMs - now()), undefined, { signal }).catch(() => {})
      }
    }
    const loops = [
      loop(1000, 'visibility', () => visibility.ask()),
      loop(30_000, 'all series', () => due.look()),
      loop(1000, 'seams', () => seams.look(visibility.oldestPendingMs)),
      loop(5000, 'plan', async () => {
        const { added } = await updateBucketIndex(world.bucket, { now })
        for (const block of added) await seams.blockCame(world.bucket, block)
      }),
      loop(20_000, 'past', async () => {
        const endMs = Math.min(now() - boundMs, (visibility.oldestPendingMs ?? Infinity) - 1)
        const stretch = { startMs: Math.max(startMs, endMs - PAST_MS), endMs }
        const check = endMs > startMs && (await compareStretch(asked, stretch, WATCHED))
        if (check) past.push(check)
      }),
      loop(10_000, 'usage', async () => {
        usage.push(await sampleUsage(world, now()))
      }),
    ]
    say(`prometheus ${world.prometheusUrl}, thaw ${world.thawUrl}, logs in ${options.dir}\n`)
    await disturb(options, world, visibility, { startMs, boundMs, disturbed, signal })
    await sleepUntil(startMs + runMs, now, signal)
    for (const one of disturbed) {
      if (one.toMs === Infinity) problems.push(`not over: ${JSON.stringify(one.what)}`)
    }
    const settled = () => (visibility.oldestPendingMs ?? Infinity) > now() - boundMs
    for (const untilMs = now() + SETTLE_MS; !settled() && now() < untilMs;) await sleep(500)
    await due.look()
    stop.abort()
    await Promise.all(loops)
    options.signal.throwIfAborted()
    const endMs = now() - boundMs
    say('comparing the whole run\n')
    const final = await compareAtTheEnd({ ...asked, ...options, span: { startMs, endMs } })
    for (const [name, { unexpectedEnds }] of Object.entries(restartables(world))) {
      for (const text of unexpectedEnds) problems.push(`${name} ended by itself: ${text}`)
    }
    const outage = disturbed.find(({ what }) => what.type === 'bucket')
    const catchUpMs = outage && outage.toMs - outage.fromMs - options.outageMs
    return {
      startMs,
      endMs,
      boundMs,
      visibility,
      due,
      past,
      seams,
      disturbed,
      catchUpMs,
      usage,
      final,
      problems,
    }
  } finally {
    stop.abort()
    await world.stop()
  }
}

function restartables({ agent, prometheus, thaw }: World) {
  return { agent, prometheus, thaw }
}

interface Disturbing {
  readonly startMs: number
  readonly boundMs: number
  readonly disturbed: Disturbed[]
  readonly signal: AbortSignal
}

/** Each at its time; what takes longer than the next one waits goes on beside it. */
async function disturb(
  options: HourOptions,
  world: World,
  visibility: Visibility,
  { startMs, boundMs, disturbed, signal }: Disturbing,
): Promise<void> {
  const { now, say } = options
  let outage: Disturbed | undefined
  let diskFull: Disturbed | undefined
  const restart = { agent: Promise.resolve(), prometheus: Promise.resolve() }
  for (const { atMs, what } of planDisturbances(options)) {
    await sleepUntil(startMs + atMs, now, signal)
    if (signal.aborted) return
    say(`${new Date(now()).toISOString()} ${JSON.stringify(what)}\n`)
    const one: Disturbed = { what, fromMs: now(), toMs: Infinity }
    if (what.type === 'disk') {
      const full = dirname(options.dataDir)
      await (what.isFull ? fillDisk(full) : emptyDisk(full))
      if (what.isFull) disturbed.push((diskFull = one))
      else diskFull!.toMs = now()
      continue
    }
    if (what.type === 'bucket') {
      world.proxy.setMode(what.mode)
      if (outage === undefined) disturbed.push((outage = one))
      if (what.mode === 'pass') {
        const over = outage
        void caughtUp(visibility, now, boundMs, signal).then(() => (over.toMs = now()))
      }
      continue
    }
    disturbed.push(one)
    const { type } = what
    // Two at nearly the same time: the second comes when the first is over.
    const before = restart[type]
    const restarted = async (): Promise<void> => {
      await before
      await world[type].kill(what.signal)
      if (what.type === 'agent') await sleep(what.pauseMs)
      await world[type].start()
      one.toMs = now()
    }
    restart[type] = restarted()
  }
  await Promise.all(Object.values(restart))
}

/** Until nothing is missing that is older than the bound. */
async function caughtUp(
  visibility: Visibility,
  now: () => number,
  boundMs: number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await sleep(250)
    const oldest = visibility.oldestPendingMs
    if (oldest === undefined || oldest > now() - boundMs) return
  }
}

async function sleepUntil(atMs: number, now: () => number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(0, atMs - now()), undefined, { signal }).catch(() => {})
}
