/** The reloader of a running agent beside a real Prometheus: by HTTP and by signal, and a configuration that it refuses. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { agentOptions, prometheusOptions } from '#agent/agent-options.ts'
import { type Logger, SILENT, describeError } from '#agent/logger.ts'
import { runAgent } from '#agent/run-agent.ts'
import { isMissing } from '#test/peer/cache.ts'
import { findPrometheus, startPrometheus } from '#test/peer/prometheus.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'

const peer = await findPrometheus()

const undo: (() => Promise<void>)[] = []

afterEach(async () => {
  while (undo.length > 0) await undo.pop()!()
})

const config = (replica: string): string =>
  `global: {external_labels: {replica: ${replica}}}\nrule_files: [RULES/*.yml]\n`

async function eventually(fact: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (await fact().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('never')
}

async function world(method: 'http' | 'signal', binary: string) {
  const dir = await mkdtemp(join(tmpdir(), 'thaw-reload-'))
  undo.push(() => rm(dir, { recursive: true, force: true }))
  // A name that no other process of this machine has.
  const processName = `prom-${process.pid}`
  await symlink(binary, join(dir, processName))
  const rules = join(dir, 'rules')
  await mkdir(rules)
  const dataDir = join(dir, 'data')
  const text = (replica: string): string => config(replica).replace('RULES', rules)
  const prometheus = await startPrometheus({
    binary: join(dir, processName),
    dataDir,
    config: text('first'),
    flags: method === 'http' ? ['--web.enable-lifecycle'] : [],
  })
  undo.push(() => prometheus.stop())
  const configFile = join(dir, 'prometheus.yml')
  await writeFile(configFile, text('$(POD)'))
  const errors: string[] = []
  const logger: Logger = {
    ...SILENT,
    error: (facts) => void errors.push(describeError((facts as { err: unknown }).err)),
  }
  const stop = new AbortController()
  const options = prometheusOptions({
    tsdbPath: dataDir,
    prometheusUrl: prometheus.url,
    reloader: {
      configFile,
      envsubstFile: join(dataDir, 'prometheus.yml'),
      ruleDirs: [rules],
      watchIntervalMs: 60_000,
      retryIntervalMs: 200,
      method,
      processName,
    },
  })
  const agent = runAgent(agentOptions({ prometheuses: [options] }), {
    bucket: undefined,
    logger,
    now: Date.now,
    env: { POD: 'second' },
    signal: stop.signal,
  })
  agent.catch((error: unknown) => errors.push(String(error)))
  undo.push(async () => {
    stop.abort()
    await agent
  })
  const ask = async (path: string): Promise<unknown> =>
    ((await (await fetch(`${prometheus.url}${path}`)).json()) as { data: unknown }).data
  const replica = async (): Promise<string> => {
    const { yaml } = (await ask('/api/v1/status/config')) as { yaml: string }
    return /replica: (\S+)/.exec(yaml)?.[1] ?? ''
  }
  return { rules, configFile, text, errors, ask, replica }
}

if (isMissing(peer)) {
  describeSkipped('the reloader', peer)
} else {
  describe('the reloader', () => {
    it.each(['http', 'signal'] as const)(
      'makes Prometheus take new configurations and rules by %s',
      async (how) => {
        const { rules, configFile, text, errors, ask, replica } = await world(how, peer.binary)
        await eventually(async () => (await replica()) === 'second')
        await writeFile(
          join(rules, 'a.yml'),
          'groups: [{name: g, rules: [{record: "r:x", expr: "1"}]}]\n',
        )
        await eventually(async () => JSON.stringify(await ask('/api/v1/rules')).includes('r:x'))
        await writeFile(configFile, text('third'))
        await eventually(async () => (await replica()) === 'third')
        expect(errors).toEqual([])
        await writeFile(configFile, 'global: {nonsense: 1}\n')
        await eventually(async () => errors.length > 0)
        expect(errors[0]).toMatch(how === 'http' ? /field nonsense not found/ : /refused it/)
        expect(await replica()).toBe('third')
        await writeFile(configFile, text('fourth'))
        await eventually(async () => (await replica()) === 'fourth')
      },
    )
  })
}
