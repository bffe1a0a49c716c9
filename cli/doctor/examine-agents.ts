/** Asks agents and Prometheuses what they say of themselves. */
import type { PrometheusClient } from '#agent/prometheus/prometheus-client.ts'
import { judgeAgent, judgePrometheus } from '#lib/doctor/agent.ts'
import type { Finding } from '#lib/doctor/finding.ts'
import { type Labels, labelsFrom, labelsKey } from '#lib/model/labels.ts'
import { getText } from './http-asker.ts'
import { known, type Patience, valueOr } from './patience.ts'

export async function examineAgent(
  client: PrometheusClient,
  nowMs: number,
  patience: Patience,
): Promise<Finding> {
  const [ready, metrics] = await Promise.all([
    known(patience, (signal) => getText(client, '/-/ready', { signal })),
    known(patience, async (signal) => (await getText(client, '/metrics', { signal })).body),
  ])
  const text = valueOr(metrics, '')
  const metric = (name: string): number => sumOf(text, name)
  return judgeAgent({ url: client.url, ready, metric }, nowMs)
}

/** Of all series of a metric; NaN without one. */
function sumOf(text: string, name: string): number {
  const values = text.split('\n').flatMap((line) => {
    const isIt = line.startsWith(`${name}{`) || line.startsWith(`${name} `)
    return isIt ? [Number(line.slice(line.lastIndexOf(' ') + 1))] : []
  })
  return values.length === 0 ? NaN : values.reduce((sum, value) => sum + value, 0)
}

export interface PrometheusExamination {
  readonly finding: Finding
  /** Where it said which it has. */
  readonly labels?: Labels | undefined
}

/** `inBucket`: labels of the sources of the bucket; undefined where it is not known. */
export async function examinePrometheus(
  client: PrometheusClient,
  inBucket: readonly Labels[] | undefined,
  patience: Patience,
): Promise<PrometheusExamination> {
  const [externalLabels, flags] = await Promise.all([
    known(patience, async (signal) => labelsFrom(await client.externalLabels(signal))),
    known(patience, (signal) => client.flags(signal)),
  ])
  const keys = inBucket && new Set(inBucket.map(labelsKey))
  const isInBucket = (labels: Labels): boolean => keys?.has(labelsKey(labels)) ?? true
  const facts = { url: client.url, externalLabels, flags: valueOr(flags, undefined), isInBucket }
  return { finding: judgePrometheus(facts), labels: valueOr(externalLabels, undefined) }
}
