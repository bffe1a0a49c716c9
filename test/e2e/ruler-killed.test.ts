/**
 * Rulers over a real Alertmanager, in real time: one that nothing happens to; several that are killed at random steps, two at a time, as two
 * schedulers would start them; and one whose way to the Alertmanager fails in all the ways there are. All see the same samples, and what
 * Alertmanager tells people must be the same of each: nothing lost, nothing twice.
 *
 * THAW_KILLS=200 kills so many, over a quarter of an hour; THAW_SEED repeats a run's choices.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type AlertmanagerServer,
  findAlertmanager,
  startAlertmanager,
  startWebhook,
  type Webhook,
} from '#test/peer/alertmanager.ts'
import { isMissing } from '#test/peer/cache.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { type BadWeather, startBadWeather, WEATHERS } from './support/bad-weather.ts'
import { RulerProcess, type RulerSettings } from './support/ruler-processes.ts'
import { logOf, RulerWorld } from './support/ruler-world.ts'
import { killPhase, Killer } from './support/ruler-killer.ts'

const KILLS = Number(process.env['THAW_KILLS'] ?? 12)
const SEED = Number(process.env['THAW_SEED'] ?? Date.now() % 1e6)
const WILD = KILLS > 50 ? ['wild1', 'wild2'] : ['wild1']
/** All rules have been through all their states, and the way to the Alertmanager through all weathers. */
const LEAST_MS = 80_000
/** Until whatever fired has been resolved and told. */
const SETTLE_MS = 30_000
const TICK_EVERY_MS = 1000

const peer = await findAlertmanager()
if (isMissing(peer)) describeSkipped('rulers that are killed', peer)
else {
  describe(`rulers that are killed ${KILLS} times (THAW_SEED=${SEED})`, () => {
    const world = new RulerWorld(['calm', 'weather', ...WILD])
    const stopping = new AbortController()
    const rulers: RulerProcess[] = []
    let alertmanager: AlertmanagerServer
    let webhook: Webhook
    let way: BadWeather

    beforeAll(async () => {
      webhook = await startWebhook()
      alertmanager = await startAlertmanager({
        binary: peer.binary,
        dataDir: world.directory,
        config: `
route: {receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 500ms, repeat_interval: 1h}
receivers: [{name: hook, webhook_configs: [{url: '${webhook.url}'}]}]
`,
      })
      way = await startBadWeather(alertmanager.url)
    })

    afterAll(async () => {
      stopping.abort()
      await Promise.all(rulers.map((ruler) => ruler.stop()))
      way?.close()
      await alertmanager?.stop()
      webhook?.close()
      await world.end()
    })

    function settingsOf(run: string, more: Partial<RulerSettings> = {}): RulerSettings {
      return {
        directory: world.bucketOf(run),
        alertmanagerUrl: alertmanager.url,
        run,
        lastsMs: 4000,
        ...more,
      }
    }

    /** Ticks until the end of the test. */
    async function keepTicking(run: string, more: Partial<RulerSettings> = {}): Promise<void> {
      const ruler = await RulerProcess.start(settingsOf(run, more))
      rulers.push(ruler)
      while (!stopping.signal.aborted) {
        if ((await ruler.tick()).killed) throw new Error(`${run}: it ended`)
        await wait(TICK_EVERY_MS)
      }
    }

    async function changeWeather(): Promise<void> {
      for (let i = 0; !stopping.signal.aborted; i++) {
        await wait(9000)
        way.weather = WEATHERS[i % WEATHERS.length]!
        await wait(4000)
        way.weather = 'fine'
      }
    }

    it('tell what one tells that nothing happens to', async () => {
      await world.begin()
      const endless = [
        keepTicking('calm', { lastsMs: 60_000 }),
        keepTicking('weather', { alertmanagerUrl: way.url, lastsMs: 9000 }),
        changeWeather(),
      ]
      const failed = new Promise<never>((_, reject) => {
        for (const one of endless) one.catch(reject)
      })
      const killers = WILD.map((run, i) => new Killer(settingsOf(run), SEED + i))
      const untilMs = Date.now() + LEAST_MS
      const wild = killers.map((killer) => killer.run(KILLS / WILD.length, untilMs))
      await Promise.race([failed, Promise.all(wild)])
      const settledMs = world.becomeQuiet() + SETTLE_MS
      const settled = killers.map((killer) => killer.calmDown(settledMs))
      await Promise.race([failed, Promise.all(settled)])
      stopping.abort()
      await Promise.all(endless)

      const calm = logOf(webhook.notifications, 'calm')
      const phases = killers.flatMap(({ kills }) => kills.map(killPhase))
      const told = Object.entries(Object.groupBy(phases, (phase) => phase))
      console.log(
        [
          `${Object.keys(calm).length} alerts, ${Object.values(calm).flat().length} notifications of each ruler`,
          `killed ${phases.length}: ${told.map(([phase, all]) => `${all!.length} ${phase}`).join(', ')}`,
          `requests in bad weather: ${[...way.requests].map(([weather, n]) => `${n} ${weather}`).join(', ')}`,
        ].join('\n'),
      )
      expect(phases.length).toBeGreaterThanOrEqual(KILLS)
      expect(WEATHERS.filter((weather) => !way.requests.has(weather))).toEqual([])
      // Every alert fired and was resolved, some more than once.
      expect(Object.keys(calm).length).toBeGreaterThanOrEqual(10)
      for (const log of Object.values(calm)) {
        const states = log.map((line) => line.split(' ')[0])
        expect(states).toEqual(states.map((_, i) => (i % 2 === 0 ? 'firing' : 'resolved')))
        expect(states.length % 2).toBe(0)
      }
      for (const run of ['weather', ...WILD]) {
        expect({ run, log: logOf(webhook.notifications, run) }).toEqual({ run, log: calm })
      }
    }, 3_600_000)
  })
}
