/** `thaw store`: a bucket as a StoreAPI, for the queriers of Thanos and of thaw. */
import { Command } from 'commander'
import { flagValues } from '#agent/flags/command-flags.ts'
import { createLogger } from '#agent/logger.ts'
import { objstoreFlags, openRequiredBucket } from '#agent/objstore.ts'
import type { CliContext } from './context.ts'
import { selectorYaml } from './relabel-flags.ts'
import { addStoreFlags, idleFlags, STORE_FLAGS, type StoreFlagValues } from './store-flags.ts'

export function storeCommand(context: CliContext): Command {
  const command = new Command('store').description(
    "Serves a bucket as Thanos's store gateway does: StoreAPI over gRPC, for an existing Thanos Query.",
  )
  return addStoreFlags(command).action(async (parsed: Record<string, unknown>) => {
    const flags: StoreFlagValues = flagValues(STORE_FLAGS, parsed)
    const logger = createLogger({ level: flags['log.level'], format: flags['log.format'] })
    const bucket = await openRequiredBucket(objstoreFlags(parsed), context.env)
    const selector = await selectorYaml(flags)
    const idle = idleFlags(command)
    if (idle.length > 0) logger.warn({ flags: idle.join(' ') }, 'flags without effect here')
    // Loaded when asked for: no other command needs gRPC.
    const { runStore } = await import('./run-store.ts')
    await runStore(
      { flags, selectorYaml: selector },
      { ...context, bucket, logger, processMetrics: true },
    )
  })
}
