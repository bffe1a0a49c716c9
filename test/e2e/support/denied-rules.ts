/** Ticks of the ruler; and that each of its slots has its result in the end. */
import { gunzipSync } from 'node:zlib'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { putRuleFile, RULE_FILES_PREFIX } from '#lib/rules/file/rule-files.ts'
import type { RulerState } from '#lib/rules/tick/ruler-state.ts'
import { RULE_STATE_KEY } from '#lib/rules/tick/state-object.ts'
import { LOOKUP_PREFIX } from '#lib/store/lookup.ts'
import { tick } from '#localstack/rules.ts'
import type { TickReport } from '#lib/rules/tick/tick-report.ts'
import type { DeniedWork } from './denied-work.ts'
import { allKeys, BLOCK_MS, putPack, putSmall, RECENT } from './policy-bucket.ts'
import { editJson, type PolicyWorld } from './policy-world.ts'
import { thawOver } from './thaw-app.ts'

const BLOCK = 95
const INTERVAL_MS = 10_000
const OTHER_FILE = 'other.yaml'

let runs = 0
/** The first slot that is due when the work begins. */
let fromMs: number
let last: TickReport

function rules(name: string): string {
  return `groups:
- name: ${name}
  interval: 10s
  query_offset: 0s
  rules:
  - record: load:${name}
    expr: sum(load) + sum(count_over_time(up[6h]))
`
}

function groupName(): string {
  return `run${runs}`
}

/** Undefined before the group has been evaluated. */
async function nextSlotMs(bucket: Bucket): Promise<number | undefined> {
  const { body } = await bucket.get(RULE_STATE_KEY)
  const { groups } = JSON.parse(gunzipSync(body).toString()) as RulerState
  const group = groups.find(({ config }) => config.name === groupName())
  return (group as { readonly nextMs: number } | undefined)?.nextMs
}

/**
 * As in Prometheus, a rule whose query fails has no result of that slot, and is evaluated again at the next: what was not denied begins behind
 * those.
 */
async function evaluate({ bucket, local }: PolicyWorld): Promise<string[]> {
  last = await tick(local.cloud)
  if (last.failedRules > 0) fromMs = (await nextSlotMs(bucket))!
  return [JSON.stringify(last)]
}

async function askTick({ local }: PolicyWorld): Promise<string[]> {
  return [JSON.stringify(await tick(local.cloud))]
}

const DAILY: DeniedWork = {
  who: 'rule',
  what: 'ticks',
  async prepare(world) {
    const { bucket } = world
    await putSmall(bucket, BLOCK, RECENT - BLOCK_MS)
    await putPack(bucket, Date.now() - 120_000, 5)
    await world.local.plan()
    await bucket.delete(`${RULE_FILES_PREFIX}${OTHER_FILE}`)
    // It must not have been evaluated yet: what is older than its newest result would be dropped.
    do {
      runs++
      await bucket.delete(RULE_STATE_KEY)
      await putRuleFile(bucket, 'loads.yaml', rules(groupName()))
    } while ((await tick(world.local.cloud)).evaluations > 0 && runs % 20 > 0)
    // As if the group had been there for a minute.
    await editJson(bucket, RULE_STATE_KEY, ({ groups, ...state }) => ({
      ...state,
      groups: (groups as { nextMs: number }[]).map((group) => ({
        ...group,
        nextMs: group.nextMs - 60_000,
      })),
    }))
    fromMs = (await nextSlotMs(bucket))!
    await putRuleFile(bucket, OTHER_FILE, `${rules('other')}# ${runs}\n`)
    const old = await Promise.all(
      Array.from({ length: 11 }, (_, i) => putPack(bucket, Date.now() - 900_000, 100 + i)),
    )
    const packs = old.map((key, i) => ({ key, size: 100, ...(i === 0 && { deleteAtMs: 0 }) }))
    await editJson(bucket, RULE_STATE_KEY, (state) => ({ ...state, packs }))
    // Of whatever block has its samples by now: jobs go on in the background.
    for (const key of await allKeys(bucket, LOOKUP_PREFIX)) await bucket.delete(key)
  },
  work: evaluate,
  async flaws({ bucket }, isDone) {
    if (!isDone) return []
    if (last.problems.length + last.failedRules > 0) return [JSON.stringify(last)]
    const nextMs = (await nextSlotMs(bucket))!
    if (nextMs === fromMs) return []
    const ask = thawOver(bucket)
    const query = `load:${groupName()}[${nextMs - fromMs}ms]`
    const { data } = await ask('query', { query, time: (nextMs - 1) / 1000 })
    const [series] = (data as { result: readonly { values: readonly [number, string][] }[] }).result
    const got = series?.values.map(([seconds]) => seconds * 1000) ?? []
    const isWhole =
      [fromMs - INTERVAL_MS, ...got, nextMs].every(
        (ms, i, all) => i === 0 || ms - all[i - 1]! <= 2 * INTERVAL_MS,
      ) && got.length >= Math.floor((nextMs - fromMs) / INTERVAL_MS)
    return isWhole ? [] : [`results at ${got.join(' ')} of ${fromMs} to ${nextMs}`]
  },
}

const BROKEN_STATE: DeniedWork = {
  who: 'rule',
  what: 'keeping a state that can not be read',
  rights: ['s3:PutObject /thaw/rule/broken/*'],
  prepare: async ({ bucket }) => void (await bucket.put(RULE_STATE_KEY, new Uint8Array(3))),
  work: askTick,
  async flaws({ bucket }, isDone) {
    const kept = await allKeys(bucket, 'thaw/rule/broken/')
    const { body } = await bucket.get(RULE_STATE_KEY)
    if (isDone) return kept.length === 1 ? [] : [`${kept.length} states are kept`]
    return body.length === 3 ? [] : ['the state that can not be read was written over']
  },
}

export const RULE_WORK: readonly DeniedWork[] = [DAILY, BROKEN_STATE]
