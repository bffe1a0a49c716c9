/** `thaw local`: everything on this machine. What it starts is in `localstack`. */
import { Command, InvalidArgumentError } from 'commander'
import { OBJSTORE_HELP, addObjstoreFlags, objstoreFlags } from '#agent/objstore.ts'
import type { LocalOptions } from '#localstack/local.ts'
import type { CliContext } from './context.ts'

export interface LocalModule {
  readonly runLocal: (options: LocalOptions) => Promise<void>
}

export function localCommand(
  context: CliContext,
  // Loaded when asked for: the other commands need not wait for it.
  load: () => Promise<LocalModule> = () => import('#localstack/local.ts'),
): Command {
  const command = new Command('local')
    .description('Runs all of thaw on this machine: agents, bucket, functions, HTTP API.')
    .option('--port <port>', 'where the HTTP API answers', port, 19090)
    .option('--data-dir <dir>', 'where the bucket and the caches are kept', '.thaw')
    .option('--days <n>', 'days of sample data, when no Prometheus is given', days, 15)
    .option('--prometheus.url <url>', 'a Prometheus whose blocks are shipped')
    .option('--tsdb.path <dir>', 'and its data directory')
    .option('--query.flags <flags>', "flags of Thanos's querier, in one argument", '')
    .option('--compact.flags <flags>', "flags of Thanos's compactor, in one argument", '')
    .option('--rule.flags <flags>', "flags of Thanos's ruler, in one argument")
    .option(
      '--compact',
      'merge, downsample and delete blocks also in the bucket of --objstore.config',
    )
    .option('--auth.tokens', 'ask for a token of the bucket, as the deployed HTTP API does')
    .option('--debug', 'show stack traces of errors')
  return addObjstoreFlags(command)
    .addHelpText('after', HELP)
    .action(async (parsed: Record<string, unknown>) => {
      const { runLocal } = await load()
      const objstore = objstoreFlags(parsed)
      const isOwn = objstore.yaml === undefined && objstore.file === undefined
      await runLocal({
        port: parsed['port'] as number,
        dataDir: parsed['dataDir'] as string,
        objstore,
        prometheusUrl: parsed['prometheus.url'] as string | undefined,
        tsdbPath: parsed['tsdb.path'] as string | undefined,
        queryFlags: parsed['query.flags'] as string,
        compactFlags: parsed['compact.flags'] as string,
        ruleFlags: (parsed['rule.flags'] as string | undefined) ?? '',
        rules: isOwn || parsed['rule.flags'] !== undefined,
        compact: isOwn || parsed['compact'] === true,
        tokens: parsed['auth.tokens'] === true,
        days: parsed['days'] as number,
        context,
      })
    })
}

const HELP = `${OBJSTORE_HELP}
Examples:
  $ thaw local                                   sample data in .thaw, http://127.0.0.1:19090
  $ thaw local --objstore.config-file=bucket.yml query the bucket Thanos writes to, on this machine
  $ thaw local --auth.tokens                     only with a token, as on AWS: see thaw token --help
  $ thaw local --query.flags='--query.enforce-tenancy --query.lookback-delta=2m'
  $ thaw local --compact.flags='--retention.resolution-raw=30d'
  $ thaw local --rule.flags='--alertmanagers.url=http://localhost:9093'
  $ thaw local --prometheus.url=http://localhost:9090 --tsdb.path=/var/lib/prometheus/metrics2
`

function port(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    throw new InvalidArgumentError('write a port from 0 to 65535.')
  }
  return Number(text)
}

function days(text: string): number {
  if (!/^\d{1,4}$/.test(text) || Number(text) === 0) {
    throw new InvalidArgumentError('write a number of days from 1 to 9999.')
  }
  return Number(text)
}
