/** docs/rules.md: its commands do what it says, and at the end the phone rings. */
import { mkdtemp, readFile, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { thaw, type CliResult } from '#test/cli/cli-fixture.ts'
import { commandsOf, missingLine } from '#test/cli/bucket/operations-page.ts'
import {
  findAlertmanager,
  startAlertmanager,
  startWebhook,
  type Webhook,
} from '#test/peer/alertmanager.ts'
import { command, isMissing } from '#test/peer/cache.ts'
import { freePort } from '#test/peer/server.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { filesOf, makeRulesWorld } from './support/rules-page-world.ts'

const MINUTE = 60_000
const found = await findAlertmanager()
const PAGE = await readFile('docs/rules.md', 'utf8')
/** Of Alertmanager and the phone, as the page has them. */
const PORTS = ['9093', '9099'] as const

if (isMissing(found)) describeSkipped('the examples of docs/rules.md', found)
else {
  describe('the examples of docs/rules.md', () => {
    const home = process.cwd()
    let phone: Webhook
    const ports = new Map<string, number>()
    const ends: (() => Promise<unknown>)[] = []
    /** The page's ports may be taken. */
    const here = (text: string): string =>
      text.replaceAll(/127\.0\.0\.1:(\d+)/g, (_, port: string) => `127.0.0.1:${ports.get(port)}`)

    beforeAll(async () => {
      const dir = await mkdtemp(join(tmpdir(), 'thaw-rules-page-'))
      ends.push(() => rm(dir, { recursive: true }))
      phone = await startWebhook()
      ends.push(async () => phone.close())
      ports.set(PORTS[0], await freePort())
      ports.set(PORTS[1], Number(new URL(phone.url).port))
      const files = filesOf(PAGE)
      const nowMs = Date.now()
      await makeRulesWorld(dir, files, { nowMs, downMs: nowMs - 6 * MINUTE })
      const alertmanager = await startAlertmanager({
        binary: found.binary,
        dataDir: join(dir, 'alertmanager'),
        config: here(files.get('alertmanager.yml')!),
        port: ports.get(PORTS[0]),
      })
      ends.push(() => alertmanager.stop())
      process.chdir(dir)
    })
    afterAll(async () => {
      process.chdir(home)
      for (const end of ends.toReversed()) await end()
    })

    it.each(commandsOf(PAGE))('$text', async ({ words, expected }) => {
      const { code, out, err } = await run(words.map(here))
      const missing = missingLine(out + err, expected)
      expect({ out, err, missing, code }).toEqual({ out, err, missing: undefined, code: 0 })
    })

    it('make the phone ring, and say that the ruler is alive', async () => {
      const told = (alertname: string) =>
        phone.notifications.flatMap(({ alerts }) =>
          alerts.filter(({ labels }) => labels['alertname'] === alertname),
        )
      await expect.poll(() => told('InstanceDown').length, { timeout: 60_000 }).toBeGreaterThan(0)
      expect(told('InstanceDown')[0]).toMatchObject({
        status: 'firing',
        labels: { instance: 'a:1', cluster: 'eu', severity: 'page' },
        annotations: { summary: 'a:1 of eu is down' },
      })
      expect(told('Watchdog')[0]).toMatchObject({ status: 'firing' })
    })
  })
}

async function run([program, ...argv]: readonly string[]): Promise<CliResult> {
  if (program === 'amtool') return { code: 0, out: await command(program, argv), err: '' }
  expect(program).toBe('thaw')
  const nowMs = Date.now()
  if (argv[0] === 'rule') {
    // The page says that it is ten minutes old.
    const pushed = new Date(nowMs - 10 * MINUTE)
    await utimes('bucket/thaw/rule/files/api.yaml', pushed, pushed)
  }
  return thaw(argv, {}, nowMs)
}
