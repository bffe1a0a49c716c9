/** `localstack/compose`: what its files name is there, their flags are those of the programs, and nothing is open to others than this machine. */
import { readFile, stat } from 'node:fs/promises'
import { join, normalize } from 'node:path'
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { addAgentFlags } from '#agent/flags/command-flags.ts'
import { agentSettings } from '#agent/flags/settings.ts'
import { serveCommand } from '#cli/serve.ts'
import { type PartFlags, wantedParts } from '#cli/serve/start-parts.ts'
import { parseObjstoreConfig } from '#lib/bucket/objstore-config.ts'
import { parseExpr } from '#lib/promql/parse/parse.ts'
import { queriesOf, readDashboards } from '#localstack/compose/smoke/dashboards.ts'
import { runSteps } from '#localstack/compose/smoke/run-steps.ts'
import { COMPOSE, readCompose } from '#test/e2e/support/compose-processes.ts'
import { exists } from '#test/peer/cache.ts'

const { services, volumes } = await readCompose()
const names = Object.keys(services) as (keyof typeof services)[]
const yaml = async (file: string): Promise<unknown> =>
  parse(await readFile(join(COMPOSE, file), 'utf8'))
const noop = (): void => undefined

describe('the services', () => {
  it.each(names)('%s has the files that it mounts', async (name) => {
    const missing: string[] = []
    for (const volume of services[name].volumes ?? []) {
      const [source = ''] = volume.split(':')
      const isThere = source.startsWith('./')
        ? await exists(join(COMPOSE, source))
        : source.startsWith('/') || Object.hasOwn(volumes, source)
      if (!isThere) missing.push(source)
    }
    expect(missing).toEqual([])
  })

  it.each(names)('%s is reached from this machine only', (name) => {
    const ports = services[name].ports ?? []
    expect(ports.length).toBeGreaterThan(0)
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
  })

  it.each(['agent', 'thaw'] as const)(
    '%s is an image of ours that may write nothing',
    async (name) => {
      const { build, read_only, cap_drop } = services[name]
      expect([read_only, cap_drop]).toEqual([true, ['ALL']])
      const file = await readFile(build!.dockerfile, 'utf8')
      expect(file).toContain(` AS ${build!.target}\n`)
    },
  )

  it('have flags that their programs know', async () => {
    const agent = addAgentFlags(new Command('agent')).exitOverride()
    agent.parse([...services.agent.command!], { from: 'user' })
    const { prometheuses } = await agentSettings(agent.opts())
    expect(prometheuses[0]).toMatchObject({ tsdbPath: '/prometheus' })

    const signal = new AbortController().signal
    const context = { env: {}, now: Date.now, write: noop, writeError: noop, signal }
    const serve = serveCommand({ ...context, killSignal: signal, onHangup: noop })
    const [word, ...flags] = services.thaw.command!
    expect(word).toBe('serve')
    serve.exitOverride().action(noop).parse(flags, { from: 'user' })
    const wanted = wantedParts(serve.opts() as unknown as PartFlags, 'yaml')
    expect([...wanted.keys()]).toEqual(['compact', 'rule'])
  })

  it('take the token of LocalStack from the environment alone', async () => {
    const { environment, profiles } = services.localstack
    expect(environment!['LOCALSTACK_AUTH_TOKEN']).toBe('${LOCALSTACK_AUTH_TOKEN:-}')
    expect(profiles).toEqual(['localstack'])
  })

  it('know the same bucket, in either store', async () => {
    const config = parseObjstoreConfig(await readFile(join(COMPOSE, 'bucket.yml'), 'utf8'), {})
    const s3 = { bucket: 'thaw', endpoint: 's3:9000', accessKey: 'thaw', secretKey: 'thaw-secret' }
    expect(config).toMatchObject({ type: 'S3', s3 })
    expect(services.s3.environment).toMatchObject({
      MINIO_ROOT_USER: s3.accessKey,
      MINIO_ROOT_PASSWORD: s3.secretKey,
    })
    expect(await yaml('seaweedfs/s3.json')).toMatchObject({
      identities: [{ credentials: [{ accessKey: s3.accessKey, secretKey: s3.secretKey }] }],
    })
  })

  it('are all scraped', async () => {
    interface Targets {
      readonly targets: readonly string[]
    }
    const { scrape_configs } = (await yaml('prometheus/prometheus.yml')) as {
      scrape_configs: { job_name: string; static_configs?: Targets[] }[]
    }
    const stores = await Promise.all(
      ['prometheus', 'seaweedfs'].map((in_) => yaml(`${in_}/s3.yml`)),
    )
    const jobs = scrape_configs.map(({ job_name }) => job_name).toSorted()
    expect(jobs).toEqual(names.filter((name) => name !== 'localstack').toSorted())
    for (const { job_name, static_configs } of scrape_configs) {
      const lists = static_configs ? [static_configs] : (stores as Targets[][])
      for (const [list] of lists) {
        expect(list!.targets[0]).toMatch(new RegExp(`^${job_name}:\\d+$`))
      }
    }
  })
})

describe('Grafana', () => {
  it('is provisioned with data sources of the services, and with the dashboards that are mounted', async () => {
    const { datasources } = (await yaml('grafana/provisioning/datasources/compose.yml')) as {
      datasources: { uid: string; type: string; url: string }[]
    }
    const { environment, volumes: mounts } = services.grafana
    const urls = datasources.map(({ uid, type, url }) => [
      uid,
      type,
      url.replace('${THAW_URL}', environment!['THAW_URL']!),
    ])
    expect(urls).toEqual([
      ['thaw', 'prometheus', 'http://thaw:10902'],
      ['prometheus', 'prometheus', 'http://prometheus:9090'],
      ['alertmanager', 'alertmanager', 'http://alertmanager:9093'],
    ])
    const { providers } = (await yaml('grafana/provisioning/dashboards/compose.yml')) as {
      providers: { type: string; options: { path: string } }[]
    }
    const { path } = providers[0]!.options
    expect(mounts).toContain(`./grafana/dashboards:${path}:ro`)
    const home = environment!['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH']!
    const file = normalize(join(COMPOSE, 'grafana/dashboards', home.slice(path.length)))
    expect((await stat(file)).isFile()).toBe(true)
  })

  it('has dashboards whose panels do not cover each other, and whose queries can be parsed', async () => {
    const dashboards = await readDashboards()
    expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(2)
    for (const { panels } of dashboards) {
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
      const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
        Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
      )
      expect(new Set(cells).size).toBe(cells.length)
      expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24)
    }
    const queries = queriesOf(dashboards)
    expect(queries.length).toBeGreaterThanOrEqual(30)
    for (const { query } of queries) {
      expect(query).not.toContain('$')
      expect(() => parseExpr(query)).not.toThrow()
    }
  })
})

describe('steps of the smoke test', () => {
  const told = async (...steps: Parameters<typeof runSteps>[0]): Promise<[number, string[]]> => {
    const lines: string[] = []
    const write = (line: string): void => void lines.push(line.replace(/\d+\.\d s/, 'n s'))
    return [await runSteps(steps, { patienceMs: 0, write }), lines]
  }
  const right = { name: 'a', look: async () => 'there', hint: 'look' }
  const wrong = { ...right, name: 'b', look: () => Promise.reject(new Error('away')) }

  it('say what is right, what is wrong and what to do', async () => {
    expect(await told(right, wrong, right)).toEqual([
      1,
      [
        'right  a: there (n s)',
        'WRONG  b: away (n s)\n       look',
        'right  a: there (n s)',
        '1 wrong',
      ],
    ])
    expect(await told(right)).toEqual([0, ['right  a: there (n s)', 'all 1 steps are right']])
  })

  it('end where the others can not be right', async () => {
    const [count, lines] = await told({ ...wrong, needed: true }, right)
    expect(count).toBe(1)
    expect(lines[1]).toBe('       1 steps are not tried, they need this one')
  })
})
