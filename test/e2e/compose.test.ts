/** `localstack/compose`: its files as the programs' own checkers see them, and its services as processes with the smoke test over them. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { command, findOnPath, isMissing, type Missing } from '#test/peer/cache.ts'
import { freePort } from '#test/peer/server.ts'
import { describeSkipped, needPeer } from '#test/peer/skip-report.ts'
import {
  COMPOSE,
  type ComposeProcesses,
  findPrograms,
  startCompose,
} from './support/compose-processes.ts'

async function tool(name: string): Promise<{ readonly binary: string } | Missing> {
  const binary = await findOnPath(name)
  return binary === undefined ? { missing: `${name} is not on the PATH` } : { binary }
}

describe('the files of compose', () => {
  it.for([[], ['compose.seaweedfs.yml']])(
    'are taken by docker-compose, with %j beside compose.yml',
    async (more, context) => {
      const { binary } = needPeer(context, await tool('docker-compose'))
      const files = ['compose.yml', ...more].flatMap((file) => ['-f', join(COMPOSE, file)])
      const text = await command(binary, [...files, '--profile', 'localstack', 'config'], {
        env: { LOCALSTACK_AUTH_TOKEN: 'of-the-environment' },
      })
      expect(text).toContain('LOCALSTACK_AUTH_TOKEN: of-the-environment')
      expect(text.includes('chrislusf/seaweedfs')).toBe(more.length > 0)
    },
  )

  it('are valid for promtool and amtool', async (context) => {
    const { binary: promtool } = needPeer(context, await tool('promtool'))
    const { binary: amtool } = needPeer(context, await tool('amtool'))
    await command(promtool, ['check', 'config', join(COMPOSE, 'prometheus/prometheus.yml')])
    const rules = await command(promtool, ['check', 'rules', join(COMPOSE, 'rules/compose.yaml')])
    expect(rules).toContain('SUCCESS: 4 rules found')
    const alerts = ['check-config', join(COMPOSE, 'alertmanager/alertmanager.yml')]
    expect(await command(amtool, alerts)).toContain('SUCCESS')
  })
})

for (const store of ['MinIO', 'SeaweedFS'] as const) {
  const programs = await findPrograms(store)
  if (isMissing(programs)) {
    describeSkipped(`the services of compose with ${store}`, programs)
    continue
  }
  describe(`the services of compose with ${store}, as processes`, () => {
    const hasGrafana = programs.grafana !== undefined
    const steps = hasGrafana ? 13 : 12
    let compose: ComposeProcesses
    let home: string
    beforeAll(async () => {
      home = await mkdtemp(join(tmpdir(), 'thaw-smoke-'))
      compose = await startCompose(programs)
    }, 120_000)
    afterAll(async () => {
      await compose?.stop()
      await rm(home, { recursive: true, force: true })
    })

    interface Smoke {
      readonly code: number
      readonly lines: readonly string[]
    }

    async function smoke(...argv: readonly string[]): Promise<Smoke> {
      const { s3, prometheus, agent, thaw, alertmanager, grafana } = compose.hosts
      const places = [
        `--s3=${s3}`,
        `--prometheus=http://${prometheus}`,
        `--agent=http://${agent}`,
        `--thaw=http://${thaw}`,
        `--alertmanager=http://${alertmanager}`,
        hasGrafana ? `--grafana=http://${grafana}` : '--grafana=',
      ]
      const script = join(COMPOSE, 'smoke.ts')
      return new Promise((resolve) => {
        execFile(process.execPath, [script, ...places, ...argv], (error, stdout, stderr) => {
          const lines = `${stdout}${stderr}`.trim().split('\n')
          resolve({ code: error === null ? 0 : Number(error.code), lines })
        })
      })
    }

    it('are all right, from the bucket to the dashboards', async () => {
      const { code, lines } = await smoke('--patience=120')
      const troubles = lines.filter((line) => !line.startsWith('right '))
      expect(troubles).toEqual([`all ${steps} steps are right`])
      expect(code).toBe(0)
      expect(compose.log('thaw')).not.toMatch(/level=error/)
      expect(compose.log('agent')).not.toMatch(/level=error/)
    }, 300_000)

    it('are said to be wrong where one is away, with what to look at', async () => {
      const { code, lines } = await smoke(
        '--patience=1',
        `--alertmanager=http://127.0.0.1:${await freePort()}`,
      )
      expect(code).toBe(1)
      const wrong = lines.findIndex((line) => line.startsWith('WRONG'))
      expect(lines[wrong]).toMatch(/^WRONG {2}alerts: fetch failed: connect ECONNREFUSED/)
      expect(lines[wrong + 1]).toContain('compose.yml logs alertmanager')
      expect(lines.at(-1)).toBe('1 wrong')
    }, 120_000)

    it('are not looked at further where there is no bucket', async () => {
      const { code, lines } = await smoke('--patience=1', '--s3=127.0.0.1:9')
      expect(code).toBe(1)
      expect(lines[0]).toMatch(/^WRONG {2}the bucket: /)
      expect(lines.at(-2)).toBe(`       ${steps - 1} steps are not tried, they need this one`)
    }, 120_000)
  })
}
