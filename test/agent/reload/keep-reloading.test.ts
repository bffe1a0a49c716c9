/** When Prometheus is made to reload, what is counted, and what is said when it refuses. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { afterEach, describe, expect, it } from 'vitest'
import { type Logger, SILENT, describeError } from '#agent/logger.ts'
import { meterOf } from '#agent/metrics.ts'
import { type ReloaderOptions, keepReloading } from '#agent/reload/keep-reloading.ts'
import { type ReloadTarget, reloadBySignal } from '#agent/reload/trigger.ts'
import { temporaryDir } from '../block-fixture.ts'

const ended: (() => Promise<void>)[] = []

afterEach(async () => {
  while (ended.length > 0) await ended.pop()!()
})

interface FakeTarget extends ReloadTarget {
  answer: { status: number; text: string }
  readonly posts: string[]
}

function target(): FakeTarget {
  const fake: FakeTarget = {
    url: 'http://p:9090',
    answer: { status: 200, text: '' },
    posts: [],
    async request(path, { method }) {
      fake.posts.push(`${method} ${path}`)
      const { status, text } = fake.answer
      const body = (async function* () {
        yield Buffer.from(text)
      })()
      return { status, headers: {}, body, discard() {} }
    },
    async api() {
      throw new Error('not asked')
    },
  }
  return fake
}

async function world(given: Partial<ReloaderOptions> = {}, env: Record<string, string> = {}) {
  const dir = await temporaryDir()
  const configFile = join(dir, 'in.yml')
  const envsubstFile = join(dir, 'out.yml')
  await writeFile(configFile, 'a: 1\n')
  const options: ReloaderOptions = {
    configFile,
    envsubstFile,
    ruleDirs: [],
    watchIntervalMs: 60_000,
    retryIntervalMs: 10,
    method: 'http',
    processName: 'prometheus',
    ...given,
  }
  const prometheus = target()
  const registry = new Registry()
  const errors: string[] = []
  const logger: Logger = {
    ...SILENT,
    error: (facts) => void errors.push(describeError((facts as { err: unknown }).err)),
  }
  const stop = new AbortController()
  return {
    ...options,
    prometheus,
    errors,
    run: () => {
      const parts = { prometheus, logger, now: () => 7000, meter: meterOf(registry, ''), env }
      const running = keepReloading(options, parts, stop.signal)
      running.catch(() => {})
      ended.push(async () => {
        stop.abort()
        await running.catch(() => {})
      })
      return running
    },
    metric: async (name: string): Promise<number> => {
      const metric = await registry.getSingleMetric(`thanos_sidecar_reloader_${name}`)!.get()
      return metric.values[0]!.value
    },
  }
}

async function until(fact: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (await fact()) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error('never')
}

describe('the reloader', () => {
  it('reloads at the start and at each change, and not without one', async () => {
    const { run, prometheus, metric, configFile, envsubstFile } = await world()
    void run()
    await until(() => prometheus.posts.length === 1)
    expect(prometheus.posts).toEqual(['POST /-/reload'])
    await until(async () => (await metric('last_reload_successful')) === 1)
    expect(await metric('last_reload_success_timestamp_seconds')).toBe(7)
    await writeFile(configFile, 'a: 2\n')
    await until(() => prometheus.posts.length === 2)
    expect(await readFile(envsubstFile, 'utf8')).toBe('a: 2\n')
    await writeFile(configFile, 'a: 2\n')
    await until(async () => (await metric('config_apply_operations_total')) > 1)
    expect(prometheus.posts).toHaveLength(2)
    expect(await metric('reloads_total')).toBe(2)
    expect(await metric('reloads_failed_total')).toBe(0)
    expect(await metric('watches')).toBe(1)
  })

  it('sees a change without being told of it', async () => {
    const { run, prometheus, configFile } = await world({ watchIntervalMs: 10 })
    void run()
    await until(() => prometheus.posts.length === 1)
    await writeFile(configFile, 'a: 3\n')
    await until(() => prometheus.posts.length > 1)
    expect(prometheus.posts).toHaveLength(2)
  })

  it('tries again what Prometheus refused, and says its reason', async () => {
    const { run, prometheus, errors, metric } = await world()
    prometheus.answer = { status: 500, text: 'failed to reload config: parsing YAML\n' }
    void run()
    await until(() => errors.length > 1)
    expect(errors[0]).toBe(
      'http://p:9090/-/reload answered 500 failed to reload config: parsing YAML',
    )
    expect(await metric('last_reload_successful')).toBe(0)
    prometheus.answer = { status: 200, text: '' }
    await until(async () => (await metric('last_reload_successful')) === 1)
  })

  it('knows why there is no /-/reload', async () => {
    const { run, prometheus, errors } = await world()
    prometheus.answer = { status: 403, text: 'Lifecycle API is not enabled.' }
    void run()
    await until(() => errors.length > 0)
    expect(errors[0]).toMatch(/answered 403 .*is it started with --web\.enable-lifecycle/)
  })

  it('ends with the variable that is not set at the start', async () => {
    const { run, configFile, metric } = await world()
    await writeFile(configFile, 'a: $(NOBODY)\n')
    await expect(run()).rejects.toMatchObject({
      kind: 'invalid',
      message: `${configFile} names environment variables that are not set: NOBODY`,
    })
    expect(await metric('config_environment_variable_expansion_errors')).toBe(1)
  })

  it('goes on with the old configuration when a later one can not be used', async () => {
    const { run, prometheus, errors, configFile, envsubstFile, metric } = await world()
    void run()
    await until(() => prometheus.posts.length === 1)
    await writeFile(configFile, 'a: $(NOBODY)\n')
    await until(() => errors.length > 0)
    expect(errors[0]).toMatch(/not set: NOBODY/)
    expect(await readFile(envsubstFile, 'utf8')).toBe('a: 1\n')
    expect(prometheus.posts).toHaveLength(1)
    expect(await metric('config_apply_operations_failed_total')).toBeGreaterThan(0)
    await writeFile(configFile, 'a: 4\n')
    await until(() => prometheus.posts.length === 2)
    await until(async () => (await metric('config_environment_variable_expansion_errors')) === 0)
  })

  it('writes the configuration once and is silent with an interval of 0', async () => {
    const { run, prometheus, envsubstFile } = await world({ watchIntervalMs: 0 })
    void run()
    await until(async () => (await readFile(envsubstFile).catch(() => '')).length > 0)
    expect(prometheus.posts).toEqual([])
  })
})

/** '' where there is no /proc. */
const OWN_NAME = (await readFile('/proc/self/comm', 'utf8').catch(() => '')).trim()

describe('a reload by signal', () => {
  it.runIf(OWN_NAME !== '')(
    'is verified by what Prometheus says of its configuration',
    async () => {
      const infos = [
        { reloadConfigSuccess: true, lastConfigTime: '2026-01-01T00:00:00Z' },
        { reloadConfigSuccess: true, lastConfigTime: '2026-01-01T00:00:00Z' },
        { reloadConfigSuccess: true, lastConfigTime: '2026-01-01T00:00:05Z' },
      ]
      const pids: number[] = []
      const asked: string[] = []
      const prometheus: ReloadTarget = {
        ...target(),
        async api(path) {
          asked.push(path)
          return infos.shift()
        },
      }
      const trigger = reloadBySignal(prometheus, OWN_NAME, Date.now, (pid) => void pids.push(pid))
      await trigger(new AbortController().signal)
      expect(pids).toHaveLength(1)
      expect(asked).toEqual(Array<string>(3).fill('/api/v1/status/runtimeinfo'))
    },
  )

  it.runIf(OWN_NAME !== '')('that Prometheus refuses is an error', async () => {
    const infos = [
      { reloadConfigSuccess: true, lastConfigTime: '2026-01-01T00:00:00Z' },
      { reloadConfigSuccess: false, lastConfigTime: '2026-01-01T00:00:00Z' },
    ]
    const prometheus: ReloadTarget = { ...target(), api: async () => infos.shift() }
    const trigger = reloadBySignal(prometheus, OWN_NAME, Date.now, () => {})
    await expect(trigger(new AbortController().signal)).rejects.toThrow(/refused it/)
  })

  it('to nobody is an error', async () => {
    const prometheus: ReloadTarget = { ...target(), api: async () => ({}) }
    const trigger = reloadBySignal(prometheus, 'no-such-process', Date.now, () => {})
    await expect(trigger(new AbortController().signal)).rejects.toThrow(
      /no process named no-such-process/,
    )
  })
})
