/** `thaw store`: a bucket as a StoreAPI, for the queriers of Thanos and of thaw. */
import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { flagValues } from '#agent/flags/command-flags.ts'
import { createLogger } from '#agent/logger.ts'
import { objstoreFlags, openRequiredBucket } from '#agent/objstore.ts'
import { DomainError } from '#lib/model/errors.ts'
import type { CliContext } from './context.ts'
import { addStoreFlags, idleFlags, STORE_FLAGS, type StoreFlagValues } from './store-flags.ts'

export function storeCommand(context: CliContext): Command {
  const command = new Command('store').description(
    "Serves a bucket as Thanos's store gateway does: StoreAPI over gRPC, for an existing Thanos Query.",
  )
  return addStoreFlags(command).action(async (parsed: Record<string, unknown>) => {
    const flags: StoreFlagValues = flagValues(STORE_FLAGS, parsed)
    const logger = createLogger({ level: flags['log.level'], format: flags['log.format'] })
    const bucket = await openRequiredBucket(objstoreFlags(parsed), context.env)
    const selectorYaml = await selectorOf(flags)
    const idle = idleFlags(command)
    if (idle.length > 0) logger.warn({ flags: idle.join(' ') }, 'flags without effect here')
    // Loaded when asked for: no other command needs gRPC.
    const { runStore } = await import('./run-store.ts')
    await runStore({ flags, selectorYaml }, { ...context, bucket, logger, processMetrics: true })
  })
}

async function selectorOf(flags: StoreFlagValues): Promise<string> {
  const yaml = flags['selector.relabel-config']
  const file = flags['selector.relabel-config-file']
  if (file === '') return yaml
  if (yaml !== '') {
    throw new DomainError(
      'invalid',
      'give --selector.relabel-config or --selector.relabel-config-file, not both',
    )
  }
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const { message } = cause as Error
    throw new DomainError('invalid', `--selector.relabel-config-file: ${message}`, { cause })
  }
}
