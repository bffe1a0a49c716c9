/** `thaw agent` and `node agent/main.ts`: flags → parts → the running agent. */
import { Command } from 'commander'
import { DomainError } from '#lib/model/errors.ts'
import { createLogger } from './logger.ts'
import { type Env, objstoreFlags, openConfiguredBucket, openRequiredBucket } from './objstore.ts'
import { type AgentSettings, addAgentFlags, agentSettings } from './options.ts'
import { runAgent } from './run-agent.ts'
import { shipOnce } from './ship/ship-once.ts'
import type { ShipOutcome } from './ship/shipper.ts'

export interface AgentProcess {
  readonly env: Env
  readonly write: (text: string) => void
  /** The first SIGTERM or SIGINT. */
  readonly signal: AbortSignal
  /** The second one. */
  readonly killSignal: AbortSignal
}

export function agentCommand(process: AgentProcess): Command {
  const command = new Command('agent').description(
    'Ships the blocks of the Prometheus beside it to a bucket, as the Thanos sidecar does.',
  )
  return addAgentFlags(command).action(async (parsed: Record<string, unknown>) => {
    const settings = agentSettings(parsed)
    if (settings.once) await runOnce(settings, parsed, process)
    else await runForever(settings, parsed, process)
  })
}

async function runForever(
  settings: AgentSettings,
  parsed: Record<string, unknown>,
  { env, signal, killSignal }: AgentProcess,
): Promise<void> {
  const logger = createLogger({ level: settings.logLevel, format: settings.logFormat })
  const bucket = await openConfiguredBucket(objstoreFlags(parsed), env)
  logger.info(
    { tsdbPath: settings.prometheuses.map(({ tsdbPath }) => tsdbPath), bucket: bucket?.name },
    'starting agent',
  )
  await runAgent(settings, {
    bucket,
    logger,
    now: Date.now,
    signal,
    killSignal,
    processMetrics: true,
  })
}

async function runOnce(
  settings: AgentSettings,
  parsed: Record<string, unknown>,
  { env, signal, write }: AgentProcess,
): Promise<void> {
  const logger = createLogger({ level: settings.logLevel, format: settings.logFormat })
  const bucket = await openRequiredBucket(objstoreFlags(parsed), env)
  for (const options of settings.prometheuses) {
    const outcome = await shipOnce({ ...options, bucket, logger, now: Date.now, signal })
    write(describeOutcome(outcome))
    const first = outcome.failed[0]
    if (first !== undefined) {
      throw new DomainError(
        first.error.kind,
        `${outcome.failed.length} of ${blockCount(outcome)} blocks not uploaded, first ${first.ulid}: ${first.error.message}`,
        { cause: first.error },
      )
    }
  }
}

function blockCount({ uploaded, skipped, failed, notReached }: ShipOutcome): number {
  return uploaded.length + skipped.length + failed.length + notReached.length
}

export function describeOutcome({ uploaded, skipped, failed, notReached }: ShipOutcome): string {
  const lines = [
    ...uploaded.map(({ ulid, byteLength }) => `${ulid} uploaded ${byteLength} bytes`),
    ...skipped.map(({ ulid, reason }) => `${ulid} skipped ${reason}`),
    ...failed.map(({ ulid, error }) => `${ulid} failed ${error.message}`),
    ...notReached.map((ulid) => `${ulid} not reached`),
  ]
  return lines.map((line) => `${line}\n`).join('')
}
