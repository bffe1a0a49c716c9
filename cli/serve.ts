/** `thaw serve`: the HTTP API as one process, over a bucket, StoreAPI endpoints, or both; and, where it is wanted, compaction and rules beside it. */
import { Command, InvalidArgumentError } from 'commander'
import { bytes } from '#agent/flags/flag.ts'
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
      "Serves Prometheus's HTTP API over a bucket, over StoreAPI endpoints (agents, Thanos's sidecars, stores, rulers, receivers, queriers), or both. With --compact and --rule it is all of thaw for who has no functions.",
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
      'threads for queries besides the main one (default: one less than processors, at most 4)',
      workerCount,
    )
    .option(
      '--memory.limit <bytes>',
      'what the process may have, such as 1GiB: caches and queries are kept under it (default: that of the container or unit; 0: none)',
      byteCount,
    )
    .option('--compact', 'plan and compact too, on a thread: what thaw bucket compact --wait does')
    .option('--compact.flags <flags>', "flags of Thanos's compactor, in one argument")
    .option('--rule', 'evaluate rules too, on a thread: what thaw rule does')
    .option('--rule.flags <flags>', "flags of Thanos's ruler, in one argument")
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
  $ thaw serve --objstore.config-file=bucket.yml --compact --compact.flags='--retention.resolution-raw=90d' \\
      --rule --rule.flags='--alertmanagers.url=http://alertmanager:9093' --memory.limit=2GiB

Several may work on one bucket, all with --compact and --rule: a job and a tick are one's at a time.
SIGINT or SIGTERM ends it when the requests that run have their answers and jobs are given back; a second one ends it at once. SIGHUP reads the files of the rule flags again.
`

function duration(text: string): number {
  try {
    return parseDuration(text)
  } catch {
    throw new InvalidArgumentError('write a duration such as 30s.')
  }
}

const BYTES = bytes('', '')

function byteCount(text: string): number {
  try {
    return BYTES.parse(text)
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`)
  }
}

function workerCount(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new InvalidArgumentError('write a number of threads, from 0.')
  return Number(text)
}
