/** The whole examination: what was named is asked, what is found is judged, in the order of the way from a sample to an alert. */
import { VERSION } from '#agent/version.ts'
import type { Env } from '#agent/objstore.ts'
import { stackFacts } from '#lib/aws/stack-facts.ts'
import { judgeOutbox } from '#lib/doctor/alerts.ts'
import { judgeApi, judgeDoor, judgeFreshness, judgeWrittenNow } from '#lib/doctor/api.ts'
import { type Finding, PARTS, type Part, verdicts } from '#lib/doctor/finding.ts'
import { judgeRules } from '#lib/doctor/rules.ts'
import { judgeStack } from '#lib/doctor/stack.ts'
import { judgeTokens } from '#lib/doctor/tokens.ts'
import type { Labels } from '#lib/model/labels.ts'
import { examineAgent, examinePrometheus } from './examine-agents.ts'
import { examineAlertmanager } from './examine-alertmanager.ts'
import { type Api, askDoor, askFreshness, givenToken, newestSample } from './examine-api.ts'
import { type BucketExamination, examineBucket } from './examine-bucket.ts'
import { type BucketContent, examineContent } from './examine-content.ts'
import { asker } from './http-asker.ts'
import { known, type Patience, valueOr } from './patience.ts'

export interface Named {
  /** Objstore YAML. */
  readonly yaml?: string | undefined
  readonly url?: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly agentUrls: readonly string[]
  readonly prometheusUrls: readonly string[]
  readonly alertmanagerUrls: readonly string[]
  readonly watchdog: string
  readonly stack?: string | undefined
  readonly readOnly: boolean
}

export interface CheckupParts {
  readonly env: Env
  readonly now: () => number
}

export async function checkup(
  named: Named,
  parts: CheckupParts,
  patience: Patience,
): Promise<readonly Finding[]> {
  const { env, now } = parts
  const { yaml, readOnly } = named
  const access: BucketExamination | undefined =
    yaml === undefined ? undefined : await examineBucket({ yaml, env, now, readOnly }, patience)
  const content = access?.bucket && (await examineContent(access.bucket, now, patience))
  const api = named.url === undefined ? undefined : openApi(named.url, named, parts, patience)
  const prometheuses = await Promise.all(
    named.prometheusUrls.map((url) => onePrometheus(url, { content, api }, parts, patience)),
  )
  const agents = named.agentUrls.map((url) => {
    const client = asker(url, env, patience)
    return examineAgent(client, now(), patience).finally(() => client.close())
  })
  const ruler = content && valueOr(content.ruler, undefined)
  const alertmanagers = named.alertmanagerUrls.map((url) => {
    const client = asker(url, env, patience)
    const about = { watchdog: named.watchdog, ruler }
    return examineAlertmanager(client, about, patience).finally(() => client.close())
  })
  const findings = [
    ...(access?.findings ?? [notNamed('bucket', 'bucket', '--objstore.config-file=bucket.yml')]),
    ...(content?.findings ?? []),
    ...(await Promise.all(agents)),
    ...prometheuses.map(({ finding }) => finding),
    ...(api
      ? await examineApi(api, content, now(), patience)
      : [notNamed('api', 'api', '--url=…')]),
    ...prometheuses.flatMap(({ written }) => written ?? []),
    ...(content ? judgeRules({ files: content.ruleFiles, state: content.ruler }, now()) : []),
    ...(content ? [judgeOutbox(content.ruler, now())] : []),
    ...(await Promise.all(alertmanagers)),
    ...(await examineStack(named.stack, access?.bucketName, patience)),
  ]
  api?.client.close()
  const order = (part: Part): number => PARTS.indexOf(part)
  return findings.sort((a, b) => order(a.part) - order(b.part))
}

function notNamed(part: Part, check: string, flag: string): Finding {
  return verdicts(part, check).unchecked('it was not named', { next: `name it with ${flag}` })
}

function openApi(
  url: string,
  { headers }: Pick<Named, 'headers'>,
  { env }: CheckupParts,
  patience: Patience,
): Api {
  return { client: asker(url, env, patience), headers }
}

async function examineApi(
  api: Api,
  content: BucketContent | undefined,
  nowMs: number,
  patience: Patience,
): Promise<readonly Finding[]> {
  const facts = await askDoor(api, patience)
  const tokens = content && valueOr(content.tokens, undefined)
  const given = tokens && givenToken(api.headers, tokens, nowMs)
  const door = judgeDoor(facts)
  const isNeeded = 'value' in facts.withoutToken && facts.withoutToken.value.status === 401
  const answers = judgeApi(facts, VERSION, given?.why)
  const isAnswering = 'value' in facts.build && facts.build.value.status === 200
  const judgeFresh = async (): Promise<Finding> => {
    const found = await askFreshness(api, content?.sources ?? [], nowMs, patience)
    return judgeFreshness(found, given?.token?.tenant)
  }
  return [
    answers,
    door,
    ...(content ? [judgeTokens({ tokens: content.tokens, given, isNeeded }, nowMs)] : []),
    ...(isAnswering && content ? [await judgeFresh()] : []),
  ]
}

async function onePrometheus(
  url: string,
  { content, api }: { readonly content: BucketContent | undefined; readonly api: Api | undefined },
  { env, now }: CheckupParts,
  patience: Patience,
): Promise<{ readonly finding: Finding; readonly written?: readonly Finding[] }> {
  const client = asker(url, env, patience)
  try {
    const inBucket = content?.sources.map(({ labels }) => labels)
    const { finding, labels } = await examinePrometheus(client, inBucket, patience)
    if (!api || !labels || labels.length === 0) return { finding }
    const atMs = now()
    const own = { metric: 'up', labels: [] as Labels, atMs }
    const written = await newestSample({ client, headers: {} }, own, patience)
    const writtenMs = valueOr(written, undefined)
    if (writtenMs === undefined) return { finding }
    const found = await newestSample(api, { metric: 'up', labels, atMs }, patience)
    return { finding, written: [judgeWrittenNow({ labels, writtenMs, found })] }
  } finally {
    client.close()
  }
}

async function examineStack(
  stack: string | undefined,
  bucket: string | undefined,
  patience: Patience,
): Promise<readonly Finding[]> {
  if (stack === undefined) return []
  const facts = await known(patience, (signal) => stackFacts(stack, signal))
  return judgeStack(facts, { name: stack, bucket })
}
