/** Makes Prometheus read its configuration again, and finds out whether it took it. */
import { readFile, readdir } from 'node:fs/promises'
import { DomainError } from '#lib/model/errors.ts'
import { readText } from '#lib/http-client/answer.ts'
import type { PrometheusClient } from '../prometheus/prometheus-client.ts'
import { sleep } from '../sleep.ts'

export type ReloadTarget = Pick<PrometheusClient, 'url' | 'request' | 'api'>

/** Resolves when the new configuration holds. Rejects with Prometheus's own words when it was refused. */
export type Trigger = (signal: AbortSignal) => Promise<void>

const ANSWER_BYTES = 64 * 1024
const TIMEOUT_MS = 60_000

/** `POST /-/reload`, which answers when the reload is done. */
export function reloadByHttp(prometheus: ReloadTarget): Trigger {
  return async (signal) => {
    const answer = await prometheus.request('/-/reload', {
      method: 'POST',
      signal,
      timeoutMs: TIMEOUT_MS,
    })
    const text = (await readText(answer, ANSWER_BYTES)).trim()
    if (answer.status === 200) return
    const hint = isForbidden(answer.status)
      ? ', is it started with --web.enable-lifecycle and may it be asked?'
      : ''
    throw new DomainError(
      'unavailable',
      `${prometheus.url}/-/reload answered ${answer.status} ${text}${hint}`,
    )
  }
}

function isForbidden(status: number): boolean {
  return [401, 403, 404, 405].includes(status)
}

/** Between questions whether a signal has been followed. */
const POLL_MS = 250
const FOLLOWED_WITHIN_MS = 10_000

/** SIGHUP to the process of that name, which runs on this machine (or in this pod, with a shared process namespace). */
export function reloadBySignal(
  prometheus: ReloadTarget,
  processName: string,
  now: () => number,
  send: (pid: number) => void = (pid) => void process.kill(pid, 'SIGHUP'),
): Trigger {
  return async (signal) => {
    const before = await configStatus(prometheus, signal)
    // It tells whole seconds: two reloads within one could not be told apart.
    await sleep(Math.max(0, before.time + 1000 - now()), signal)
    const pid = await findProcess(processName)
    try {
      send(pid)
    } catch (cause) {
      throw new DomainError(
        'unauthorized',
        `no SIGHUP to ${processName} (${pid}): ${(cause as Error).message}`,
        { cause },
      )
    }
    for (let waitedMs = 0; waitedMs < FOLLOWED_WITHIN_MS; waitedMs += POLL_MS) {
      await sleep(POLL_MS, signal)
      if (signal.aborted) return
      const { successful, time } = await configStatus(prometheus, signal)
      if (successful && time > before.time) return
      if (before.successful && !successful) {
        throw new DomainError('unavailable', `${prometheus.url} refused it, its log says why`)
      }
    }
    throw new DomainError(
      'unavailable',
      `${prometheus.url} has no new configuration ${FOLLOWED_WITHIN_MS / 1000} s after SIGHUP to ${processName} (${pid})`,
    )
  }
}

interface ConfigStatus {
  readonly successful: boolean
  /** When the configuration was last taken, ms. */
  readonly time: number
}

async function configStatus(prometheus: ReloadTarget, signal: AbortSignal): Promise<ConfigStatus> {
  const path = '/api/v1/status/runtimeinfo'
  const info = (await prometheus.api(path, new URLSearchParams(), signal)) as {
    readonly reloadConfigSuccess?: unknown
    readonly lastConfigTime?: unknown
  }
  return {
    successful: info.reloadConfigSuccess === true,
    time: Date.parse(String(info.lastConfigTime)) || 0,
  }
}

/** By the name the kernel has for it, 15 characters. The oldest where there are several. */
async function findProcess(name: string): Promise<number> {
  const pids = (await readdir('/proc').catch(() => [])).filter((entry) => /^\d+$/.test(entry))
  for (const pid of pids.map(Number).sort((a, b) => a - b)) {
    const comm = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
    if (comm.trimEnd() === name.slice(0, 15)) return pid
  }
  throw new DomainError('not-found', `no process named ${name} (--reloader.process-name)`)
}
