/** The agent beside a Prometheus, as a service: a process with an environment of its own. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LivingPrometheus } from './living-prometheus.ts'

const AGENT = fileURLToPath(new URL('../../../agent/main.ts', import.meta.url))

export interface Service {
  readonly log: () => string
  stop(): Promise<void>
}

export interface ServiceOptions {
  /** Where `bucket.yml` is. */
  readonly cwd: string
  /** With the agent's credentials. */
  readonly env: Readonly<Record<string, string>>
}

/** What the agent is told of its Prometheus and its bucket, whether it goes on or not. */
export function agentArgs({ url, dataDir }: LivingPrometheus): string[] {
  return [
    AGENT,
    `--prometheus.url=${url}`,
    `--tsdb.path=${dataDir}`,
    '--objstore.config-file=bucket.yml',
  ]
}

export function startAgentService(prometheus: LivingPrometheus, options: ServiceOptions): Service {
  const child = spawn(
    process.execPath,
    [
      ...agentArgs(prometheus),
      '--fresh.interval=5s',
      '--http-address=127.0.0.1:0',
      '--grpc-address=',
    ],
    { ...options, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  return {
    log: () => log,
    async stop() {
      child.kill('SIGTERM')
      await Promise.race([ended, sleep(10_000)])
      child.kill('SIGKILL')
      await ended
    },
  }
}
