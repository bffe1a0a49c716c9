/** `thaw serve`: the HTTP API as one process, over a bucket, StoreAPI endpoints, or both. */
import { Command, InvalidArgumentError } from 'commander'
import {
  OBJSTORE_HELP,
  addObjstoreFlags,
  objstoreFlags,
  readObjstoreYaml,
} from '#agent/objstore.ts'
import { parseDuration } from '#lib/api/params.ts'
import { QUERY_FLAGS, querySettings } from '#lib/lambda/query-flags.ts'
import type { CliContext } from './context.ts'
import { addFlags, wordsOfFlags } from './flag-options.ts'
import { addLogFlags } from './log-flags.ts'
import type { ServeFlags } from './run-serve.ts'

export function serveCommand(context: CliContext): Command {
  const command = new Command('serve')
    .description(
      "Serves Prometheus's HTTP API over a bucket, over StoreAPI endpoints (agents, Thanos's sidecars, stores, rulers, receivers, queriers), or both.",
    )
    .option('--http-address <address>', 'where it answers', '0.0.0.0:10902')
    .option(
      '--http-grace-period <duration>',
      'how long requests may go on when it is asked to stop (default: 2m)',
      duration,
      120_000,
    )
    .option(
      '--query.workers <n>',
      'threads besides the main one (default: one less than processors, at most 4)',
      workerCount,
    )
    .option('--auth.tokens', 'only who has a token of the bucket may ask: see thaw token --help')
    .option('--debug', 'show stack traces of errors')
  addObjstoreFlags(addLogFlags(command))
  return addFlags(command, QUERY_FLAGS)
    .addHelpText('after', HELP)
    .action(async (parsed: Record<string, unknown>) => {
      const served = {
        settings: querySettings(wordsOfFlags(parsed, QUERY_FLAGS)),
        yaml: await readObjstoreYaml(objstoreFlags(parsed)),
      }
      // Loaded when asked for: the engine takes longer to load than all else together.
      const { runServe } = await import('./run-serve.ts')
      await runServe(context, parsed as unknown as ServeFlags, served)
    })
}

const HELP = `${OBJSTORE_HELP}
Examples:
  $ thaw serve --objstore.config-file=bucket.yml
  $ thaw serve --objstore.config-file=bucket.yml --endpoint=sidecar-a:10901 --endpoint=dns+rulers.example:10901
  $ thaw serve --objstore.config-file=bucket.yml --auth.tokens --http-address=127.0.0.1:10902
  $ thaw serve --endpoint.sd-config-file=endpoints.yml --query.replica-label=replica

SIGINT or SIGTERM ends it when the requests that run have their answers; a second one ends it at once.
`

function duration(text: string): number {
  try {
    return parseDuration(text)
  } catch {
    throw new InvalidArgumentError('write a duration such as 30s.')
  }
}

function workerCount(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new InvalidArgumentError('write a number of threads, from 0.')
  return Number(text)
}
