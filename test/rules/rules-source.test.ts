import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { countingBucket } from '#lib/bucket/counting-bucket.ts'
import { memoryBucket } from '#lib/bucket/memory-bucket.ts'
import { labelsFrom } from '#lib/model/labels.ts'
import { ZERO_TIME } from '#lib/model/precise-time.ts'
import type { AlertingRuleState, AlertState } from '#lib/rules/evaluate/group-state.ts'
import { newGroupState } from '#lib/rules/evaluate/new-group-state.ts'
import type { RuleGroupConfig } from '#lib/rules/file/rule-file.ts'
import { RulerReader } from '#lib/rules/ruler-reader.ts'
import { rulesSource } from '#lib/rules/rules-source.ts'
import { RULE_STATE_KEY } from '#lib/rules/tick/state-object.ts'
import { askRules } from '#lib/storage/ask-sources.ts'
import type { RuleGroup } from '#lib/storage/rules.ts'
import type { Scope } from '#lib/storage/scope.ts'
import type { Told } from '#lib/storage/source.ts'
import { at, SCOPE, TENANT } from '#test/storage/telling.ts'
import { putRulerState, rulerState } from './ruler-state.ts'

const CONFIG: RuleGroupConfig = {
  name: 'disks',
  limit: 3,
  labels: {},
  partialResponse: 'abort',
  rules: [
    {
      type: 'alerting',
      alert: 'DiskFull',
      expr: 'free<1  and on( ) up',
      forMs: 300_000,
      keepFiringForMs: 90_500,
      labels: { severity: 'page', nothing: '' },
      annotations: { summary: '{{ $value }} free', b: '' },
    },
    { type: 'recording', record: 'job:up:sum', expr: 'sum by(job) (up)', labels: {} },
  ],
}
const ENTRY = {
  file: 'disks.yaml',
  config: CONFIG,
  intervalMs: 30_000,
  queryOffsetMs: 60_000,
  nextMs: 0,
  missed: 0,
  state: newGroupState(CONFIG),
}
const alert = (more: Partial<AlertState>): AlertState => ({
  state: 'pending',
  labels: { alertname: 'DiskFull', severity: 'page' },
  annotations: { summary: 'none free', b: '' },
  value: 0.5,
  activeAtMs: 1_700_000_000_123,
  ...more,
})

/** The group after an evaluation that left these alerts. */
function evaluated(...alerts: readonly AlertState[]) {
  const [alerting, recording] = ENTRY.state.rules
  const common = { health: 'ok', lastEvaluationMs: 1_700_000_001_250.5, evaluationMs: 1.5 } as const
  const rules = [
    { ...(alerting as AlertingRuleState), ...common, alerts },
    { ...recording!, ...common, health: 'err', lastError: 'no' } as const,
  ]
  const state = { ...ENTRY.state, rules, lastEvaluationMs: 1_700_000_001_250, evaluationMs: 4 }
  return { ...ENTRY, state }
}

async function ask(
  ...[state, scope = {}]: [ReturnType<typeof rulerState>, Partial<Scope>?]
): Promise<Told<readonly RuleGroup[]>> {
  const bucket = memoryBucket()
  await putRulerState(bucket, state)
  const source = rulesSource(new RulerReader({ bucket, now: () => 0 }))
  return askRules([source], ALL, { ...SCOPE, ...scope })
}

const ALL = { type: 'all', matcherSets: [], ruleNames: [], groupNames: [], files: [] } as const

describe("the ruler's rules", () => {
  it('are unknown before the first evaluation', async () => {
    const { value, warnings } = await ask(rulerState({ groups: [ENTRY] }))
    expect(warnings).toEqual([])
    const last = {
      health: 'unknown',
      lastError: '',
      evaluationSeconds: 0,
      lastEvaluation: ZERO_TIME,
    }
    expect(value).toEqual([
      {
        name: 'disks',
        file: 'disks.yaml',
        intervalSeconds: 30,
        limit: 3,
        partialResponse: 'abort',
        evaluationSeconds: 0,
        lastEvaluation: ZERO_TIME,
        rules: [
          {
            ...last,
            type: 'alerting',
            name: 'DiskFull',
            query: 'free < 1 and on () up',
            state: 'unknown',
            holdSeconds: 300,
            keepFiringSeconds: 90.5,
            labels: ['nothing', '', 'severity', 'page'],
            annotations: ['b', '', 'summary', '{{ $value }} free'],
            alerts: [],
          },
          {
            ...last,
            type: 'recording',
            name: 'job:up:sum',
            query: 'sum by (job) (up)',
            labels: [],
          },
        ],
      },
    ])
  })

  it('say what the last evaluation found', async () => {
    const entry = evaluated(alert({}), alert({ state: 'inactive', labels: { alertname: 'Gone' } }))
    const { value } = await ask(rulerState({ groups: [entry] }))
    expect(value[0]).toMatchObject({
      evaluationSeconds: 0.004,
      lastEvaluation: { seconds: 1_700_000_001, nanos: 250_000_000 },
    })
    const [alerting, recording] = value[0]!.rules
    expect(recording).toMatchObject({ health: 'err', lastError: 'no', evaluationSeconds: 0.0015 })
    expect(alerting).toMatchObject({
      state: 'pending',
      health: 'ok',
      lastEvaluation: { seconds: 1_700_000_001, nanos: 250_500_000 },
      alerts: [
        {
          labels: ['alertname', 'DiskFull', 'severity', 'page'],
          annotations: ['b', '', 'summary', 'none free'],
          state: 'pending',
          activeAt: { seconds: 1_700_000_000, nanos: 123_000_000 },
          keepFiringSince: undefined,
          value: '5e-01',
        },
      ],
    })
  })

  it.each([
    [[], 'inactive', []],
    [[alert({ state: 'inactive' })], 'inactive', []],
    [[alert({ state: 'firing', value: 'NaN' }), alert({})], 'firing', ['NaN', '5e-01']],
    [[alert({ state: 'firing', value: '-Inf', keepFiringSinceMs: 9000 })], 'firing', ['-Inf']],
  ])('%j: %s', async (alerts, state, values) => {
    const { value } = await ask(rulerState({ groups: [evaluated(...alerts)] }))
    const [rule] = value[0]!.rules
    expect(rule).toMatchObject({ state })
    if (rule?.type !== 'alerting') throw new Error('no alerting rule')
    expect(rule.alerts.map((one) => one.value)).toEqual(values)
    const kept = alerts.some(({ keepFiringSinceMs }) => keepFiringSinceMs !== undefined)
    expect(rule.alerts[0]?.keepFiringSince).toEqual(kept ? at(9) : undefined)
  })

  it('carry external labels, which make them a tenant’s, and which replicas lose', async () => {
    const externalLabels = { tenant_id: 'a', replica: '1', severity: 'ours' }
    const state = rulerState({ groups: [evaluated(alert({}))], externalLabels })
    const labels = labelsFrom({ severity: 'ours', tenant_id: 'a' })
    const { value } = await ask(state, { enforced: [TENANT] })
    expect(value[0]!.rules).toMatchObject([
      {
        labels: ['nothing', '', ...labels],
        alerts: [{ labels: ['alertname', 'DiskFull', ...labels] }],
      },
      { labels },
    ])
    const other = { ...TENANT, value: 'b' }
    expect((await ask(state, { enforced: [other] })).value).toEqual([])
  })

  it('of a broken file are the last good ones, with a warning', async () => {
    const files = [
      { name: 'disks.yaml', etag: '1', error: 'line 3: what is this' },
      { name: 'good.yaml', etag: '2' },
    ]
    const { value, warnings } = await ask(rulerState({ groups: [ENTRY], files }))
    expect(value.map(({ name }) => name)).toEqual(['disks'])
    expect(warnings).toEqual(["rule file disks.yaml can't be used: line 3: what is this"])
  })
})

describe('the state of the ruler', () => {
  it('is asked for once in a second, and read again when it has changed', async () => {
    const inner = memoryBucket()
    const { bucket, counts } = countingBucket(inner)
    let nowMs = 0
    const ruler = new RulerReader({ bucket, now: () => nowMs })
    const gets = async (): Promise<[number, number, number | undefined]> => {
      const state = await ruler.state()
      return [counts.gets, counts.bytesRead, state?.groups.length]
    }
    expect(await gets()).toEqual([1, 0, undefined])
    await putRulerState(inner, rulerState({ groups: [ENTRY] }))
    expect(await gets()).toEqual([1, 0, undefined])
    nowMs = 1000
    const [, bytes] = await gets()
    expect(await gets()).toEqual([2, bytes, 1])
    nowMs = 2000
    expect(await gets()).toEqual([3, bytes, 1])
    await putRulerState(inner, rulerState({ groups: [ENTRY, ENTRY] }))
    expect(await gets()).toEqual([3, bytes, 1])
    nowMs = 3000
    expect((await gets())[2]).toBe(2)
    await inner.delete(RULE_STATE_KEY)
    nowMs = 4000
    expect((await gets())[2]).toBeUndefined()
  })

  it.each([
    [Buffer.from('what is this'), /^the ruler is left out: thaw\/rule\/state\.json\.gz: /],
    [gzipSync('[]'), /^the ruler is left out: thaw\/rule\/state\.json\.gz: /],
    [gzipSync('{"version":99}'), /^the ruler is left out: .* written by a newer thaw/],
  ])('that cannot be read is a warning, or an error (%#)', async (body, warning) => {
    const bucket = memoryBucket()
    await bucket.put(RULE_STATE_KEY, body)
    const source = rulesSource(new RulerReader({ bucket, now: () => 0 }))
    for (const again of [1, 2]) {
      const told = await askRules([source], ALL, SCOPE)
      expect([again, told.value]).toEqual([again, []])
      expect(told.warnings).toEqual([expect.stringMatching(warning)])
    }
    const whole = askRules([source], ALL, { ...SCOPE, partialResponse: false })
    await expect(whole).rejects.toMatchObject({ name: expect.stringMatching(/Error$/) })
  })
})
