/** What a tick asks of the bucket, when there are a hundred rules in five groups and an instance that lives: these numbers are money. */
import { expect, it } from 'vitest'
import { type BucketCounts, countingBucket } from '#lib/bucket/counting-bucket.ts'
import { openRuler } from '#lib/lambda/open-ruler.ts'
import { readRuleFlags } from '#lib/lambda/rule-flags.ts'
import { putRuleFile } from '#lib/rules/file/rule-files.ts'
import { bucketRuleFiles } from '#lib/rules/tick/bucket-rule-files.ts'
import { runTick } from '#lib/rules/tick/run-tick.ts'
import { StoreCache } from '#lib/store/store-cache.ts'
import { MINUTE, RuleWorld } from './rule-world.ts'

const EXPRESSIONS = [
  'sum by (cluster) (rate(requests_total[5m]))',
  'load',
  'histogram_quantile(0.9, sum by (cluster) (rate(latency[5m])))',
  'avg_over_time(recorded_0_0[5m])',
  'max_over_time(load[10m]) > bool 3',
]

function hundredRules(): string {
  const groups = EXPRESSIONS.map((expr, group) => {
    const rules = Array.from({ length: 20 }, (_, i) =>
      i % 4 === 3
        ? `  - alert: Alert_${group}_${i}\n    expr: ${expr} > ${i}\n    for: 2m\n`
        : `  - record: recorded_${group}_${i}\n    expr: ${expr} + ${i}\n`,
    )
    return `- name: group_${group}\n  rules:\n${rules.join('')}`
  })
  return `groups:\n${groups.join('')}`
}

it('a tick of a hundred rules asks as often as a tick of one', { timeout: 120_000 }, async () => {
  const world = new RuleWorld()
  await world.fillBlocks()
  await putRuleFile(world.bucket, 'hundred.yaml', hundredRules())
  const counting = countingBucket(world.bucket)
  const { bucket, counts } = counting
  let ulids = 0
  const { parts } = await openRuler({
    settings: readRuleFlags(''),
    bucket,
    files: bucketRuleFiles(bucket),
    cache: new StoreCache(1 << 26),
    env: {},
    userAgent: 'test',
    owner: 'test',
    now: world.now,
    newUlid: () => String(++ulids).padStart(26, '0'),
  })
  const seen: BucketCounts[] = []
  const rules: number[] = []
  for (let tick = 0; tick < 24; tick++) {
    await world.tick()
    counting.reset()
    const report = await runTick(parts, { deadlineMs: world.nowMs + MINUTE })
    expect(report).toMatchObject({ outcome: 'done', failedRules: 0, left: 0 })
    rules.push(report.rules)
    seen.push({ ...counts })
  }
  expect(rules.slice(2)).toEqual(rules.slice(2).map(() => 100))
  const usual = {
    // The state, the bucket index, two packs of two agents, and the ruler's of the tick before.
    gets: 1 + 1 + 2 * 2 + 1,
    // Rule files, and packs.
    lists: 2,
    // The claim, the commit, the pack of results, and that all is done.
    puts: 4,
    deletes: 0,
    heads: 0,
  }
  const merging = { ...usual, gets: usual.gets + 10, puts: usual.puts + 1 }
  const requests = ({ gets, lists, puts, deletes, heads }: BucketCounts): object => ({
    gets,
    lists,
    puts,
    deletes,
    heads,
  })
  const deleting = { ...usual, deletes: 10 }
  const often = (what: object, times: number): object[] => Array.from({ length: times }, () => what)
  expect(seen.slice(1).map(requests)).toEqual([
    ...often(usual, 8),
    merging,
    usual,
    deleting,
    ...often(usual, 7),
    merging,
    usual,
    deleting,
    ...often(usual, 2),
  ])
  // What is read of two blocks and twenty packs, and two lookups that nobody has made before.
  expect(seen[0]!.gets).toBeLessThan(100)
  expect(seen[0]!.puts).toBe(usual.puts + 2)
})
