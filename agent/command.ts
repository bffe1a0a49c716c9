/** `thaw agent` and `node agent/main.ts`: flags → parts → the running agent. */
import { Command } from 'commander'
import { DomainError } from '#lib/model/errors.ts'
import type { PrometheusOptions } from './agent-options.ts'
import { type Logger, createLogger, loggerWith } from './logger.ts'
import { type Env, objstoreFlags, openConfiguredBucket, openRequiredBucket } from './objstore.ts'
import { garbageCollector } from './give-back.ts'
import { addAgentFlags } from './flags/command-flags.ts'
import { type AgentSettings, agentSettings } from './flags/settings.ts'
import type { ProcessSignals } from './run-command.ts'
import { runAgent } from './run-agent.ts'
import { shipOnce } from './ship/ship-once.ts'
import type { ShipOutcome } from './ship/shipper.ts'
import { VERSION } from './version.ts'

export interface AgentProcess extends ProcessSignals {
  readonly env: Env
  readonly write: (text: string) => void
}

export function agentCommand(process: AgentProcess): Command {
  const command = new Command('agent').description(
    'Ships the blocks of the Prometheus beside it to a bucket, as the Thanos sidecar does.',
  )
  command.version(VERSION)
  return addAgentFlags(command).action(async (parsed: Record<string, unknown>) => {
    const settings = await agentSettings(parsed, process.env)
    if (settings.once) await runOnce(settings, parsed, process)
    else await runForever(settings, parsed, process)
  })
}

async function runForever(
  settings: AgentSettings,
  parsed: Record<string, unknown>,
  { env, signal, killSignal, onHangup }: AgentProcess,
): Promise<void> {
  const logger = agentLogger(settings)
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
    giveBack: garbageCollector(),
    changes: settings.readAgain && changes(settings.readAgain, { logger, signal, onHangup }),
    env,
  })
}

interface ChangesParts {
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly onHangup: ProcessSignals['onHangup']
}

/** What the configuration file says after each SIGHUP. A file that is wrong changes nothing. */
async function* changes(
  read: () => Promise<readonly PrometheusOptions[]>,
  { logger, signal, onHangup }: ChangesParts,
): AsyncGenerator<readonly PrometheusOptions[]> {
  let wake = Promise.withResolvers<void>()
  const end = (): void => wake.resolve()
  onHangup(end)
  signal.addEventListener('abort', end)
  while (!signal.aborted) {
    await wake.promise
    wake = Promise.withResolvers()
    if (signal.aborted) return
    try {
      const prometheuses = await read()
      logger.info({ prometheuses: prometheuses.length }, 'configuration read again')
      yield prometheuses
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      logger.error({ err: error }, 'configuration not changed')
    }
  }
}

async function runOnce(
  settings: AgentSettings,
  parsed: Record<string, unknown>,
  { env, signal, write }: AgentProcess,
): Promise<void> {
  const logger = agentLogger(settings)
  const bucket = await openRequiredBucket(objstoreFlags(parsed), env)
  for (const options of settings.prometheuses) {
    const outcome = await shipOnce({ ...options, bucket, logger, now: Date.now, env, signal })
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

function agentLogger({ logLevel, logFormat, debugName }: AgentSettings): Logger {
  const logger = createLogger({ level: logLevel, format: logFormat })
  return debugName === '' ? logger : loggerWith(logger, { name: debugName })
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
